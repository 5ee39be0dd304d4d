"""Scales: how many integer steps a weight and a threshold of 1 get."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SCALES = ("neuron", "layer", "power_of_two")


@dataclass(frozen=True, eq=False)
class Scaling:
    """Scale and shift of a layer.

    Parameters
    ----------
    scale : (channels,) array
        S: ``W = round(weights * S)``.
    shift : int
        s: a threshold of 1 becomes ``round(S * 2^s)``.
    n_reduced : int
        Channels that have a smaller scale than their weights alone would give them.
    """

    scale: np.ndarray
    shift: int
    n_reduced: int


def bits_below_one(share: float) -> int:
    """``ceil(log2(1/share))`` for a share in 0…1."""
    return max(0, math.ceil(-math.log2(share)))


def choose_scaling(weights: np.ndarray, weight_bits: int, threshold_bits: int, most: float, mode: str) -> Scaling:
    """The finest scale at which all weights fit their bits and no threshold exceeds `most`.

    Parameters
    ----------
    weights : (…, channels) array
    threshold_bits : int
        F: the shift makes every threshold at least 2^F, up to rounding.
    most : float
        Largest threshold, at least 2^(F+1).
    mode : str
        "neuron": one scale per channel; "layer": one for all; "power_of_two": one power of two for all.

    Notes
    -----
    A channel whose weights are all smaller than the others' by more than the weights' own resolution gets no finer
    scale for it: its threshold would need more bits than all others, for weights that hardly matter.
    """
    levels = (1 << (weight_bits - 1)) - 1
    largest = np.abs(weights).reshape(-1, weights.shape[-1]).max(0)
    is_alive = largest > 0
    lowest = float(levels / largest.max()) if is_alive.any() else 2.0**threshold_bits
    if mode == "power_of_two":
        lowest = _power_of_two(lowest)
    shift = max(0, math.ceil(math.log2(2.0**threshold_bits / lowest)))
    top = min(lowest * 2**weight_bits, most / 2**shift)
    if mode != "neuron":
        scale = np.full(largest.shape, lowest if lowest <= top else top if mode == "layer" else _power_of_two(top))
        return Scaling(scale, shift, int(is_alive.sum()) if lowest > top else 0)
    wanted = levels / np.where(is_alive, largest, levels / lowest)
    return Scaling(np.minimum(wanted, top), shift, int((wanted > top).sum()))


def common_scale(weights: np.ndarray, weight_bits: int, mode: str) -> float:
    """The one scale of a readout, whose outputs are compared with each other."""
    sizes = np.unique(np.abs(weights[weights != 0]))
    if len(sizes) == 0:
        return 2.0**weight_bits  # for the bias alone
    levels = (1 << (weight_bits - 1)) - 1
    if mode == "power_of_two":
        return _power_of_two(levels / float(sizes[-1]))
    # one size of weights, as of a population that is the output, needs one level
    return (levels if len(sizes) > 1 else 1) / float(sizes[-1])


def _power_of_two(number: float) -> float:
    """Largest power of two that is not above `number`."""
    return 2.0 ** math.floor(math.log2(number))
