"""The numbers of an integer graph under the names that programs and circuits use for them, and as hexadecimal text."""

from __future__ import annotations

import math

import numpy as np

from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    WeightedNode,
)
from ...quantize.ranges import Range, span
from ..integers import identifiers

ORDER = "row-major order, the last axis fastest; two's complement, one word per line, the first at address 0"

Arrays = dict[str, dict[str, np.ndarray]]
Constants = dict[str, dict[str, int]]


def arrays(graph: IntegerGraph) -> Arrays:
    """The integer arrays of each layer, by its identifier and their names: kernel, bias, threshold, floor, …, start.

    LIF neurons have no ceiling: it is their threshold. `start` is the voltage before the first step.
    """
    names = identifiers(node.name for node in graph.nodes)
    return {names[node.name]: layer_arrays(node) for node in graph.nodes if isinstance(node, WeightedNode)}


def layer_arrays(layer: WeightedNode) -> dict[str, np.ndarray]:
    """The integer arrays of a layer by their names; see `arrays`."""
    bias = {"bias": layer.bias} if isinstance(layer, IntegerLayer) else {}
    return {"kernel": layer.kernel, **bias, **(layer.neuron.arrays() if isinstance(layer, SpikingLayer) else {})}


def constants(graph: IntegerGraph) -> Constants:
    """The single numbers of each node, by its identifier and their names in capitals; with the bits of its integers."""
    names = identifiers(node.name for node in graph.nodes)
    return {names[node.name]: _constants(node) for node in graph.nodes}


def _constants(node: IntegerNode) -> dict[str, int]:
    found = {"N": math.prod(node.shape)}
    if isinstance(node, EncodedInput):
        found["CODE_BITS"] = node.code.codes.bits
        if isinstance(node.code, RateCode):
            found["PERIOD"] = node.code.period
        if isinstance(node.code, LatencyCode):
            found["WINDOW"] = node.code.window
    if isinstance(node, WeightedNode):
        found |= {"N_IN": math.prod(node.input_shape), "SHIFT": node.shift}
    if isinstance(node, IntegerLayer) and node.synapse:
        found |= {"SYNAPSE": node.synapse, "SYNAPSE_BITS": node.synapse_bits}
    if isinstance(node, SpikingLayer):
        found |= {name.upper(): number for name, number in node.neuron.constants().items()}
    bits = {f"{what.upper()}_WIDTH": width(limits) for what, limits in node.ranges.items()}
    return found | bits


def width(limits: Range) -> int:
    """Bits of a signed register that holds a range and 0."""
    return limits.with_zero().signed_bits


def array_width(graph: IntegerGraph, field: str, array: np.ndarray) -> int:
    """Bits of two's complement for each number of an array; all kernels have the bits that were asked for."""
    return graph.settings.weight_bits if field == "kernel" else width(span(array))


def c_type(limits: Range) -> str:
    """The smallest integer type of C99 that holds a range; of 32 bits only the signed one, whose sums are signed."""
    for bits in (8, 16, 32):
        if bits < 32 and limits.low >= 0 and limits.high < 1 << bits:
            return f"uint{bits}_t"
        if limits.low >= -(1 << (bits - 1)) and limits.high < 1 << (bits - 1):
            return f"int{bits}_t"
    raise OverflowError(str(limits))  # ranges are proven to fit


def describe(node: IntegerNode) -> str:
    """A node in one line."""
    shape = " x ".join(map(str, node.shape))
    if isinstance(node, EncodedInput):
        return f"{node.name}: input {shape}, {node.code.kind}, {node.code.bits} bits"
    if isinstance(node, MaxPool):
        return f"{node.name}: largest {'running sums' if node.is_running else 'values'} of windows, {shape}"
    if not isinstance(node, WeightedNode):
        return f"{node.name}: sums over windows, {shape}"
    kind = "neurons" if isinstance(node, SpikingLayer) else "outputs" if isinstance(node, ReadoutLayer) else "sums"
    kernel, added = " x ".join(map(str, node.kernel.shape)), "".join(f", plus {name}" for name in node.inputs[1:])
    return f"{node.name}: {shape} {kind} of {node.inputs[0]}, {node.connection}, kernel {kernel}{added}"


def mem(array: np.ndarray, bits: int, what: str) -> str:
    """An array as a .mem file, for Verilog's $readmemh."""
    shape = " x ".join(map(str, array.shape))
    return "\n".join([f"// {what}: {shape} words of {bits} bits, {ORDER}", *_words(array, bits), ""])


def coe(array: np.ndarray, bits: int, what: str) -> str:
    """An array as a .coe file, which initialises a memory of Xilinx."""
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
