"""The cost of a network: its operations, counted from measured spikes, and the energy that devices take for them.

- `measure`: run a network, and count its spikes and operations
- `arrivals`: values that arrive at kernels at every step of a run
- `operations`: weights that a value meets, place by place
- `metrics`: the same counts as NeuroBench's metrics
- `neurobench`: a graph as a model of the NeuroBench harness
- `devices`: energy of an operation on each device
- `report`: the account of a run
"""

from .devices import DEVICES, Device, find_devices, read_devices
from .measure import energy
from .metrics import ConnectionMetrics, Metrics, PopulationMetrics, metrics
from .operations import fan_out, operations_of_values
from .report import EnergyReport, LayerEnergy

__all__ = [
    "DEVICES",
    "ConnectionMetrics",
    "Device",
    "EnergyReport",
    "LayerEnergy",
    "Metrics",
    "PopulationMetrics",
    "energy",
    "fan_out",
    "find_devices",
    "metrics",
    "operations_of_values",
    "read_devices",
]
