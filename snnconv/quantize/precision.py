"""How fine the integers of a layer of neurons are: from the finest on, until int32 holds them all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConversionError
from .scales import bits_below_one

FEWEST_SYNAPSE_BITS = 8  # of the multiplier of a synapse, or as many as its time constant needs
SMALLEST_SYNAPSE = 16  # multiplier of a synapse, rounded by 3 % at most


@dataclass(frozen=True)
class Precision:
    """What a layer is tried with.

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
    """Ever coarser integers.

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


def multiplier(tau: float, dt: float, fraction_bits: int, what: str) -> int:
    """``round((1 - exp(-dt/tau)) * 2^K)``.

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
