"""Passes: functions from a graph to a graph that keep what it computes, or say what they change."""

from .biases import move_biases
from .commute import commute_synapses
from .fold import fold_affine
from .heights import expose_spike_height
from .kernels import split_kernels
from .max_pooling import max_to_average_pool
from .rates import scale_firing_rates
from .spike_heights import set_spike_heights
from .synapses import add_synapses

__all__ = [
    "add_synapses",
    "commute_synapses",
    "expose_spike_height",
    "fold_affine",
    "max_to_average_pool",
    "move_biases",
    "scale_firing_rates",
    "set_spike_heights",
    "split_kernels",
]
