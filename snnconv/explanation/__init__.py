"""`snnconv.explain`: where every number of a network comes from, and what a neuron does with it."""

from .explain import explain
from .picture import draw
from .trace import trace_unit
from .variables import keras_sources

__all__ = ["draw", "explain", "keras_sources", "trace_unit"]
