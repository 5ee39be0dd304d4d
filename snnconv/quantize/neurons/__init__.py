"""Integer neurons: the step of each, its bounds and its words, in one place for every form of the network.

- `base`: what all of them have, and the integer leak
- `lif`: leaky integrate-and-fire
- `integrate`: integrate-and-fire, and the one that takes spikes back
"""

from .base import (
    INTEGER_NEURONS,
    MOST_REFRACTORY_BITS,
    Array,
    IntegerNeuron,
    State,
    freeze,
    half,
    leaked,
    start_voltage,
)
from .integrate import IntegerIF, IntegerSignedIF
from .lif import IntegerLIF

__all__ = [
    "INTEGER_NEURONS",
    "MOST_REFRACTORY_BITS",
    "Array",
    "IntegerIF",
    "IntegerLIF",
    "IntegerNeuron",
    "IntegerSignedIF",
    "State",
    "freeze",
    "half",
    "leaked",
    "start_voltage",
]
