"""An integer graph as circuit stages: the parameters of each layer's module and what its memories hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ExportError
from ...quantize import IntegerGraph, IntegerLayer, IntegerNode, Range, ReadoutLayer, SpikingLayer, SumPool
from ...quantize.proofs import largest_sum
from ...quantize.ranges import span
from .memories import cycle

AXES = "ZYX"
KINDS = ("LIF", "IF", "READOUT", "SUM")  # of rtl/snn_neuron.v, which numbers them


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
    def is_queued(self) -> bool:
        """Whether its inputs come as the places of spikes, so that silent ones take no clock."""
        return bool(self.parameters["QUEUE"])

    @property
    def rows(self) -> int:
        """Turns in which its sums are made."""
        return self.n_neurons // self.lanes

    @property
    def registers(self) -> int:
        """Clocks from a neuron's sum to its value: VALUE_AT of rtl/snn_neuron.v."""
        kind, terms = self.parameters["KIND"], (self.parameters.get(f"{name}_TERMS", 0) for name in ("SYNAPSE", "LEAK"))
        if kind == "SUM":
            return 2
        synapse, leak = (int(n) and 1 + max(1, (int(n) - 1).bit_length()) for n in terms)
        return (
            3 + synapse + int(self.parameters.get("IS_RECTIFIED", 0)) + (leak or 1) + {"LIF": 2, "IF": 3}.get(kind, 0)
        )

    def clocks_for(self, n_spikes: int) -> int:
        """Clocks of a step with so many spikes among its inputs, which count where they are queued."""
        per_row = max(n_spikes, self.lanes) if self.is_queued else self.n_inputs
        leaving = self.lanes if self.lanes > 1 else 0
        return self.rows * per_row + leaving + self.registers + (8 if self.is_queued else 6)

    @property
    def clocks(self) -> int:
        """Clocks of the longest step."""
        return self.clocks_for(self.n_inputs)

    @property
    def held_clocks(self) -> int:
        """Clocks of a step with the inputs of the step before."""
        return self.n_neurons + self.registers + 2 if self.holds else self.clocks

    @property
    def rom_bits(self) -> int:
        """Bits of its read-only memories."""
        return sum(array.size * self.widths[name] for name, array in self.memories.items())

    @property
    def held_bits(self) -> int:
        """Bits of the memory that keeps its sums."""
        return self.n_neurons * int(self.parameters["SUM_BITS"]) if self.holds else 0


def stages(graph: IntegerGraph, lanes: int | Sequence[int]) -> tuple[Stage, ...]:
    """The layers of a graph in order.

    Parameters
    ----------
    lanes : int, or a sequence with one int per layer
        Most sums of a layer to make side by side.

    Raises
    ------
    ExportError
        If a layer is not fed by the one before it, or is none that the circuit has; it names all of them.
    """
    found, stuck = [], []
    is_held = sent_bits(graph.input) > 1  # one bit is a spike, which comes anew at every step
    pairs = list(itertools.pairwise(graph.nodes))
    most = [lanes] * len(pairs) if isinstance(lanes, int) else lanes
    for number, ((source, node), most_lanes) in enumerate(zip(pairs, most, strict=True), 1):
        if isinstance(node, IntegerLayer | SumPool) and node.inputs == (source.name,) and _kind(node) in KINDS:
            found.append(_stage(f"layer{number}", node, source, most_lanes, is_held))
            is_held &= isinstance(node, SumPool)
        else:
            stuck.append(f"'{node.name}' ({node.kind})")
    if stuck:
        signed = any(isinstance(node, SpikingLayer) and node.neuron.spikes.low < 0 for node in graph.nodes)
        advice = " Its spikes have no sign: calibrate with spikes='binary' (--spikes binary)." if signed else ""
        raise ExportError(f"the circuit has one chain of layers, and no place for {', '.join(stuck)}.{advice}")
    return tuple(found)


