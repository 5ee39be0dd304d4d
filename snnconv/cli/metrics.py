"""``snnconv metrics``: the metrics of the NeuroBench harness."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Data, Dt, Json, KerasOptions, Model, Steps, Synapse, check_samples

N_RANDOM = 8


def metrics(
    model: Model,
    data: Data = None,
    samples: Annotated[int | None, typer.Option(metavar="N", help="Run the first N samples alone.")] = None,
    steps: Steps = 100,
    dt: Dt = None,
    batch_size: Annotated[
        int,
        typer.Option(metavar="N", help="Samples that run together; whether operations are MACs or ACs depends on it."),
    ] = 32,
    synapse: Synapse = None,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Measure footprint, sparsity, synaptic operations and membrane updates as NeuroBench does.

    Counts are those of the NeuroBench harness 2.3, layer by layer. Operations and updates are those of one sample over
    all its steps; docs/metrics.md defines each.

    Examples:

    - `snnconv metrics model.keras --data x.npz --steps 32`

    - `snnconv metrics model.snn.h5 --data x.npy --samples 1000 --json`
    """
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_samples, read_data
    from .screen import print_json, say, tell

    if samples is not None:
        check_samples(samples)
    check_steps(steps, 1.0)
    file = find_model(model, keras, dt)
    check_steps(steps, file.dt)
    given, _ = read_data(data, None)
    network = file.open(synapse, like=given)
    xs, _ = as_samples(network.graph, given, None, samples, N_RANDOM, steps)

    from .app import import_tensorflow

    import_tensorflow()
    from ..tuning.energy import metrics as measure

    found = measure(network.graph, xs, steps, network.dt, batch_size=batch_size)
    if json:
        print_json(found.to_dict())
        return
    tell(found.report)
    if given is None:
        say("The inputs are random numbers; real ones (--data) cause other spikes.", "bold")
