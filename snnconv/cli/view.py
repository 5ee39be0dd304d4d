"""``snnconv view``: a network and a sample in spikes as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from .options import Dt, Force, Input, Json, KerasOptions, Labels, Model, Sample, Steps, Synapse, check_samples


def view(
    model: Model,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write.  [default: MODEL's name with .html]"),
    ] = None,
    input: Input = None,
    sample: Sample = 0,
    samples: Annotated[int, typer.Option(metavar="N", help="Show N samples to pick from, from --sample on.")] = 1,
    labels: Labels = None,
    steps: Steps = 100,
    dt: Dt = None,
    synapse: Synapse = None,
    neurons: Annotated[
        int, typer.Option(metavar="N", help="Show the spikes of at most N neurons of a layer; the page says so.")
    ] = 60,
    force: Force = False,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Write one page about a network and a sample in spikes.

    The page is one file that loads nothing: it opens without a network, and can be sent to others. It has the graph,
    samples to pick from and to step through in time, with each neuron's rate, current and voltage, every layer in
    equations with its numbers, kernels and rates as pictures, every variable of the Keras model with its unit, and what
    it takes to get the same spikes elsewhere.

    Examples:

    - `snnconv view model.keras --input x.npy --labels y.npy --samples 8 -o report.html`

    - `snnconv view model.snn.h5 --steps 200`
    """
    from ..analysis.view.page import ENDINGS
    from ..files.output import check_file
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, read_data
    from .screen import file_size, print_json, say

    check_steps(steps, 1.0)
    check_samples(samples)
    if neurons < 1:
        raise ParameterError(f"--neurons must be a whole number above 0. Received {neurons}.")
    file = find_model(model, keras, dt)
    out = file.beside(".html") if out is None else out
    check_file(out, ENDINGS, force)
    check_steps(steps, file.dt)
    given, classes = read_data(input, labels)
    network = file.open(synapse, like=given)

    from ..api import view as make

    x = None if given is None else as_inputs(given, network.graph)
    n = 1 if x is None else network.graph.check_inputs(x, "float32", steps).n
    numbers = sample if samples == 1 else range(sample, max(sample + 1, min(sample + samples, n)))
    if isinstance(classes, dict):
        classes = classes.get("y", next(iter(classes.values())))
    run = {"sample": numbers, "labels": classes, "n_steps": steps, "dt": network.dt}
    made = make(network.graph, x, **run, max_neurons=neurons, sources=network.sources)
    made.save(out)
    if json:
        print_json({"file": str(out), "n_bytes": out.stat().st_size, "sample": sample, **made.to_dict()})
        return
    if given is None:
        say("The sample is random numbers; a real one (--input) causes other spikes.", "bold")
    say(f"Wrote {out}, {file_size(out)}.")
