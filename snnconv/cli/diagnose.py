"""``snnconv diagnose``: name the mistake that makes somebody's spikes differ from the reference's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Dt, Json, KerasOptions, Model, Synapse

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
    synapse: Synapse = None,
    json: Json = False,
    *,
    keras: KerasOptions,
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
    from .model import find_model
    from .samples import as_inputs, read_arrays
    from .screen import print_json, tell

    file = find_model(model, keras, dt)
    check_steps(1, file.dt)
    x, mine = read_arrays(input), _spikes(read_arrays(spikes))
    network = file.open(synapse, like=x)

    from ..analysis.diagnose import diagnose as compare

    found = compare(network.graph, as_inputs(x, network.graph), mine, layer=layer, dt=network.dt)
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
