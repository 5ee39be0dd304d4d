"""Read-only memories: what they hold, and the text of their files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...quantize import IntegerLayer, Range, SpikingLayer
from ...quantize.neurons import IntegerIF, IntegerSignedIF
from ...quantize.proofs import drives

MOST_ROWS = 2048  # of a memory in one piece: of a block, on iCE40 at 2 bits a row, on ECP5 and Xilinx at 9


def neuron_arrays(layer: IntegerLayer, sources: Sequence[Range], n_steps: int) -> dict[str, np.ndarray]:
    """Arrays per neuron of a layer, by the memory that each is in beside the weights.

    Voltages that start at 0 have none for it, and bounds that no voltage comes to in `n_steps` are left out.
    """
    found = {"bias": layer.bias}
    if isinstance(layer, SpikingLayer):
        neuron = layer.neuron
        found |= {name: array for name, array in neuron.arrays().items() if name != "start" or array.any()}
        if isinstance(neuron, IntegerIF | IntegerSignedIF):
            low, high = (neuron.received(drive) for drive in drives(layer, sources))
            start, threshold = neuron.start.astype("int64"), neuron.threshold.astype("int64")
            highest = np.maximum(start, threshold - 1) + n_steps * np.maximum(high - threshold, 0)
            if (start + n_steps * np.minimum(low, 0) >= neuron.floor).all():
                del found["floor"]
            if (highest <= neuron.ceiling).all():
                del found["ceiling"]
        if isinstance(neuron, IntegerSignedIF):
            found["back"] = neuron.back()
    return {name.upper(): array for name, array in found.items()}


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


def layout(n_words: int, deepest: int) -> tuple[int, int]:
    """Rows of a memory with so many words: power of two of the words in one, and bits of the parts it is cut into.

    Parts are as wide as a block that has so many rows, on ECP5 and Xilinx 4 bits for 4,096; blocks of one bit are used
    in pairs, to have fewer files.

    Parameters
    ----------
    deepest : int
        Most rows of a block, whatever its width.

    Returns
    -------
    bank_bits, part_bits : int
        No parts, 0, where a memory has no more than `MOST_ROWS`.
    """
    most = max(deepest, MOST_ROWS)
    bank_bits = (-(-n_words // most) - 1).bit_length()
    n_rows = -(-n_words >> bank_bits)
    return bank_bits, 0 if n_rows <= MOST_ROWS else 4 if n_rows <= 2 * MOST_ROWS else 2


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


def cut(rows: np.ndarray, bits: int, part_bits: int) -> np.ndarray:
    """Parts of rows, the lowest bits first.

    Parameters
    ----------
    rows : (n_rows, n) int array
        Numbers of so many bits, the first in the lowest bits of a row.

    Returns
    -------
    (n_parts, n_rows, 1) int array
    """
    ones = (rows[..., None] >> np.arange(bits) & 1).reshape(len(rows), -1)
    padded = np.pad(ones, ((0, 0), (0, -ones.shape[1] % part_bits))).reshape(len(rows), -1, part_bits)
    return (padded << np.arange(part_bits)).sum(-1).T[..., None]


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
