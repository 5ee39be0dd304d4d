"""A network by hand, its inputs, and the mistakes found in its spikes."""

import numpy as np

import snnconv
from snnconv.analysis.diagnose.mistakes import MISTAKES

from .by_hand import as_graph, run_by_hand

N, N_STEPS, SYNAPSE = 4, 120, 0.006
IF_GAINS = (200, 900)
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}


def changing_inputs():
    """Inputs that change every ten steps, so that voltages fall as well as rise."""
    return np.repeat(np.random.default_rng(1).normal(0.5, 1, (N, N_STEPS // 10, 6)), 10, axis=1)


def diagnosed(layers, x, neuron, wrong, synapse=None, layer="n2"):
    """The diagnosis of a hand-written run with mistakes in one layer, which must differ from the right one."""
    graph = as_graph(layers, neuron, synapse)
    spikes = run_by_hand(layers, x, N_STEPS, neuron, {layer: set(wrong)}, synapse=synapse)
    right = run_by_hand(layers, x, N_STEPS, neuron, synapse=synapse)
    assert not np.array_equal(spikes[layer], right[layer]), "the mistake makes no difference on these data"
    return snnconv.diagnose(graph, x, spikes)


WRITTEN = {
    "steps before samples": lambda spikes: np.swapaxes(spikes, 0, 1),
    "steps behind the units": lambda spikes: np.moveaxis(spikes, 1, -1),
    "units in channels-first order": lambda spikes: np.moveaxis(spikes, -1, 2).reshape(3, 80, -1),
    "0 or 1 written for counts": lambda spikes: np.minimum(spikes, 1),
    "sums over time written for spikes": lambda spikes: np.cumsum(spikes, 1),
    "written down one step late": lambda spikes: np.concatenate([0 * spikes[:, :1], spikes[:, :-1]], 1),
}
