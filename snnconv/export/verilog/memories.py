"""Read-only memories: what they hold, and the text of their files."""

from __future__ import annotations

import numpy as np

MOST_ROWS = 2048  # of a block of memory, on iCE40 at 2 bits a row, on ECP5 and Xilinx at 9


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


def bank_bits(n_words: int) -> int:
    """Power of two of the words that stand side by side in a row, so that a memory has no more than `MOST_ROWS`."""
    return (-(-n_words // MOST_ROWS) - 1).bit_length()


def side_by_side(words: np.ndarray, banks: int) -> np.ndarray:
    """Rows of so many words after each other, the last one filled up with zeros.

    Parameters
    ----------
    words : (n_words, lanes) int array

    Returns
    -------
    (n_rows, banks * lanes) int array
    """
    n_rows = -(-len(words) // banks)
    return np.pad(words, ((0, n_rows * banks - len(words)), (0, 0))).reshape(n_rows, -1)


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
