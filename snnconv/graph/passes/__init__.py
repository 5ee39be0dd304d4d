"""Passes: functions from a graph to a graph that keep what it computes, or say what they change."""

from .fold import fold_affine, move_biases, split_kernels
from .heights import expose_spike_height, set_spike_heights
from .max_pooling import max_to_average_pool
from .rates import scale_firing_rates
from .synapses import add_synapses, commute_synapses

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
