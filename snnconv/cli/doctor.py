"""``snnconv doctor``: find silent, saturated and mismatched layers."""

from __future__ import annotations

from typing import Annotated

import typer

from ..text.plain import plural, run_text
from .options import Data, Dt, Json, KerasOptions, Labels, Model, ScaleFiringRates, Steps, Synapse, check_samples

N_RANDOM = 32


def doctor(
    model: Model,
    data: Data = None,
    labels: Labels = None,
    samples: Annotated[int, typer.Option(metavar="N", help="Examine at most the first N samples.")] = 64,
    steps: Steps = 100,
    dt: Dt = None,
    synapse: Synapse = None,
    scale_firing_rates: ScaleFiringRates = None,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Find silent, saturated and mismatched layers, too few steps, lost accuracy, and each layer's error.

    Exits with 0 if nothing is found, 1 if something is, and 2 if the network cannot be examined.

    Examples:

    - `snnconv doctor model.keras --data x.npy --labels y.npy --steps 50`

    - `snnconv doctor model.snn.h5 --data xy.npz --json`
    """
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_samples, read_data
    from .screen import print_json, say, show

    check_samples(samples)
    check_steps(steps, 1.0)
    file = find_model(model, keras, dt)
    check_steps(steps, file.dt)
    given, classes = read_data(data, labels)
    network = file.open(synapse, scale_firing_rates, given)
    xs, y = as_samples(network.graph, given, classes, samples, N_RANDOM, steps)
    network.graph.check_inputs(xs, "float32")  # what varies in time has no rates to compare with

    from .app import import_tensorflow

    import_tensorflow()
    from ..tuning.doctor import error_table, examine, findings_of, layer_errors

    found = examine(network.graph, xs, steps, network.dt)
    findings, errors = findings_of(found, y), layer_errors(found)
    n = xs.n
    if json:
        contents = {
            "n_samples": n,
            "n_steps": steps,
            "dt": network.dt,
            "random_inputs": given is None,
            "layers": [error.to_dict() for error in errors],
            "findings": [finding.to_dict() for finding in findings],
        }
        print_json(contents)
    else:
        what = f"{plural(n, 'random sample')} (no --data)" if given is None else plural(n, "sample")
        labelled = "" if y is not None else ", without labels"
        say(f"Examined {what}{labelled}, {run_text(steps, network.dt)}.")
        if given is not None and errors:
            say()
            show(error_table(errors))
        for finding in findings:
            say()
            say(f"{finding.layer or 'network'}: {finding.kind.replace('_', ' ')}", "bold")
            say(f"  {finding.what}", indent=2)
            say(f"  {finding.remedy}", indent=2)
        say()
        if findings:
            say(plural(len(findings), "finding"), "bold red")
        else:
            say("Nothing found", "bold green")
    if findings:
        raise typer.Exit(1)
