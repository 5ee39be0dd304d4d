"""The mistakes that a diagnosis knows. A new one is an entry in one of these tuples."""

from .mistake import Mistake
from .neuron import NEURON
from .records import RECORDS, arrange
from .signals import SIGNALS
from .weights import WEIGHTS

MISTAKES: tuple[Mistake, ...] = (*SIGNALS, *WEIGHTS, *NEURON, *RECORDS)

__all__ = ["MISTAKES", "Mistake", "arrange"]
