"""Peak rates of populations without data, from the statistics that batch normalisation has kept of its training."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from ...neurons import IF, Follower, numpy_ops
from ...neurons.accumulating import Accumulating
from ...text.plain import two_digits
from .. import Affine, Input, Population, SpikingGraph
from ..nodes import Linear, Stateful

SCALED = (IF, Accumulating, Follower)  # neurons without a time constant
LEAST, MOST, N_VALUES = 1, 8, 2**16  # samples, and numbers in them; every channel has its places in each
LEAST_HEIGHT = 1e-20  # below, amplitudes would be 0 in float32
PEAK = 99.9  # percentile of the activations that spikes at every step; Rueckauer et al. (2017)
BYTES = 1 / 64  # of a factor on an input, from which down it is one for bytes, such as 1/255


def rate_factors(
    graph: SpikingGraph, stated: Collection[str] = (), dt: float = 0.001, seed: int = 0
) -> dict[str, float]:
    """Factors on the firing rates with which each population's busiest neurons spike once per step of `dt` seconds.

    The amplitudes that they lead to have two digits, up to rounding.

    Random inputs go through the rate network once. Behind each batch normalisation its values have the mean and the
    variance that were measured in training, so that the rates behind it are those of real inputs, in 0…255 as in 0…1.
    Without batch normalisation they are those of random numbers in 0…1, or in 0…255 where a layer scales bytes.

    Parameters
    ----------
    graph : SpikingGraph
        Before batch normalisation is folded away.
    stated : names of populations
        Those to leave as they are.

    Returns
    -------
    dict of population name to float
        Of neurons without a time constant, whose rates can be scaled exactly. A population that is silent has none.

    References
    ----------
    Yao, Dong, Zheng et al. (2020), "ZeroQ: a novel zero shot quantization framework", for the statistics of batch
    normalisation in the place of data.
    """
    n_samples = min(MOST, max(LEAST, N_VALUES // sum(math.prod(node.shape) for node in graph.inputs)))
    values: dict[str, Any] = {
        name: array * (255.0 if _takes_bytes(graph, name) else 1.0)
        for name, array in graph.random_inputs(n_samples, seed).items()
    }
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    factors: dict[str, float] = {}
    for node in graph.nodes:
        if isinstance(node, Input):
            continue
        xs = [values[name] for name in node.inputs]
        if isinstance(node, Affine) and _has_seen_training(node):
            xs = [_as_in_training(node, xs[0])]
        if isinstance(node, Stateful):
            values[node.name] = node.rate(xs[0], numpy_ops)
        elif isinstance(node, Linear):
            values[node.name] = node.apply(*xs, xp=numpy_ops)
        if isinstance(node, Population) and isinstance(node.neuron, SCALED) and node.name not in stated:
            height = float(np.percentile(np.abs(values[node.name]), PEAK))
            if LEAST_HEIGHT < height < math.inf:
                factors[node.name] = node.neuron.amplitude / two_digits(height * dt, math.ceil)
        for name in {*node.inputs}:
            if last[name] == node.name:
                del values[name]
    return factors


def _has_seen_training(node: Affine) -> bool:
    """Whether it is a batch normalisation whose statistics are not those that every new one has."""
    mean, variance = (node.trained.get(f"moving_{name}") for name in ("mean", "variance"))
    return mean is not None and variance is not None and bool(np.any(mean != 0) or np.any(variance != 1))


def _as_in_training(node: Affine, x: np.ndarray) -> np.ndarray:
    """The values with the mean and the variance of each channel that the batch normalisation has kept."""
    mean, variance = (np.asarray(node.trained[f"moving_{name}"], "float64") for name in ("mean", "variance"))
    per_channel = (1,) * (x.ndim - node.scale.ndim) + node.scale.shape
    others = tuple(axis for axis, size in enumerate(per_channel) if size == 1)
    deviation = x.std(others, keepdims=True)
    scaled = (x - x.mean(others, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)
    return scaled * np.sqrt(variance).reshape(per_channel) + mean.reshape(per_channel)


def _takes_bytes(graph: SpikingGraph, name: str) -> bool:
    """Whether all that takes an input makes its numbers much smaller."""
    takers = graph.consumers(name)
    return bool(takers) and all(isinstance(node, Affine) and np.abs(node.scale).max() <= BYTES for node in takers)
