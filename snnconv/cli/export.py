"""``snnconv export``: write a graph for another program."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ModelFileError, ParameterError
from ..text.plain import milliseconds, shape_text, value_range
from ..text.table import Table
from .app import complete_target
from .models import Data, check_samples
from .options import Config, CustomObjects, Dt, Json, KerasOptions, Unsafe
from .targets import all_contents, given_options, list_all

if TYPE_CHECKING:
    from ..export import Measurement, Target
    from ..graph import SpikingGraph

MAX_SAMPLES = 8


def export(
    context: typer.Context,
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A Keras file or an exported .snn.h5.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Where to write.  [default: MODEL's name, as --list says]"),
    ] = None,
    target: Annotated[
        str,
        typer.Option("--target", "-t", metavar="NAME", help="Format; see --list.", autocompletion=complete_target),
    ] = "hdf5",
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Approximate what the target cannot hold, and measure it.")
    ] = False,
    data: Data = None,
    samples: Annotated[
        int, typer.Option(metavar="N", help="Measure with the first N samples of the inputs, or N random ones.")
    ] = MAX_SAMPLES,
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Time steps to measure.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of random inputs.")] = 0,
    dt: Dt = None,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time constant of a lowpass behind every population.  [default: none]"),
    ] = None,
    scale_firing_rates: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", help="Fire this many times as fast, for the same output.  [default: 1]"),
    ] = None,
    refit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep LIF time constants, or take others, and refit gains and biases to these inputs.",
        ),
    ] = None,
    tau_rc: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time constant of all LIF neurons, with --refit.")
    ] = None,
    tau_ref: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Refractory period of all LIF neurons, with --refit.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Calibrate IF and LIF neurons with the inputs, (n, …), in an .npy or .npz file: right in few steps.",
        ),
    ] = None,
    calibrate_steps: Annotated[int, typer.Option(metavar="N", help="Time steps that --calibrate aims at.")] = 32,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that an earlier export wrote.")] = False,
    json: Json = False,
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
    list_targets: Annotated[bool, typer.Option("--list", help="List the targets with their options and exit.")] = False,
) -> None:
    """Write a spiking network for another program.

    What is written is complete or not there at all. A target that cannot hold something says so and writes nothing,
    unless --approximate is given. The last line is the verdict: exact, or how many spikes and predictions differ from
    the float network.

    Examples:

    - `snnconv export model.keras` writes model.snn.h5, with every number of the network

    - `snnconv export model.h5 --target nir --approximate --data x.npy`

    - `snnconv export relu.h5 --calibrate x.npy --calibrate-steps 16`
    """
    from .screen import print_json, say, show

    if list_targets:
        print_json(all_contents()) if json else list_all()
        return
    if model is None:
        raise ParameterError("export needs a MODEL. See 'snnconv export --help'.")
    from ..export import export as write
    from ..export import find_target
    from ..runtime.arguments import check_steps
    from ..tuning.adaptation import Adaptation
    from .models import as_inputs, check_model_file, read_arrays, read_dt, read_graph

    chosen = find_target(target)
    given = given_options(context)
    chosen.check_options(given)
    check_samples(samples)
    check_steps(steps, 1.0)
    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    out = default_path(model, chosen.suffix) if out is None else out
    if out.exists() and out.samefile(model):
        raise ModelFileError(f"'{out}' is the model itself. Name another file with -o.")
    _check_out(out, chosen, force)
    dt = read_dt(model, dt)
    check_steps(1, dt)
    arrays = None if data is None else read_arrays(data)
    wanted = Adaptation(scale_firing_rates, synapse, refit, tau_rc, tau_ref, calibrate, calibrate_steps)
    wanted.check("options")
    few = {"refit": refit, "calibrate": calibrate}
    few = {key: read_arrays(path) for key, path in few.items() if path is not None}
    check_steps(calibrate_steps, 1.0)
    if few:
        from .app import import_tensorflow

        import_tensorflow()
        graph = read_graph(model, options)
        inputs = {key: as_inputs(each, graph) for key, each in few.items()}
        graph = dataclasses.replace(wanted, **inputs).apply(graph, dt)
    else:
        graph = read_graph(model, options, synapse, scale_firing_rates)
    x = None if arrays is None else _first(as_inputs(arrays, graph), samples)
    measuring = {"x": x, "n_steps": steps, "n_samples": samples, "seed": seed}
    verdict = write(graph, out, chosen.name, dt, **measuring, approximate=approximate, force=force, **given)
    if json:
        print_json({"path": str(out), "target": chosen.name, "dt": dt, **verdict.to_dict()})
        return
    say(f"Wrote {out} ({chosen.name}, {_size(out)}) for steps of {dt * 1e3:g} ms.")
    if verdict.measured is not None:
        show(_differences(verdict.measured))
    elif not verdict.unmeasured:
        show(_account(graph))
        _explain(graph)
    for line in graph.report if few else ():
        what = [part for part in line.action.split("; ") if part.startswith(("refit", "calibrated"))]
        if what:
            say(f"{line.layer}: {'; '.join(what)}")
    for note in verdict.notes:
        say(f"Note: {note}.", indent=6)
    say(f"Fidelity: {verdict}", indent=10)


def _check_out(out: Path, target: Target, force: bool) -> None:
    """Find out before the work, not after it, that something cannot be written."""
    from ..files.writing import check_folder
    from .models import check_writable

    if target.is_folder:
        check_folder(out, force)
    if not (target.is_folder and out.exists()):
        check_writable(out)


def _size(path: Path) -> str:
    from .screen import file_size

    if path.is_dir():
        return f"{sum(1 for each in path.rglob('*') if each.is_file())} files"
    return file_size(path)


def _first(data: Any, n: int) -> Any:
    if isinstance(data, dict):
        return {name: _first(array, n) for name, array in data.items()}
    return data[:n] if data.ndim else data


def default_path(model: Path, suffix: str) -> Path:
    """The model's name with the suffix of a target, in the model's folder."""
    name = model.name
    for ending in (".snn.h5", model.suffix):
        if ending and name.endswith(ending):
            name = name.removesuffix(ending)
            break
    return model.with_name(name + suffix)


def _account(graph: SpikingGraph) -> Table:
    """What was written of each population and readout."""
    rows = []
    for view in graph.populations.values():
        parameters = view.neuron.parameters()
        rows.append(
            (
                view.name,
                view.neuron.kind,
                "none" if view.kernel is None else shape_text(view.kernel.shape),
                value_range(view.gain),
                value_range(view.dense_bias),
                value_range(view.neuron_bias),
                milliseconds(parameters.get("tau_rc")),
                milliseconds(parameters.get("tau_ref")),
            )
        )
    for view in graph.readouts.values():
        if graph.outputs[view.name] not in graph.populations:
            kernel = "none" if view.kernel is None else shape_text(view.kernel.shape)
            rows.append((view.name, "", kernel, "", value_range(view.dense_bias)))
    headings = ("layer", "neuron", "kernel", "gain", "dense_bias", "neuron_bias", "tau_rc", "tau_ref")
    return Table(headings, rows, left=range(3), name_width=12)


def _explain(graph: SpikingGraph) -> None:
    """How the numbers in the table are used."""
    from .screen import say

    if graph.populations:
        say("J = input · kernel + dense_bias + neuron_bias    gain: in kernel and dense_bias")
        say("output = amplitude / dt at a spike               on average: amplitude · rate")
    for view in graph.populations.values():
        if view.linear is None:
            say(f"{view.name}: has no kernel of its own; its input comes from node '{view.input}', gain included")


def _differences(measured: Measurement) -> Table:
    """Spikes of each population, in the float network and in what was written."""
    from ..export.fidelity import percent

    layers = (*measured.layers, measured.total) if len(measured.layers) > 1 else measured.layers
    rows = [(each.name, f"{each.n_spikes:,}", f"{each.n_written:,}", percent(each.share)) for each in layers]
    return Table(("layer", "spikes", "as written", "differing"), rows, name_width=36)
