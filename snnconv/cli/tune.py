"""``snnconv tune``: find rate scale, synapse, readout and number of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from .app import complete_device, complete_one_of
from .energy import DeviceFile
from .options import Dt, Force, Json, KerasOptions, Labels, Model, Steps, check_samples


def tune(
    model: Model,
    data: Annotated[
        Path, typer.Option("--data", "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.")
    ],
    labels: Labels = None,
    samples: Annotated[int, typer.Option(metavar="N", help="Run at most the first N samples.")] = 500,
    steps: Steps = 100,
    dt: Dt = None,
    scales: Annotated[
        str, typer.Option(metavar="FACTOR,…", help="How many times as fast neurons fire; 1 is always tried.")
    ] = "0.5,1,2,4",
    synapses: Annotated[
        str, typer.Option(metavar="SECONDS,…", help="Lowpasses behind all populations; none for no synapse.")
    ] = "none,0.002,0.005,0.01",
    calibrate: Annotated[
        str,
        typer.Option(
            metavar="STEPS,…", help="Numbers of steps to calibrate for, with the first of the samples; or none."
        ),
    ] = "10,30",
    accuracy_drop: Annotated[
        float, typer.Option(metavar="POINTS", help="Points of accuracy that spikes may cost, against rates.")
    ] = 0.5,
    prefer: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="Have few steps, or little energy: steps, energy.",
            autocompletion=complete_one_of("steps", "energy"),
        ),
    ] = ("steps"),
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Device whose energy counts.", autocompletion=complete_device)
    ] = "loihi",
    device_file: DeviceFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the chosen setting to a .toml file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw accuracy over steps and energy: .png, .svg, .pdf.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed of the halves that early stopping is set and measured on.")
    ] = 0,
    force: Force = False,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Find the fewest steps and the least energy that keep the accuracy.

    Every scale is run with every synapse, once, for --steps; readouts and fewer steps come out of the same run.
    Exits with 0 if a setting stays within --accuracy-drop, 1 if none does, and 2 on errors.

    Examples:

    - `snnconv tune model.keras --data x.npy --labels y.npy -o tuned.toml`

    - `snnconv export model.keras --config tuned.toml`
    """
    from ..analysis.plot.canvas import IMAGES
    from ..files.output import check_file
    from ..runtime.arguments import check_steps
    from .energy import read_devices
    from .model import find_model
    from .samples import as_samples, read_data
    from .screen import print_json, say, tell

    check_samples(samples)
    check_steps(steps, 1.0)
    if prefer not in ("steps", "energy"):
        raise ParameterError(f"--prefer must be steps or energy. Received {prefer!r}.")
    factors, taus = _numbers("--scales", scales), _numbers("--synapses", synapses, or_none=True)
    targets = _numbers("--calibrate", calibrate, or_none=True)
    if any(target is not None and (target < 1 or target % 1) for target in targets):
        raise ParameterError(f"--calibrate must be whole numbers of steps, or none. Received {calibrate!r}.")
    if out is not None and out.suffix != ".toml":
        raise ParameterError(f"-o writes a TOML file: end its name in .toml. Received '{out}'.")
    for path, endings in ((out, (".toml",)), (plot, IMAGES)):
        if path is not None:
            check_file(path, endings, force)
    file = find_model(model, keras, dt)
    (chosen_device,) = read_devices([device], device_file)
    check_steps(steps, file.dt)
    given, classes = read_data(data, labels)
    network = file.open(like=given)
    xs, y = as_samples(network.graph, given, classes, samples, 0, steps)

    from .app import import_tensorflow

    import_tensorflow()
    from ..tuning import tune as search
    from ..tuning.search.setting import write_settings

    found = search(
        network.graph,
        xs,
        y,
        n_steps=steps,
        dt=network.dt,
        scales=[factor for factor in factors if factor is not None],
        synapses=taus,
        calibrate=[int(target) for target in targets if target is not None],
        accuracy_drop=accuracy_drop,
        prefer=prefer,
        device=chosen_device,
        seed=seed,
    )
    if plot is not None:
        from ..analysis.plot.tuning import draw

        draw(found, plot)
    if out is not None:
        measured = "accuracy" if found.has_labels else "agreement with the rates"
        comment = (
            f"Chosen by snnconv tune for {model.name}: {found.chosen.accuracy:.1%} {measured} on {found.n_samples} "
            f"samples,\n{found.reference_accuracy:.1%} in rates. Name it with --config to export, simulate and others."
        )
        write_settings(out, found.chosen.setting, comment, found.early.margin, data)
    if json:
        print_json(found.to_dict())
    else:
        tell(found.report)
        for path in (out, plot):
            if path is not None:
                say(f"Wrote {path}.")
        if out is not None:
            say(f"Next: snnconv simulate {model} --config {out}")
    if not found.is_within_drop:
        raise typer.Exit(1)


def _numbers(option: str, text: str, or_none: bool = False) -> list[float | None]:
    """Numbers with commas between; none for None."""
    try:
        found = [None if or_none and part.strip() == "none" else float(part) for part in text.split(",")]
    except ValueError:
        allowed = ", or none," if or_none else ""
        raise ParameterError(f"{option} must be numbers{allowed} with commas between. Received {text!r}.") from None
    return found
