"""Settings, scales and widths of integers: how fine the weights and thresholds of a layer are.

`Settings` is what a network is quantised with. A layer tries the `precisions`, from the finest on, and for each of them
`choose_scaling` gives its integer steps per weight and per threshold, until int32 holds the layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConversionError, ParameterError
from .neurons import MOST_REFRACTORY_BITS

SCALES = ("neuron", "layer", "power_of_two")

# Shares of a channel's largest weight that its scale is tried with. From 8 bits on that gains less than 2 % of the
# error in channels of thousands of weights and nothing in smaller ones; where there are few it gains little at any.
SHARES = tuple(np.linspace(1, 0.3, 36))
MOST_CLIPPED_BITS = 7
FEWEST_CLIPPED = 16

FEWEST_SYNAPSE_BITS = 8  # of the multiplier of a synapse, or as many as its time constant needs
SMALLEST_SYNAPSE = 16  # multiplier of a synapse, rounded by 3 % at most


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Widths, scales and times of an integer network; see `quantize`.

    Raises
    ------
    ParameterError
        If one is out of its range.
    """

    weight_bits: int = 8
    dt: float = 0.001
    fraction_bits: int = 12
    threshold_bits: int = 8
    scale: str = "neuron"
    n_steps: int = 1000
    refractory_bits: int = 0

    def __post_init__(self) -> None:
        limits = {"weight_bits": (2, 16), "fraction_bits": (4, 20), "threshold_bits": (2, 20), "n_steps": (1, 1 << 24)}
        limits["refractory_bits"] = (0, MOST_REFRACTORY_BITS)
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise ParameterError(f"{name} must be a whole number from {low} to {high}. Received {value!r}.")
            object.__setattr__(self, name, int(value))
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise ParameterError(f"dt must be above 0 seconds. Received {self.dt!r}.")
        if self.scale not in SCALES:
            raise ParameterError(f"scale must be one of {', '.join(SCALES)}. Received {self.scale!r}.")


def bits_below_one(share: float) -> int:
    """Bits that a share in 0…1 lies below one: ``ceil(log2(1/share))``."""
    return max(0, math.ceil(-math.log2(share)))


def multiplier(tau: float, dt: float, fraction_bits: int, what: str) -> int:
    """Multiplier of an exact decay, ``round((1 - exp(-dt/tau)) * 2^K)``.

    Raises
    ------
    ConversionError
        If it is 0: the time constant is too long.
    """
    found = round(-math.expm1(-dt / tau) * (1 << fraction_bits))
    if found == 0:
        raise ConversionError(
            f"{what} = {tau:g} s is too long for steps of {dt:g} s with fraction_bits={fraction_bits}: the leak would "
            f"be 0. Raise fraction_bits."
        )
    return found


@dataclass(frozen=True)
class Precision:
    """Widths that a layer is tried with.

    Parameters
    ----------
    threshold_bits : int
        F: every threshold is at least 2^F.
    most : int
        Largest threshold.
    synapse : int
        D_s of a lowpass; 0 without one.
    synapse_bits : int
        K_s: its fractional bits.
    """

    threshold_bits: int
    most: int
    synapse: int
    synapse_bits: int

    @property
    def synapse_step(self) -> float:
        """Share of a constant input that a lowpass takes in at its first step; 1 without one."""
        return self.synapse / (1 << self.synapse_bits) if self.synapse else 1.0


def precisions(threshold_bits: int, most: int, fraction_bits: int, synapse_share: float) -> Iterator[Precision]:
    """Widths to try a layer with, from the finest to the coarsest.

    A synapse rounds its current at every step, and stops to leak where ``I·D_s`` is below half of one. With
    ``log2(1/share)`` bits more this is less than half of one of the bits that the current at threshold has. Where
    int32 does not hold that, two bits of D_s are given up, which move its time constant a little; then these bits;
    then more of D_s; and in the end those of weights, by half the largest threshold at a time.

    Parameters
    ----------
    synapse_share : float
        ``1 - exp(-dt/tau)`` of a lowpass; 0 without one.
    """
    K, F = fraction_bits, threshold_bits
    pairs = [(F, K)]
    if synapse_share:
        fewest = min(K, max(FEWEST_SYNAPSE_BITS, bits_below_one(synapse_share) + bits_below_one(1 / SMALLEST_SYNAPSE)))
        more = bits_below_one(synapse_share)
        pairs = [(F + more, bits) for bits in range(K, max(K - 2, fewest) - 1, -1)]
        pairs += [(F + bits, pairs[-1][1]) for bits in range(more - 1, -1, -1)]
        pairs += [(F, bits) for bits in range(pairs[-1][1] - 1, fewest - 1, -1)]
    for bits, synapse_bits in pairs:
        if most >= 1 << (bits + 1):
            yield Precision(bits, most, round(synapse_share * (1 << synapse_bits)), synapse_bits)
    while most >= 1 << (F + 2):
        most >>= 1
        yield Precision(F, most, round(synapse_share * (1 << pairs[-1][1])), pairs[-1][1])


