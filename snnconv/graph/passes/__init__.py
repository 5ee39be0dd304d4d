"""Passes: functions from a graph to a graph that keep what it computes, or say what they change.

- `fold`: other nodes folded into kernels; `scaling`: scales on their way to one
- `spikes`: heights of spikes and firing rates, for the same output
- `peaks`: factors on firing rates without data
- `recoding`: other neurons for the same output
- `synapses`: filters behind populations, and windows of running means
- `max_pooling`: average pooling in the place of max pooling
- `channels`: channels behind places, where a model has them in front
- `draft`: parts of a graph, and graphs changed node by node
"""

from .channels import channels_last
from .fold import fold_affine, move_biases, split_kernels
from .max_pooling import max_to_average_pool
from .peaks import rate_factors
from .spikes import allow_several_spikes, expose_spike_height, scale_firing_rates, set_spike_heights
from .synapses import add_synapses, commute_synapses, set_window

__all__ = [
    "add_synapses",
    "allow_several_spikes",
    "channels_last",
    "commute_synapses",
    "expose_spike_height",
    "fold_affine",
    "max_to_average_pool",
    "move_biases",
    "rate_factors",
    "scale_firing_rates",
    "set_spike_heights",
    "set_window",
    "split_kernels",
]
