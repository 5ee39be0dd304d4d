"""``snnconv explain``: the equations of a network with its numbers in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from .options import Dt, Force, Json, KerasOptions, Model, Sample, Steps, Synapse


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
    sample: Sample = 0,
    steps: Steps = 100,
    dt: Dt = None,
    synapse: Synapse = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the unit's current, voltage and spikes: .png, .svg, .pdf.")
    ] = None,
    force: Force = False,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Say which number is which, and what a spike is worth.

    Of a network: every layer's equations with its numbers, where each variable of the Keras model is in the export,
    what it takes to get the same spikes elsewhere, and questions that people ask. Of a UNIT: every product that its
    current is made of. With --input also what the unit does at a sample, step by step.

    Examples:

    - `snnconv explain model.keras`

    - `snnconv explain model.snn.h5 lif 0 --input x.npy --sample 3`
    """
    from ..analysis.plot.canvas import IMAGES
    from ..files.output import check_file
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, read_arrays
    from .screen import print_json, say, tell

    check_steps(steps, 1.0)
    if sample and input is None:
        raise ParameterError("--sample is one of the inputs. Name these with --input FILE.")
    if plot is not None:
        if input is None:
            raise ParameterError("--plot shows a unit at a sample. Name the inputs with --input FILE.")
        check_file(plot, IMAGES, force)
    file = find_model(model, keras, dt)
    check_steps(steps, file.dt)
    given = None if input is None else read_arrays(input)
    number = None if unit is None else _unit(unit)
    network = file.open(synapse, like=given)

    from ..analysis.plot.unit import draw
    from ..api import explain as explain_model

    x = None if given is None else as_inputs(given, network.graph)
    run = {"sample": sample, "n_steps": steps, "dt": network.dt}
    found = explain_model(network.graph, layer, number, x, **run, sources=network.sources)
    if plot is not None:
        draw(found, plot)
    if json:
        print_json(found.to_dict())
        return
    tell(found.report)
    if plot is not None:
        say()
        say(f"Wrote {plot}.")


def _unit(text: str) -> int | tuple[int, ...]:
    """A unit as typed: a number, or a place with one number per axis."""
    try:
        places = tuple(int(place) for place in text.split(","))
    except ValueError:
        raise ParameterError(f"UNIT is a number, or a place as in 3,4,0. Received {text!r}.") from None
    return places[0] if len(places) == 1 else places
