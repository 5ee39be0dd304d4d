"""Read-only memories: what they hold, and the text of their files."""

from __future__ import annotations

import numpy as np


def cycle(array: np.ndarray, period: int) -> np.ndarray:
    """The shortest run of numbers that gives `array` when it is repeated, one a word.

    Parameters
    ----------
    array : (n,) int array
    period : int
        A number of neurons after which the array may repeat itself.

    Returns
    -------
    (n_words, 1) int array
        One word where all numbers are the same, `period` numbers where they repeat, else all of them.
    """
    if (array == array[0]).all():
        return array[:1, None]
    if (array.reshape(-1, period) == array[:period]).all():
        return array[:period, None]
    return array[:, None]


def mem_text(words: np.ndarray, bits: int) -> str:
    """Words as $readmemh reads them: one a line, in hexadecimal, two's complement, lane 0 in the lowest bits.

    Parameters
    ----------
    words : (n_words, lanes) int array
    bits : int
        Of one number.
    """
    mask, n_digits = (1 << bits) - 1, -(-words.shape[1] * bits // 4)
    lines = []
    for lanes in words.tolist():
        word = 0
        for number in reversed(lanes):
            word = (word << bits) | (number & mask)
        lines.append(f"{word:0{n_digits}x}")
    return "\n".join(lines) + "\n"
