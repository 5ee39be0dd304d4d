"""``snnconv explain``: the equations of a network with its numbers in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ParameterError
from .options import Config, CustomObjects, Dt, Json, KerasOptions, Model, Steps, Unsafe


def explain(
    model: Model,
    layer: Annotated[
        str | None, typer.Argument(metavar="LAYER", help="A population or an output.", show_default=False)
    ] = None,
    unit: Annotated[
        str | None,
        typer.Argument(metavar="UNIT", help="A neuron: its number, or its place as in 3,4,0.", show_default=False),
    ] = None,
    input: Annotated[
        Path | None, typer.Option("--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.")
    ] = None,
    sample: Annotated[int, typer.Option(min=0, metavar="I", help="Which sample of the inputs.")] = 0,
    steps: Steps = 100,
    dt: Dt = None,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Lowpass behind every population of a Keras model.  [default: none]"),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the unit's current, voltage and spikes: .png, .svg, .pdf.")
    ] = None,
    json: Json = False,
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
) -> None:
    """Say which number is which, and what a spike is worth.

    Of a network: every layer's equations with its numbers, where each variable of the Keras model is in the export,
    what it takes to get the same spikes elsewhere, and questions that people ask. Of a UNIT: every product that its
    current is made of. With --input also what the unit does at a sample, step by step.

    Examples:

    - `snnconv explain model.keras`

    - `snnconv explain model.snn.h5 lif 0 --input x.npy --sample 3`
    """
    from ..runtime.arguments import check_steps
    from .models import as_inputs, check_model_file, check_writable, read_arrays, read_dt
    from .screen import print_json, say, tell

    check_steps(steps, 1.0)
    if plot is not None:
        if input is None:
            raise ParameterError("--plot shows a unit at a sample. Name the inputs with --input FILE.")
        check_writable(plot)
    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    dt = read_dt(model, dt)
    check_steps(steps, dt)
    given = None if input is None else read_arrays(input)
    number = None if unit is None else _unit(unit)
    graph, sources = read_with_sources(model, options, synapse)

    from ..analysis.plot.unit import draw
    from ..api import explain as explain_model

    x = None if given is None else as_inputs(given, graph)
    found = explain_model(graph, layer, number, x, sample=sample, n_steps=steps, dt=dt, sources=sources)
    if plot is not None:
        draw(found, plot)
    if json:
        print_json(found.to_dict())
        return
    tell(found.report)
    if plot is not None:
        say()
        say(f"Wrote {plot}.")


def read_with_sources(path: Path, options: KerasOptions, synapse: float | None) -> tuple[Any, Any]:
    """The graph, and the variables of the Keras model where that is what the file holds."""
    from ..graph.file import is_graph_file
    from .models import read_graph, read_keras_model

    if is_graph_file(path):
        return read_graph(path, options, synapse), None
    model = read_keras_model(path, options)
    from ..analysis.explain.sources import keras_sources
    from ..api import convert

    return convert(model, synapse=synapse, verbose=False), keras_sources(model)


def _unit(text: str) -> int | tuple[int, ...]:
    """A unit as typed: a number, or a place with one number per axis."""
    try:
        places = tuple(int(place) for place in text.split(","))
    except ValueError:
        raise ParameterError(f"UNIT is a number, or a place as in 3,4,0. Received {text!r}.") from None
    return places[0] if len(places) == 1 else places
