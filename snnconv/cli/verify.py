"""``snnconv verify``: compare a graph with Keras, the NumPy loop and the rate equation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from ..text.plain import plural, run_text
from ..text.table import Table
from .options import Dt, Dtype, Input, Json, KerasOptions, Steps, check_samples

if TYPE_CHECKING:
    from ..conversion.verify import Verification


def verify(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A Keras file, an exported .snn.h5, a .nir file, or an exported folder.",
            show_default=False,
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option("--keras", metavar="FILE", help="Keras model that the exported graph MODEL came from."),
    ] = None,
    input: Input = None,
    samples: Annotated[
        int, typer.Option(metavar="N", help="Take the first N samples of the inputs, or N random ones.")
    ] = 8,
    steps: Steps = 200,
    dt: Dt = None,
    dtype: Dtype = "float32",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of random inputs.")] = 0,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Check every layer against Keras and a plain NumPy loop.

    Three comparisons: rates with Keras' own, spikes in TensorFlow with those of a loop in NumPy, and measured rates
    with the rate equation. Exits with 0 if all passed, 1 if one failed, and 2 if nothing could be compared.

    A MODEL that is a folder, as `snnconv export` writes it, is compared with its own checksums; if no file has changed,
    the program in it is compiled and run, and compared with the test vectors beside it.

    Examples:

    - `snnconv verify model.keras`

    - `snnconv verify model.snn.h5 --keras model.keras`

    - `snnconv verify model_c`
    """
    from ..files.manifest import NAME as MANIFEST

    if (model / MANIFEST).is_file():
        if against is not None:
            raise ParameterError("--keras is for a MODEL that is a file; a folder is compared with what is in it.")
        _verify_folder(model, json)
        return
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, first_of, read_arrays
    from .screen import print_json, say
    from .simulate import check_dtype

    check_steps(steps, 1.0)
    check_dtype(dtype)
    check_samples(samples)
    reading = {"config": keras.settings, "custom_objects": None, "replace": None}  # all else is read of --keras
    file = find_model(model, keras if against is None else replace(keras, **reading), dt)
    keras_file = file if against is None else find_model(against, keras)
    if against is not None and (not file.is_graph or keras_file.is_graph):
        raise ParameterError("--keras names the Keras file that MODEL, an exported .snn.h5, is compared with.")
    check_steps(steps, file.dt)
    given = None if input is None else read_arrays(input)
    graph = file.graph() if file.is_graph else None
    keras_model = None if keras_file.is_graph else keras_file.keras_model()
    from .app import import_tensorflow

    import_tensorflow()
    from ..api import verify as compare
    from ..runtime.arguments import check_dtype

    graph = file.adapted(file.converted(keras_model, given) if graph is None else graph)
    x = None if given is None else first_of(as_inputs(given, graph), samples)
    subject = graph if keras_model is None else keras_model
    other = None if keras_model is None else graph
    found = compare(subject, x, steps, graph=other, dt=file.dt, dtype=check_dtype(dtype), seed=seed, n_samples=samples)
    if json:
        print_json(found.to_dict())
    else:
        say(f"{plural(found.n_samples, 'sample')}, {run_text(steps, file.dt)}, {dtype}")
        hint = f"Name the model to compare rates with it: snnconv verify {model} --keras MODEL.keras"
        show_verification(found, hint if keras_model is None else "")
    if not found.passed:
        raise typer.Exit(1)


def _verify_folder(folder: Path, json: bool) -> None:
    from ..export import verify_folder
    from .screen import print_json, step

    checks = verify_folder(folder)
    passed = all(check.passed is not False for check in checks)
    if json:
        print_json({"passed": passed, "checks": [vars(check) for check in checks]})
    else:
        for check in checks:
            status = "skipped" if check.passed is None else "ok" if check.passed else "FAILED"
            step(check.what, f"{status:<8}{check.said}")
    if not passed:
        raise typer.Exit(1)


def show_verification(found: Verification, hint: str = "") -> None:
    """Print the table with its legend, a hint if there is one, and the verdict."""
    from .screen import say, show

    show(_table(found))
    say("Rates in Hz are means over neurons and samples; vs Keras is the largest difference, of an output in its unit.")
    for layer in found.layers:
        if layer.note:
            say(f"{layer.name}: {layer.note}.")
    if any(layer.rate_bound for layer in found.layers):
        bound = next(layer.rate_bound for layer in found.layers if layer.rate_bound)
        say(f"At constant current each neuron's rate must be within 1/duration = {bound:.3g} Hz of the rate equation.")
        say("Deeper layers receive spikes, whose fluctuations move their rates: there the difference only informs.")
    if hint:
        say(hint)
    say()
    verdict = found.verdict
    say(verdict[0].upper() + verdict[1:], "bold green" if found.passed else "bold red")


def _table(found: Verification) -> Table:
    headings = ("layer", "vs Keras", "spikes", "differing", "rate", "equation", "difference", "")
    rows = [
        (
            layer.name,
            "" if layer.keras_difference is None else f"{layer.keras_difference:.1e}",
            "" if layer.n_spikes is None else f"{layer.n_spikes:,}",
            "" if layer.n_moved is None else f"{layer.n_moved:,}",
            "" if layer.rate is None else f"{layer.rate:.1f}",
            "" if layer.rate_equation is None else f"{layer.rate_equation:.1f}",
            "" if layer.rate_difference is None else f"{layer.rate_difference:.1f}",
            "ok" if layer.passed else "FAILED",
        )
        for layer in found.layers
    ]
    return Table(headings, rows, name_width=20)
