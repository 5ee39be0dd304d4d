"""An integer graph as circuit stages: the parameters of each layer's module and what its memories hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import ExportError
from ...quantize import IntegerGraph, IntegerLayer, IntegerNode, Range, ReadoutLayer, SpikingLayer, SumPool
from ...quantize.proofs import largest_sum
from ...quantize.ranges import span
from .memories import cycle

AXES = "ZYX"
KINDS = ("LIF", "IF", "READOUT", "SUM")  # of rtl/snn_neuron.v
CLOCKS_BEHIND_INPUTS = 3  # of each neuron: the last product, the sum with the bias, the step
CLOCKS_OF_LAYER = 2  # to start it, and to say that it is done
CLOCKS_OF_HELD = 4  # of each neuron whose inputs are summed up already, at least


@dataclass(frozen=True, eq=False)
class Stage:
    """One `snn_layer` of the circuit.

    Parameters
    ----------
    name : str
        What the circuit calls it.
    node : IntegerNode
        What it computes.
    parameters : mapping of str to int or str
        Of the module, without the names of files.
    memories : mapping of str to (words, lanes) int array
        What its read-only memories hold, by the name of the module's parameter without ``_FILE``.
    widths : mapping of str to int
        Bits of one number in each of these memories.
    """

    name: str
    node: IntegerNode
    parameters: Mapping[str, int | str]
    memories: Mapping[str, np.ndarray]
    widths: Mapping[str, int]

    @property
    def lanes(self) -> int:
        """Neurons that are computed side by side."""
        return int(self.parameters["LANES"])

    @property
    def n_neurons(self) -> int:
        """Numbers that it sends at each step."""
        return int(self.parameters["NEURONS"])

    @property
    def n_inputs(self) -> int:
        """Inputs of one neuron."""
        return len(self.memories["WEIGHTS"]) * self.lanes // int(self.parameters["FILTERS"])

    @property
    def holds(self) -> bool:
        """Whether it keeps its sums for as long as the input stays the same."""
        return bool(self.parameters["HOLDS"])

    @property
    def rows(self) -> int:
        """Turns in which its neurons are computed."""
        return self.n_neurons // self.lanes

    @property
    def clocks(self) -> int:
        """Clocks of a step."""
        return self.rows * (self.n_inputs + CLOCKS_BEHIND_INPUTS) + self.lanes + CLOCKS_OF_LAYER

    @property
    def held_clocks(self) -> int:
        """Clocks of a step with the inputs of the step before."""
        if not self.holds:
            return self.clocks
        others = (self.rows - 1) * max(CLOCKS_OF_HELD, self.lanes)  # values of one row leave before the next one fires
        return CLOCKS_OF_HELD + others + self.lanes + CLOCKS_OF_LAYER

    @property
    def rom_bits(self) -> int:
        """Bits of its read-only memories."""
        return sum(array.size * self.widths[name] for name, array in self.memories.items())

    @property
    def held_bits(self) -> int:
        """Bits of the memory that keeps its sums."""
        return self.n_neurons * int(self.parameters["SUM_BITS"]) if self.holds else 0


def stages(graph: IntegerGraph, parallel: int) -> tuple[Stage, ...]:
    """The layers of a graph in order.

    Parameters
    ----------
    parallel : int
        Most neurons of a layer to compute side by side.

    Raises
    ------
    ExportError
        If a layer is not fed by the one before it, or is none that the circuit has; it names all of them.
    """
    found, stuck = [], []
    is_held = sent_bits(graph.input) > 1  # one bit is a spike, which comes anew at every step
    for number, (source, node) in enumerate(itertools.pairwise(graph.nodes), 1):
        if isinstance(node, IntegerLayer | SumPool) and node.inputs == (source.name,) and _kind(node) in KINDS:
            found.append(_stage(f"layer{number}", node, source, parallel, is_held))
            is_held &= isinstance(node, SumPool)
        else:
            stuck.append(f"'{node.name}' ({node.kind})")
    if stuck:
        signed = any(isinstance(node, SpikingLayer) and node.neuron.spikes.low < 0 for node in graph.nodes)
        advice = " Its spikes have no sign: calibrate with spikes='binary' (--spikes binary)." if signed else ""
        raise ExportError(f"the circuit has one chain of layers, and no place for {', '.join(stuck)}.{advice}")
    return tuple(found)


def step_clocks(circuit: Iterable[Stage]) -> int:
    """Clocks of a step."""
    return sum(stage.clocks for stage in circuit)


def held_clocks(circuit: Iterable[Stage]) -> int:
    """Clocks of a step with the inputs of the step before."""
    return sum(stage.held_clocks for stage in circuit)


def sent_bits(node: IntegerNode) -> int:
    """Bits of what a node sends: 1 for spikes, else those of a signed number."""
    if isinstance(node, ReadoutLayer):
        return node.ranges["total"].signed_bits
    found = node.ranges["value"]
    return 1 if found.low >= 0 and found.high <= 1 else found.signed_bits


def address_bits(n: int) -> int:
    """Bits of an address of one of n words."""
    return max((n - 1).bit_length(), 1)


def _stage(name: str, node: IntegerLayer | SumPool, source: IntegerNode, parallel: int, is_held: bool) -> Stage:
    kernel = node.kernel if isinstance(node, IntegerLayer) else _ones(node)
    geometry = _geometry(node, kernel)
    filters, groups = kernel.shape[-1], geometry["GROUPS"]
    n_inputs, n_neurons = math.prod(kernel.shape[:-1]), math.prod(node.shape)
    lanes = _lanes(filters // groups, min(parallel, n_inputs + CLOCKS_BEHIND_INPUTS))
    memories = {"WEIGHTS": kernel.reshape(n_inputs, -1, lanes).swapaxes(0, 1).reshape(-1, lanes).astype("int64")}
    widths = {"WEIGHTS": span(kernel).signed_bits}
    if isinstance(node, IntegerLayer):
        for memory, array in _arrays(node).items():
            array = node.per_neuron(array).ravel().astype("int64")
            memories[memory] = cycle(array, filters, lanes)
            widths[memory] = span(array).signed_bits
    sum_range = largest_sum(kernel.astype("int64"), source.ranges["value"].with_zero())
    parameters: dict[str, int | str] = {
        "KIND": _kind(node),
        "NEURONS": n_neurons,
        "FILTERS": filters,
        "LANES": lanes,
        "HOLDS": int(is_held and n_inputs > 1),  # of one input, the sum is there as fast as a kept one
        **geometry,
        "SOURCE_ADDRESS_BITS": address_bits(math.prod(source.shape)),
        "ADDRESS_BITS": address_bits(n_neurons),
        "INPUT_BITS": sent_bits(source),
        "SUM_BITS": max(Range(-sum_range, sum_range).signed_bits, widths["WEIGHTS"]),
        "VALUE_BITS": sent_bits(node),
    }
    parameters.update(_arithmetic(node, parameters, widths) if isinstance(node, IntegerLayer) else {})
    return Stage(name, node, parameters, memories, widths)


def _ones(node: SumPool) -> np.ndarray:
    """A sum over windows as a depthwise convolution."""
    return np.ones((*node.size, 1, node.input_shape[-1]), "int64")


def _geometry(node: IntegerLayer | SumPool, kernel: np.ndarray) -> dict[str, int]:
    """Window and places of a convolution in three dimensions; a dense layer has one of each."""
    *window, depth, _ = kernel.shape
    rank = len(window)
    *space, channels = node.input_shape
    strides = node.strides
    padding = node.padding if isinstance(node, IntegerLayer) and rank else ((0, 0),) * rank
    dilation = node.dilation if isinstance(node, IntegerLayer) else (1,) * rank
    shape = node.connection_shape if isinstance(node, IntegerLayer) else node.shape
    places = list(shape[:rank])
    per_axis = {
        "IN": ([*space] if rank else [], 1),
        "OUT": (places, 1),
        "WINDOW": (window, 1),
        "STRIDE": (list(strides), 1),
        "DILATION": (list(dilation), 1),
        "PAD": ([before for before, _ in padding], 0),
    }
    found = {
        f"{what}_{axis}": int(number)
        for what, (numbers, missing) in per_axis.items()
        for axis, number in zip(AXES, [missing] * (3 - rank) + numbers, strict=True)
    }
    ends = [
        max(
            found[f"IN_{axis}"] + found[f"PAD_{axis}"],
            (found[f"OUT_{axis}"] - 1) * found[f"STRIDE_{axis}"]
            + (found[f"WINDOW_{axis}"] - 1) * found[f"DILATION_{axis}"],
        )
        for axis in AXES
    ]
    return {**found, "CHANNELS": channels, "GROUPS": channels // depth, "PLACE_BITS": max(ends).bit_length()}


def _lanes(n: int, most: int) -> int:
    """The largest divisor of n that is not above `most`."""
    return max(lanes for lanes in range(1, min(n, most) + 1) if n % lanes == 0)


def _kind(node: IntegerNode) -> str:
    """KIND of the module that computes a node; KINDS are those that there are."""
    if isinstance(node, SpikingLayer):
        return node.neuron.kind
    return {ReadoutLayer: "READOUT", SumPool: "SUM"}.get(type(node), node.kind)


def _arrays(layer: IntegerLayer) -> dict[str, np.ndarray]:
    """Arrays per neuron of a layer, by the memory that each is in beside the weights."""
    neurons = layer.neuron.arrays() if isinstance(layer, SpikingLayer) else {}
    found = {"bias": layer.bias, **neurons}
    return {name.upper(): array for name, array in found.items() if name != "start" or array.any()}


def _arithmetic(node: IntegerLayer, known: Mapping[str, int | str], widths: Mapping[str, int]) -> dict[str, int]:
    """Multipliers and widths, from the proven ranges."""
    ranges = node.ranges
    total = ranges["synapse"] if node.synapse else ranges["total_input"]
    bias = ranges["bias"].with_zero()
    drive = Range(total.low + min(bias.low, 0), total.high + max(bias.high, 0))  # before it is rectified
    state = ranges["voltage" if isinstance(node, SpikingLayer) else "total"]
    products = {"leak_product", "synapse_product"}
    sums = [drive, *(found for name, found in ranges.items() if name not in products)]
    # One bit more than needed, so that every number that is extended to it is narrower.
    bits = 1 + max(int(known["SUM_BITS"]), *(found.signed_bits for found in sums), *widths.values())
    found = {"SHIFT": node.shift, "BITS": bits, "STATE_BITS": state.signed_bits}
    if isinstance(node, SpikingLayer):
        neuron = node.neuron
        found |= {"REFRACTORY_STEPS": neuron.refractory_steps, "IS_RECTIFIED": int(neuron.is_rectified)}
        if neuron.leak:
            product = ranges["leak_product"].signed_bits
            found |= {"LEAK": neuron.leak, "FRACTION_BITS": node.fraction_bits, "PRODUCT_BITS": product}
    if node.synapse:
        found |= {
            "SYNAPSE": node.synapse,
            "SYNAPSE_FRACTION_BITS": node.synapse_bits,
            "SYNAPSE_BITS": ranges["synapse"].signed_bits,
            "SYNAPSE_PRODUCT_BITS": ranges["synapse_product"].signed_bits,
        }
    return found
