"""Evidence that a graph computes what its Keras model computes, and that its spikes are right.

- `verify`: the whole comparison, and that of rates with Keras, layer by layer
- `spikes`: TensorFlow against the NumPy loop, and both against the rate equation
- `report`: what came out, by layer
"""

from .report import LayerCheck, Verification
from .verify import compare, random_inputs

__all__ = ["LayerCheck", "Verification", "compare", "random_inputs"]