@dataclass(frozen=True, eq=False)
class Scaling:
    """Scale and shift of a layer.

    Parameters
    ----------
    scale : (channels,) array
        S: ``W = round(weights * S)``, cut off at the ends of its bits.
    shift : int
        s: a threshold of 1 becomes ``round(S * 2^s)``.
    n_reduced : int
        Channels that have a smaller scale than their weights alone would give them.
    """

    scale: np.ndarray
    shift: int
    n_reduced: int


def choose_scaling(largest: np.ndarray, weight_bits: int, threshold_bits: int, most: float, mode: str) -> Scaling:
    """The finest scale at which all weights fit their bits and no threshold exceeds `most`.

    Parameters
    ----------
    largest : (channels,) array
        Size of weight that becomes the largest integer, as `largest_weights` gives it.
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
    levels = most_level(weight_bits)
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


def common_scale(weights: np.ndarray, weight_bits: int, mode: str, units: np.ndarray | float = 1.0) -> float:
    """The one scale of a readout, whose outputs are compared with each other; `units` as those of `ends`."""
    sizes = np.unique(np.abs(weights[weights != 0]))
    if len(sizes) == 0:
        return 2.0**weight_bits  # for the bias alone
    levels = most_level(weight_bits)
    if mode == "power_of_two":
        return _power_of_two(levels / float(sizes[-1]))
    if len(sizes) == 1:  # as of a population that is the output: it needs one level
        return 1 / float(sizes[0])
    return levels / float(_end(weights, weight_bits, units)[0])


def largest_weights(weights: np.ndarray, weight_bits: int, mode: str, units: np.ndarray | float = 1.0) -> np.ndarray:
    """Size of weight that becomes the largest integer, for each channel of (n, channels) weights as `ends` gives it.

    A power of two leaves no choice: there it is that of the largest weight.
    """
    if mode == "neuron":
        return ends(weights, weight_bits, units)
    largest = np.abs(weights).max(0)
    return largest if mode == "power_of_two" else np.minimum(largest, _end(weights, weight_bits, units))


def _end(weights: np.ndarray, weight_bits: int, units: np.ndarray | float) -> np.ndarray:
    """`ends` of all weights as one column."""
    return ends(weights.reshape(-1, 1), weight_bits, np.broadcast_to(units, weights.shape).reshape(-1, 1))


def ends(columns: np.ndarray, weight_bits: int, units: np.ndarray | float = 1.0) -> np.ndarray:
    """Size of weight that becomes the largest integer, for each column of an (n, columns) array.

    It is the largest weight's, or a smaller one where that lowers the squared error of the column: few bits spent on
    one large weight round all others coarsely. Weights beyond it are cut off. `units` are what a 1 of each weight
    stands for, where it is not the same for all.
    """
    largest = np.abs(columns).max(0)
    if weight_bits > MOST_CLIPPED_BITS or len(columns) < FEWEST_CLIPPED:
        return largest
    found, least = largest, np.full(largest.shape, np.inf)
    for share in SHARES:
        end = share * largest
        step = np.where(end > 0, end, 1.0) / most_level(weight_bits)
        error = (((rounded(columns, 1 / step, weight_bits) * step - columns) * units) ** 2).sum(0)
        is_better = error < least * (1 - 1e-9)  # of equal ones the first, which cuts off less
        found, least = np.where(is_better, end, found), np.where(is_better, error, least)
    return found


def rounded(weights: np.ndarray, scale: Any, weight_bits: int) -> np.ndarray:
    """``weights * scale`` as whole numbers, cut off at the ends of their bits."""
    most = most_level(weight_bits)
    return np.clip(np.rint(weights * scale), -most, most)


def most_level(weight_bits: int) -> int:
    """The largest integer that a weight can be; the smallest is its negative."""
    return (1 << (weight_bits - 1)) - 1


def _power_of_two(number: float) -> float:
    """Largest power of two that is not above `number`."""
    return 2.0 ** math.floor(math.log2(number))