def sent_bits(node: IntegerNode) -> int:
    """Bits of what a node sends: 1 for spikes, else those of a signed number."""
    if isinstance(node, ReadoutLayer):
        return node.ranges["total"].signed_bits
    found = node.ranges["value"]
    return 1 if found.low >= 0 and found.high <= 1 else found.signed_bits


def address_bits(n: int) -> int:
    """Bits of an address of one of n words."""
    return max((n - 1).bit_length(), 1)


def _stage(name: str, node: IntegerLayer | SumPool, source: IntegerNode, most_lanes: int, is_held: bool) -> Stage:
    kernel = node.kernel if isinstance(node, IntegerLayer) else _ones(node)
    geometry = _geometry(node, kernel)
    filters, groups = kernel.shape[-1], geometry["GROUPS"]
    n_inputs, n_neurons = math.prod(kernel.shape[:-1]), math.prod(node.shape)
    lanes = _lanes(filters // groups, min(most_lanes, n_inputs))  # the sums of a row leave before the next ones
    memories = {"WEIGHTS": kernel.reshape(n_inputs, -1, lanes).swapaxes(0, 1).reshape(-1, lanes).astype("int64")}
    widths = {"WEIGHTS": span(kernel).signed_bits}
    if isinstance(node, IntegerLayer):
        for memory, array in _arrays(node).items():
            array = node.per_neuron(array).ravel().astype("int64")
            memories[memory] = cycle(array, filters)
            widths[memory] = span(array).signed_bits
    is_queued = sent_bits(source) == 1 and isinstance(node, IntegerLayer) and not node.strides
    address = address_bits(math.prod(source.shape))
    sum_range = largest_sum(kernel.astype("int64"), source.ranges["value"].with_zero())
    parameters: dict[str, int | str] = {
        "KIND": _kind(node),
        "NEURONS": n_neurons,
        "FILTERS": filters,
        "LANES": lanes,
        "QUEUE": int(is_queued),
        "HOLDS": int(is_held and n_inputs > 1),  # of one input, the sum is there as fast as a kept one
        **geometry,
        "SOURCE_ADDRESS_BITS": address,
        "ADDRESS_BITS": address_bits(n_neurons),
        "INPUT_BITS": sent_bits(source),
        "READ_BITS": address if is_queued else sent_bits(source),
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
            found |= _powers("LEAK", "", neuron.leak, node.fraction_bits, ranges["leak_product"])
    if node.synapse:
        found["SYNAPSE_BITS"] = ranges["synapse"].signed_bits
        found |= _powers("SYNAPSE", "SYNAPSE_", node.synapse, node.synapse_bits, ranges["synapse_product"])
    return found


def _powers(name: str, prefix: str, multiplier: int, fraction_bits: int, product: Range) -> dict[str, int]:
    """Parameters of a `snn_leak`: the multiplier as a sum of few powers of two with signs.

    Common factors of 2 leave both the multiplier and the unit of its product.
    """
    spare = min((multiplier & -multiplier).bit_length() - 1, fraction_bits - 1)
    terms = signed_powers(multiplier >> spare)
    return {
        f"{name}_TERMS": len(terms),
        f"{name}_PLACES": sum(place << 8 * number for number, (place, _) in enumerate(terms)),
        f"{name}_NEGATIVE": sum(int(sign < 0) << number for number, (_, sign) in enumerate(terms)),
        f"{prefix}FRACTION_BITS": fraction_bits - spare,
        f"{prefix}PRODUCT_BITS": product.signed_bits - spare,
    }


def signed_powers(number: int) -> list[tuple[int, int]]:
    """A number above 0 as the fewest powers of two with signs: pairs of an exponent and 1 or -1, no two neighbours."""
    found, place = [], 0
    while number:
        if number & 1:
            sign = 2 - (number & 3)
            found.append((place, sign))
            number -= sign
        number >>= 1
        place += 1
    return found
