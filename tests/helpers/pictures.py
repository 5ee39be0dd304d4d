"""What pictures are made of, and what is written in them."""

import numpy as np

from snnconv.graph import Population
from snnconv.neurons import IF
from snnconv.runtime.result import Result


def with_spikes(spikes, **fields):
    """A result with these spikes of population 'p', (n, n_steps, …)."""
    spikes = np.asarray(spikes)
    return Result({"y": np.zeros((*spikes.shape[:2], 1))}, spikes.shape[1], 0.001, spikes={"p": spikes}, **fields)


def population(name, source, shape, neuron=None):
    """A population with gain 1 and no bias."""
    one = np.ones(shape[-1])
    return Population(name=name, inputs=(source,), shape=shape, neuron=neuron or IF(), neuron_bias=0 * one, gain=one)


def texts(ax):
    """Everything that is written into a picture."""
    legend = ax.get_legend()
    parts = [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label, ax.title]
    return "\n".join(part.get_text() for part in [*parts, *(legend.get_texts() if legend else [])])
