"""README.md of the params folder: what each file holds, and in which order."""

from __future__ import annotations

from ...quantize import IntegerGraph
from ..integers import INTEGERS, Golden, comment
from .contents import VERSION
from .hexadecimal import ORDER


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
