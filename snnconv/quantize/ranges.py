"""Ranges of integers, and the bits that they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Range:
    """The integers from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def is_signed(self) -> bool:
        """Whether there are negative numbers in it."""
        return self.low < 0

    @property
    def bits(self) -> int:
        """Bits of the narrowest register that holds all of it: two's complement where signed, else unsigned."""
        if self.is_signed:
            return max(self.high.bit_length(), (-self.low - 1).bit_length()) + 1
        return max(self.high.bit_length(), 1)

    @property
    def signed_bits(self) -> int:
        """Bits of the narrowest signed register that holds all of it."""
        return self.bits + (not self.is_signed)

    @property
    def is_int32(self) -> bool:
        """Whether a signed register of 32 bits holds all of it."""
        return self.low >= -(1 << 31) and self.high < 1 << 31

    def holds(self, values: np.ndarray) -> bool:
        """Whether every value lies in the range."""
        return values.size == 0 or (self.low <= int(values.min()) and int(values.max()) <= self.high)

    def with_zero(self) -> Range:
        """The range stretched to hold 0."""
        return Range(min(self.low, 0), max(self.high, 0))

    def times(self, factor: int) -> Range:
        """The range of the numbers multiplied by a whole number of 0 or more."""
        return Range(self.low * factor, self.high * factor)

    def __str__(self) -> str:
        return f"{self.low:,}…{self.high:,}"


def span(*arrays: np.ndarray) -> Range:
    """The narrowest range that holds all numbers of some arrays."""
    return Range(min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays))


def extent(array: np.ndarray) -> str:
    """The smallest and the largest number of an array in words: "3 to 7", or "5" where they are the same."""
    low, high = int(array.min()), int(array.max())
    return str(low) if low == high else f"{low} to {high}"
