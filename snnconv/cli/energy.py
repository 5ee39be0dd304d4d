"""``snnconv energy``: operations and energy of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from .app import complete_device
from .options import Data, Dt, Json, KerasOptions, Model, Steps, Synapse, check_samples

if TYPE_CHECKING:
    from ..tuning.energy import Device

N_RANDOM = 8

DeviceFile = Annotated[
    Path | None,
    typer.Option("--device-file", metavar="FILE", help="TOML with devices of your own: a table [name] for each."),
]


def energy(
    model: Model,
    data: Data = None,
    samples: Annotated[int, typer.Option(metavar="N", help="Run at most the first N samples.")] = 100,
    steps: Steps = 100,
    dt: Dt = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Device to estimate for. Repeatable.  [default: all]", autocompletion=complete_device
        ),
    ] = None,
    device_file: DeviceFile = None,
    synapse: Synapse = None,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Count synaptic operations and neuron updates, and estimate what they cost.

    Spikes are measured, and every spike counts with the weights that it really meets. The same network as an ANN
    stands beside it.

    Examples:

    - `snnconv energy model.keras --data x.npz --steps 50`

    - `snnconv energy model.snn.h5 --data x.npy --device loihi --json`
    """
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_samples, read_data
    from .screen import print_json, say, tell

    check_samples(samples)
    check_steps(steps, 1.0)
    file = find_model(model, keras, dt)
    devices = read_devices(device, device_file)
    check_steps(steps, file.dt)
    given, _ = read_data(data, None)
    network = file.open(synapse, like=given)
    xs, _ = as_samples(network.graph, given, None, samples, N_RANDOM, steps)

    from .app import import_tensorflow

    import_tensorflow()
    from ..tuning.energy import energy as account

    found = account(network.graph, xs, steps, network.dt, devices)
    if json:
        print_json(found.to_dict())
        return
    tell(found.report)
    if given is None:
        say("The inputs are random numbers; real ones (--data) cause other spikes.", "bold")


def read_devices(names: list[str] | None, path: Path | None) -> list[Device]:
    """The devices of these names, also from a file; all where none is named.

    Raises
    ------
    ConfigError, ParameterError
        If the file is not understood, or a name not known.
    """
    from ..tuning.energy import DEVICES, read_devices

    known = dict(DEVICES) | ({} if path is None else read_devices(path))
    for name in names or ():
        if name not in known:
            raise ParameterError(f"there is no device {name!r}. There are: {', '.join(known)}.")
    return [known[name] for name in names or known]
