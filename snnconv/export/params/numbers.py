"""The numbers of an integer graph under the names that programs and circuits use for them.

Arrays of integers as hexadecimal text: .mem for Verilog's $readmemh, .coe for Xilinx' memories.

README.md of the params folder: what each file holds, and in which order.
"""

from __future__ import annotations

import math

import numpy as np

from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
)
from ...quantize.ranges import Range, span
from ..integers import INTEGERS, Golden, comment, identifiers

FORMAT, VERSION = "snnconv params", 2  # of params.json

Arrays = dict[str, dict[str, np.ndarray]]
Constants = dict[str, dict[str, int]]


def arrays(graph: IntegerGraph) -> Arrays:
    """The integer arrays of each layer, by its identifier and their names: kernel, bias, threshold, floor, …, start.

    LIF neurons have no ceiling: it is their threshold. `start` is the voltage before the first step.
    """
    names = identifiers(node.name for node in graph.nodes)
    return {names[node.name]: layer_arrays(node) for node in graph.nodes if isinstance(node, IntegerLayer)}


def layer_arrays(layer: IntegerLayer) -> dict[str, np.ndarray]:
    """The integer arrays of a layer by their names; see `arrays`."""
    neurons = layer.neuron.arrays() if isinstance(layer, SpikingLayer) else {}
    return {"kernel": layer.kernel, "bias": layer.bias, **neurons}


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
    if isinstance(node, IntegerLayer):
        found |= {"N_IN": math.prod(node.input_shape), "SHIFT": node.shift}
        if node.synapse:
            found |= {"SYNAPSE": node.synapse, "SYNAPSE_BITS": node.synapse_bits}
    if isinstance(node, SpikingLayer):
        found |= {name.upper(): number for name, number in node.neuron.constants().items()}
    bits = {f"{what.upper()}_WIDTH": width(limits) for what, limits in node.ranges.items()}
    return found | bits


def width(limits: Range) -> int:
    """Bits of a signed register that holds a range and 0."""
    full = limits.with_zero()
    return full.bits + (not full.is_signed)


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
    """One line on a node."""
    shape = " x ".join(map(str, node.shape))
    if isinstance(node, EncodedInput):
        return f"{node.name}: input {shape}, {node.code.kind}, {node.code.bits} bits"
    if not isinstance(node, IntegerLayer):
        return f"{node.name}: sums over windows, {shape}"
    kind = "outputs" if isinstance(node, ReadoutLayer) else "neurons"
    kernel = " x ".join(map(str, node.kernel.shape))
    return f"{node.name}: {shape} {kind} of {node.inputs[0]}, {node.connection}, kernel {kernel}"


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


def readme(graph: IntegerGraph, golden: Golden) -> str:
    """The whole text."""
    first = next(iter(golden.voltages), None)
    voltages = "" if first is None else ", the voltages of the first layer"
    return f"""\
# The numbers of {comment(graph.name)}

| file | holds |
|---|---|
| REPORT.md | each layer's equations with their numbers, and the width of every integer |
| float.npz, integers.npz | all arrays for NumPy: float (unrounded) and integer weights |
| params.json | the same with everything else, for any language |
| mem/, coe/ | integer arrays as hexadecimal text, LAYER_ARRAY.mem for $readmemh, .coe for Xilinx' memories |
| params.h, params.vh | the same for C99, and the single numbers for Verilog |
| golden.npz, golden/ | test vectors: {golden.size} |
| {INTEGERS} | the integers for Python: `snnconv.quantize.load` |

Arrays are in {ORDER}.
Kernels are (inputs, outputs), or (*window, channels, filters) for convolutions, channels last. Arrays per neuron
have the shape of the layer, or one number per channel, the last axis, where it is the same at every place. `start` is
the voltage before the first step of a sample.

## params.json, version {VERSION}

    format, version       "snnconv params", {VERSION}
    settings              bits, length of a step in seconds (dt), steps for which sums are proven (n_steps), ...
    outputs               readout that gives each output
    layers                in execution order; each with name, id (its name in file names and in C), kind, inputs, shape,
                          arrays (integer), float (the unrounded weights, biases and the scale S), ranges (name: [low,
                          high], proven), and the fields of its class in snnconv.quantize.nodes: shift, leak, ...
    float                 the float network as in a .snn.json: kernel, dense_bias, neuron_bias, gain, tau_rc, ...
    approximations        sentences on what differs from the float network

Infinity, which JSON does not have, is "inf" or "-inf", and not a number is "nan".

## Golden vectors

`golden.npz` has `inputs` (sample, *shape; or sample, step, *shape where they vary), rounded to integers q, and for each
layer `spikes/LAYER` (sample, step, *units){voltages} `voltages/LAYER` after each step, and `readouts/LAYER`: Y
after each step. `golden/` has the same as .mem files: one number per word, spikes one step per line, neuron 0 in the
lowest bit.
"""
