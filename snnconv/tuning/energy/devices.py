"""Devices, and the energy that each takes for an operation."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from ...errors import ConfigError, ParameterError
from ...files.toml import PositiveFloat, parse_section, read_toml
from ...neurons.base import check_positive


@dataclass(frozen=True)
class Device:
    """A device, by the energy of its operations.

    Parameters
    ----------
    name : str
    energy_per_synop : float
        For one synaptic operation, in joules: fetch a weight and add it to a current. A product with a value that is
        no spike, a multiply-accumulate, is taken to cost the same.
    energy_per_neuron_update : float
        For one neuron and one time step, in joules.
    event_driven : bool
        Whether only spikes cause synaptic operations. False: every product is computed at every step, as in
        KerasSpiking's ``ModelEnergy``.
    source : str
        Where the numbers are from.

    Raises
    ------
    ParameterError
        If an energy is not above 0.
    """

    name: str
    energy_per_synop: float
    energy_per_neuron_update: float
    event_driven: bool = True
    source: str = ""

    def __post_init__(self) -> None:
        check_positive(
            f"device '{self.name}'",
            energy_per_synop=self.energy_per_synop,
            energy_per_neuron_update=self.energy_per_neuron_update,
        )


_DEGNAN = "Degnan, Marr and Hasler (2016), IEEE Trans. VLSI Systems 24(1): "
_HOEPPNER = "Höppner et al. (2019), IEEE Trans. Circuits and Systems I 66(8)"
DEVICES = MappingProxyType(
    {
        device.name: device
        for device in (
            Device("cpu", 8.6e-9, 8.6e-9, False, _DEGNAN + "Intel i7-4960X, energy of a multiply-accumulate"),
            Device("gpu", 0.3e-9, 0.3e-9, False, _DEGNAN + "Nvidia GTX Titan Black, in large batches"),
            Device("arm", 0.9e-9, 0.9e-9, False, _DEGNAN + "ARM Cortex-A"),
            Device("loihi", 27.1e-12, 81e-12, True, "Davies et al. (2018), IEEE Micro 38(1): 23.6 pJ and 3.5 pJ a hop"),
            Device("spinnaker", 13.3e-9, 26e-9, True, _HOEPPNER),
            Device("spinnaker2", 450e-12, 2.19e-9, True, _HOEPPNER),
        )
    }
)
"""Devices with published numbers, as KerasSpiking uses them. They are rough: chips differ, and overhead is left out."""


@dataclass(frozen=True)
class _Energies:
    """A table of a file of devices: [name]."""

    energy_per_synop: PositiveFloat
    energy_per_neuron_update: PositiveFloat
    event_driven: bool = True
    source: str = ""


def read_devices(path: str | os.PathLike[str]) -> dict[str, Device]:
    """Devices from a TOML file: one table for each, named as the device, with the fields of `Device`.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or holds a key or a value that is not understood.
    """
    tables = read_toml(path)
    found = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: '{name}' stands in no table. Write a table [name] for each device.")
        values = parse_section(_Energies, table, str(path), f"[{name}]")
        found[name] = Device(
            name, values.energy_per_synop, values.energy_per_neuron_update, values.event_driven, values.source
        )
    return found


def find_devices(device: str | Device | Iterable[str | Device] | None) -> tuple[Device, ...]:
    """The devices that are named; all of `DEVICES` for None.

    Raises
    ------
    ParameterError
        If a name is not known.
    """
    if device is None:
        return tuple(DEVICES.values())
    wanted = [device] if isinstance(device, (str, Device)) else list(device)
    for each in wanted:
        if not isinstance(each, Device) and each not in DEVICES:
            raise ParameterError(
                f"there is no device {each!r}. There are: {', '.join(DEVICES)}; or pass a snnconv.accounting.Device."
            )
    return tuple(each if isinstance(each, Device) else DEVICES[each] for each in wanted)
