"""Passes: functions from a graph to a graph that keep what it computes."""

from .fold import fold_affine
from .heights import expose_spike_height
from .rates import scale_firing_rates
from .synapses import add_synapses

__all__ = ["add_synapses", "expose_spike_height", "fold_affine", "scale_firing_rates"]
