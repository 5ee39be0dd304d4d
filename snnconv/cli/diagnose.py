"""``snnconv diagnose``: why somebody's spikes are not the reference's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Config, CustomObjects, Dt, Json, KerasOptions, Model, Unsafe

PREFIX = "spikes/"  # of spikes in the files that `snnconv simulate -o` writes


def diagnose(
    model: Model,
    input: Annotated[
        Path, typer.Option("--input", "-i", metavar="FILE", help="What was run, (n, …) in an .npy or .npz file.")
    ],
    spikes: Annotated[
        Path,
        typer.Option(
            "--spikes",
            "-s",
            metavar="FILE",
            help="Your spikes: (n, steps, units) in an .npy file, or one such array per population in an .npz file.",
        ),
    ],
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The population of an .npy file.  [default: the only one]")
    ] = None,
    dt: Dt = None,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Lowpass behind every population of a Keras model.  [default: none]"),
    ] = None,
    json: Json = False,
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
) -> None:
    """Compare your own spikes with the reference, and name the mistake that makes them.

    Tried are the mistakes that people make by hand, on an FPGA or in another simulator, each and in pairs: a gain
    left out, a bias multiplied, Euler, whole-step refractory periods, a step too late, axes in another order, …
    Exits with 0 if all spikes are equal, 1 if they differ, and 2 if they cannot be compared.

    Examples:

    - `snnconv diagnose model.snn.h5 --input x.npy --spikes mine.npy`

    - `snnconv diagnose model.keras --input x.npy --spikes capture.npz --json`
    """
    from ..runtime.arguments import check_steps
    from .models import as_inputs, check_model_file, read_arrays, read_dt, read_graph
    from .screen import print_json, tell

    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    dt = read_dt(model, dt)
    check_steps(1, dt)
    x, mine = read_arrays(input), _spikes(read_arrays(spikes))
    graph = read_graph(model, options, synapse)

    from ..analysis.diagnose import diagnose as compare

    found = compare(graph, as_inputs(x, graph), mine, layer=layer, dt=dt)
    if json:
        print_json(found.to_dict())
    else:
        tell(found.report)
    if not found.equal:
        raise typer.Exit(1)


def _spikes(data: Any) -> Any:
    """The arrays of spikes in a file: those under spikes/, as `snnconv simulate` writes them, or all."""
    if not isinstance(data, dict):
        return data
    named = {name.removeprefix(PREFIX): array for name, array in data.items() if name.startswith(PREFIX)}
    return named or data
