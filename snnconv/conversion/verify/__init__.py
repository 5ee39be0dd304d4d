"""`verify`: evidence that a graph computes what its Keras model computes, and that its spikes are right."""

from .report import LayerCheck, Verification
from .verify import random_inputs, verify

__all__ = ["LayerCheck", "Verification", "random_inputs", "verify"]
