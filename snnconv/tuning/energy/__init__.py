"""The cost of a network: its operations, counted from measured spikes, and the energy that devices take for them.

- `measure`: run a network, and count its spikes and operations
- `operations`: weights that spikes meet, place by place
- `devices`: energy of an operation on each device
- `report`: the account of a run
- `text`: energies and counts in words
"""

from .devices import DEVICES, Device, find_devices, read_devices
from .measure import energy
from .operations import LayerOperations, operations_of_spikes, operations_of_values
from .report import EnergyReport, LayerEnergy

__all__ = [
    "DEVICES",
    "Device",
    "EnergyReport",
    "LayerEnergy",
    "LayerOperations",
    "energy",
    "find_devices",
    "operations_of_spikes",
    "operations_of_values",
    "read_devices",
]
