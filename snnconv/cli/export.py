"""``snnconv export``: write a graph to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ModelFileError, ParameterError
from .options import Config, CustomObjects, Dt, KerasOptions, Unsafe

NAME_WIDTH = 12  # longer names are broken, so that the table fits 80 columns


def export(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A Keras file or an exported .snn.h5.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write.  [default: MODEL's name with .snn.h5]"),
    ] = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="NAME", help="Format; see --list.")] = "hdf5",
    dt: Dt = None,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time constant of a lowpass behind every population.  [default: none]"),
    ] = None,
    scale_firing_rates: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", help="Fire this many times as fast, for the same output.  [default: 1]"),
    ] = None,
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
    list_targets: Annotated[bool, typer.Option("--list", help="List the formats and exit.")] = False,
) -> None:
    """Write every number of a spiking network to a file.

    The file is written whole or not at all. Gains and batch normalisation are folded into kernels and dense biases;
    neuron biases stay apart. The trained arrays are kept beside them.

    Examples:

    - `snnconv export model.keras` writes model.snn.h5

    - `snnconv export model.h5 --target json -o net.json`
    """
    if list_targets:
        _list_targets()
        return
    if model is None:
        raise ParameterError("export needs a MODEL. See 'snnconv export --help'.")
    from ..export import export as write
    from ..export import find_target
    from ..runs import check_steps
    from .models import check_model_file, check_writable, read_dt, read_graph
    from .screen import file_size, say, show

    chosen = find_target(target)
    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    out = default_path(model, chosen.suffix) if out is None else out
    if out.exists() and out.samefile(model):
        raise ModelFileError(f"'{out}' is the model itself. Name another file with -o.")
    check_writable(out)
    dt = read_dt(model, dt)
    check_steps(1, dt)
    graph = read_graph(model, options, synapse, scale_firing_rates)
    write(graph, out, chosen.name, dt)
    say(f"Wrote {out} ({chosen.name}, {file_size(out)}) for steps of {dt * 1e3:g} ms.")
    show(_account(graph))
    if graph.populations:
        say("J = input · kernel + dense_bias + neuron_bias    gain: in kernel and dense_bias")
        say("output = amplitude / dt at a spike               on average: amplitude · rate")
    for view in graph.populations.values():
        if view.linear is None:
            say(f"{view.name}: has no kernel of its own; its input comes from node '{view.input}', gain included")


def default_path(model: Path, suffix: str) -> Path:
    """The model's name with the suffix of a target, in the model's folder."""
    name = model.name
    for ending in (".snn.h5", model.suffix):
        if ending and name.endswith(ending):
            name = name.removesuffix(ending)
            break
    return model.with_name(name + suffix)


def _account(graph):
    """What was written of each population and readout."""
    from ..graph import Population
    from ..graph.summary import broken_name, milliseconds, shape_text, value_range
    from .screen import new_table

    headings = ("layer", "neuron", "kernel", "gain", "dense_bias", "neuron_bias", "tau_rc", "tau_ref")
    table = new_table(*headings, left=3)
    for view in graph.populations.values():
        parameters = view.neuron.parameters()
        table.add_row(
            broken_name(view.name, NAME_WIDTH),
            view.neuron.kind,
            "none" if view.kernel is None else shape_text(view.kernel.shape),
            value_range(view.gain),
            value_range(view.dense_bias),
            value_range(view.neuron_bias),
            milliseconds(parameters.get("tau_rc")),
            milliseconds(parameters.get("tau_ref")),
        )
    for view in graph.readouts.values():
        if isinstance(graph[graph.outputs[view.name]], Population):
            continue
        kernel = "none" if view.kernel is None else shape_text(view.kernel.shape)
        table.add_row(broken_name(view.name, NAME_WIDTH), "", kernel, "", value_range(view.dense_bias), "", "", "")
    return table


def _list_targets() -> None:
    from ..export import TARGETS
    from .screen import new_table, show

    table = new_table("target", "suffix", "what it holds", left=3)
    table.columns[-1].no_wrap = False
    for target in TARGETS.values():
        table.add_row(target.name, target.suffix, target.holds)
    show(table)
