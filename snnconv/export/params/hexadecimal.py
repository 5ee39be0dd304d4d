"""Arrays of integers as hexadecimal text: .mem for Verilog's $readmemh, .coe for Xilinx' memories."""

from __future__ import annotations

import numpy as np

ORDER = "row-major order, the last axis fastest; two's complement, one word per line, the first at address 0"


def mem(array: np.ndarray, bits: int, what: str) -> str:
    """Text for $readmemh."""
    shape = " x ".join(map(str, array.shape))
    return "\n".join([f"// {what}: {shape} words of {bits} bits, {ORDER}", *_words(array, bits), ""])


def coe(array: np.ndarray, bits: int, what: str) -> str:
    """Text for a memory's initialisation file."""
    shape = " x ".join(map(str, array.shape))
    head = [f"; {what}: {shape} words of {bits} bits, {ORDER}", "memory_initialization_radix=16;"]
    return "\n".join([*head, "memory_initialization_vector=", ",\n".join(_words(array, bits)) + ";", ""])


def read_mem(text: str, bits: int) -> np.ndarray:
    """The numbers of a .mem file, flat."""
    words = np.array([int(line, 16) for line in text.splitlines() if not line.startswith("//")], "int64")
    return np.where(words >> (bits - 1), words - (1 << bits), words)


def read_coe(text: str, bits: int) -> np.ndarray:
    """The numbers of a .coe file, flat."""
    words = text.split("memory_initialization_vector=")[1].replace(",", "").replace(";", "")
    return read_mem(words.strip(), bits)


def _words(array: np.ndarray, bits: int) -> list[str]:
    digits, mask = -(-bits // 4), (1 << bits) - 1
    return [f"{number & mask:0{digits}x}" for number in array.ravel().tolist()]
