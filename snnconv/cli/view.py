"""``snnconv view``: a network and a sample in spikes as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ModelFileError, ParameterError
from .options import Config, CustomObjects, Dt, Json, KerasOptions, Model, Steps, Unsafe


def view(
    model: Model,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write.  [default: MODEL's name with .html]"),
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(
            "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random numbers]"
        ),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, metavar="I", help="Which sample of the inputs.")] = 0,
    steps: Steps = 100,
    dt: Dt = None,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Lowpass behind every population of a Keras model.  [default: none]"),
    ] = None,
    neurons: Annotated[
        int, typer.Option(metavar="N", help="Show the spikes of at most N neurons of a layer; the page says so.")
    ] = 60,
    json: Json = False,
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
) -> None:
    """Write one page about a network and a sample in spikes.

    The page is one file that loads nothing: it opens without a network, and can be sent to others. It has the graph,
    the sample to step through in time, every layer in equations with its numbers, histograms of weights and rates,
    every variable of the Keras model with its unit, and what it takes to get the same spikes elsewhere.

    Examples:

    - `snnconv view model.keras --input x.npy --sample 3 -o report.html`

    - `snnconv view model.snn.h5 --steps 200`
    """
    from ..runtime.arguments import check_steps
    from .explain import read_with_sources
    from .export import default_path
    from .models import as_inputs, check_model_file, check_writable, read_arrays, read_dt
    from .screen import file_size, print_json, say

    check_steps(steps, 1.0)
    if neurons < 1:
        raise ParameterError(f"--neurons must be a whole number above 0. Received {neurons}.")
    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    out = default_path(model, ".html") if out is None else out
    for name, path in (("the model", model), ("the file of inputs", input), ("the config", config)):
        if path is not None and out.exists() and path.exists() and out.samefile(path):
            raise ModelFileError(f"'{out}' is {name} itself. Name another file with -o.")
    check_writable(out)
    dt = read_dt(model, dt)
    check_steps(steps, dt)
    given = None if input is None else read_arrays(input)
    graph, sources = read_with_sources(model, options, synapse)

    from ..api import view as make

    x = None if given is None else as_inputs(given, graph)
    made = make(graph, x, sample=sample, n_steps=steps, dt=dt, max_neurons=neurons, sources=sources)
    made.save(out)
    if json:
        print_json({"file": str(out), "n_bytes": out.stat().st_size, "sample": sample, **made.to_dict()})
        return
    if given is None:
        say("The sample is random numbers; a real one (--input) causes other spikes.", "bold")
    say(f"Wrote {out}, {file_size(out)}.")
