"""An integer graph as circuit stages: the parameters of each layer's module and what its memories hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ExportError
from ...quantize import (
    EncodedInput,
    IntegerGraph,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    Range,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)
from ...quantize.neurons import IntegerLIF
from ...quantize.proofs import largest_sum
from ...quantize.ranges import span
from .encoder import CircuitPart, parts
from .memories import cycle, layout, neuron_arrays, side_by_side

AXES = "ZYX"
KINDS = ("LIF", "IF", "READOUT", "SUM", "SignedIF", "GROWTH", "LATENCY", "BRANCH")  # numbered by rtl/snn_neuron.v

SHORT = {"SUM": 2, "GROWTH": 3, "LATENCY": 3, "BRANCH": 2}  # clocks of those without drive


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
    source : int
        Number of the stage that feeds it, from 1; 0 for the inputs.
    added : int
        Number of the stage whose sums it adds; 0 where there is none.
    """

    name: str
    node: IntegerNode
    parameters: Mapping[str, int | str]
    memories: Mapping[str, np.ndarray]
    widths: Mapping[str, int]
    source: int = 0
    added: int = 0

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
    def is_multiplied(self) -> bool:
        """Whether its inputs are multiplied with weights; spikes select them, with a sign in 2 bits."""
        return int(self.parameters["INPUT_BITS"]) > 2 and not self.parameters["LARGEST"]

    @property
    def part_bits(self) -> int:
        """Bits of the parts that rows of its weights are cut into. 0: they are whole."""
        return int(self.parameters["WEIGHT_PART_BITS"])

    @property
    def rows(self) -> int:
        """Turns in which its sums are made."""
        return self.n_neurons // self.lanes

    @property
    def registers(self) -> int:
        """Clocks from a neuron's sum to its value: VALUE_AT of rtl/snn_neuron.v."""
        kind, terms = (
            str(self.parameters["KIND"]),
            (self.parameters.get(f"{name}_TERMS", 0) for name in ("SYNAPSE", "LEAK")),
        )
        adds = int(self.added > 0)
        if kind in SHORT:
            return SHORT[kind] + adds
        synapse, leak = (int(n) and 1 + max(1, (int(n) - 1).bit_length()) for n in terms)
        behind = {"LIF": 2, "IF": 3, "SignedIF": 3}.get(kind, 0)
        parts = int(self.parameters.get("REFRACTORY_BITS", 0))
        behind += parts and 3 * parts + 3  # the drive's share, and the parts of a step since the crossing
        return 3 + adds + synapse + int(self.parameters.get("IS_RECTIFIED", 0)) + (leak or 1) + behind

    def clocks_for(self, n_spikes: np.ndarray) -> np.ndarray:
        """Clocks of steps with so many spikes among their inputs, which count where they are queued."""
        per_row = np.maximum(n_spikes, self.lanes) if self.is_queued else np.full_like(n_spikes, self.n_inputs)
        leaving = self.lanes if self.lanes > 1 else 0
        waiting = 9 if self.is_queued else 8 if self.is_multiplied else 6
        waiting += self.parameters["WEIGHT_BANK_BITS"] != 0
        return self.rows * per_row + leaving + self.registers + waiting

    def rows_of(self, memory: str) -> np.ndarray:
        """Numbers (n_rows, n) of one of its memories, as its file holds them."""
        banks = 1 << int(self.parameters["WEIGHT_BANK_BITS"]) if memory == "WEIGHTS" else 1
        return side_by_side(self.memories[memory], banks)

    @property
    def clocks(self) -> int:
        """Clocks of the longest step."""
        return int(self.clocks_for(np.array(self.n_inputs)))

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


def stages(graph: IntegerGraph, lanes: int | Sequence[int], deepest: int = 0) -> tuple[Stage, ...]:
    """The layers of a graph in order, and those that the circuit has beside them.

    Parameters
    ----------
    lanes : int, or a sequence with one int per layer
        Most sums of a layer to make side by side.
    deepest : int
        Most rows of a block of memory of the device. 0: no device is known.

    Raises
    ------
    ExportError
        If several layers read the inputs, or a layer is none that the circuit has; it names all of them.
    """
    found: list[Stage] = []
    numbers, stuck = {graph.input.name: 0}, []
    found_parts = parts(graph)
    is_held = [input_bits(graph) > 1]  # of each number: one bit is a spike, which comes anew at every step
    most = [lanes] * len(found_parts) if isinstance(lanes, int) else lanes
    for number, (part, most_lanes) in enumerate(zip(found_parts, most, strict=True), 1):
        node, fed_by = part.node, numbers.get(part.source.name, 0)
        if _kind(node) in KINDS and (fed_by or number == 1):
            made = _stage(f"layer{number}", part, most_lanes, is_held[fed_by], graph.settings.n_steps, deepest)
            added = numbers[part.added.name] if part.added else 0
            found.append(dataclasses.replace(made, source=fed_by, added=added))
        else:
            stuck.append(f"'{node.name}' ({node.kind})")
        is_pool = isinstance(node, SumPool) or (isinstance(node, MaxPool) and not node.is_running)
        is_held.append(is_held[fed_by] and is_pool)
        numbers[node.name] = number
    if stuck:
        raise ExportError(
            f"the circuit has one layer that reads the inputs, and no place for {', '.join(stuck)}. Where several "
            f"layers read them, choose --code rate or latency."
        )
    return tuple(found)


def readers(stages: Sequence[Stage], number: int) -> list[int]:
    """Numbers of the stages that a stage, or the input where `number` is 0, feeds."""
    return [other for other, stage in enumerate(stages, 1) if stage.source == number]


def adders(stages: Sequence[Stage], number: int) -> list[int]:
    """Numbers of the stages that add the sums of stage `number`."""
    return [other for other, stage in enumerate(stages, 1) if stage.added == number]


def output_stages(graph: IntegerGraph, stages: Sequence[Stage]) -> list[int]:
    """Number of the stage that gives each output, in the order of the graph's outputs."""
    numbers = {stage.node.name: number for number, stage in enumerate(stages, 1)}
    return [numbers[name] for name in graph.outputs.values()]


def sent_range(node: IntegerNode) -> Range:
    """Range of what a node sends in the circuit: readouts send their sums over time."""
    return node.ranges["total" if isinstance(node, ReadoutLayer) else "value"]


def sent_bits(node: IntegerNode) -> int:
    """Bits of what a node sends: 1 for spikes, else those of a signed number."""
    return sent_range(node).signed_bits if isinstance(node, WeightedSums) else _bits(sent_range(node))


def input_bits(graph: IntegerGraph) -> int:
    """Bits of an input, before it is encoded."""
    return _bits(graph.input.code.codes)


def _bits(found: Range) -> int:
    return 1 if found.low >= 0 and found.high <= 1 else found.signed_bits


def address_bits(n: int) -> int:
    """Bits of an address of one of n words."""
    return max((n - 1).bit_length(), 1)


def _stage(name: str, part: CircuitPart, most_lanes: int, is_held: bool, n_steps: int, deepest: int) -> Stage:
    node, source = part.node, part.source
    kernel, input_shape = _window(node)
    geometry = _geometry(node, kernel, input_shape)
    filters, groups = kernel.shape[-1], geometry["GROUPS"]
    n_inputs, n_neurons = math.prod(kernel.shape[:-1]), math.prod(node.shape)
    lanes = _lanes(filters // groups, min(most_lanes, n_inputs))  # the sums of a row leave before the next ones
    memories = {"WEIGHTS": kernel.reshape(n_inputs, -1, lanes).swapaxes(0, 1).reshape(-1, lanes).astype("int64")}
    widths = {"WEIGHTS": span(kernel).signed_bits}
    given = sent_range(source).with_zero()
    if isinstance(node, IntegerLayer):
        added = [part.added.ranges["value"]] if part.added else []
        for memory, array in neuron_arrays(node, [given, *added], n_steps).items():
            array = node.per_neuron(array).ravel().astype("int64")
            memories[memory] = cycle(array, filters)
            widths[memory] = span(array).signed_bits
    are_spikes = given.low >= -1 and given.high <= 1
    is_queued = are_spikes and not is_held and isinstance(node, WeightedNode) and not node.strides
    address, bits = address_bits(math.prod(source.shape)), sent_bits(source)
    is_largest = isinstance(node, MaxPool)
    most = 0 if is_largest else largest_sum(kernel.astype("int64"), given)
    bank_bits, part_bits = layout(len(memories["WEIGHTS"]), deepest)
    parameters: dict[str, int | str] = {
        "KIND": _kind(node),
        "NEURONS": n_neurons,
        "FILTERS": filters,
        "LANES": lanes,
        "QUEUE": int(is_queued),
        "HOLDS": int(is_held and n_inputs > 1),  # of one input, the sum is there as fast as a kept one
        "LARGEST": int(is_largest),
        **geometry,
        "WEIGHT_BANK_BITS": bank_bits,
        "WEIGHT_PART_BITS": part_bits,
        "SOURCE_ADDRESS_BITS": address,
        "ADDRESS_BITS": address_bits(n_neurons),
        "INPUT_BITS": bits,
        "READ_BITS": address + bits - 1 if is_queued else bits,
        "SUM_BITS": given.signed_bits if is_largest else max(Range(-most, most).signed_bits, widths["WEIGHTS"]),
        "VALUE_BITS": sent_bits(node),
    }
    if part.added:
        parameters["ADDED_BITS"] = sent_bits(part.added)
    if isinstance(node, IntegerLayer):
        parameters.update(_arithmetic(node, parameters, widths))
        if "n_sent" in node.ranges:
            parameters["SENT_BITS"] = n_steps.bit_length()  # at most one spike a step
    elif isinstance(node, WeightedSums):
        parameters |= {"SHIFT": node.shift, "BITS": 1 + max(int(parameters["SUM_BITS"]), sent_bits(node))}
    elif is_largest:
        parameters["STATE_BITS"] = parameters["SUM_BITS"]
    elif isinstance(node, EncodedInput) and isinstance(node.code, LatencyCode):
        parameters |= {"LATENCY_STEPS": node.code.window, "LATENCY_MOST": node.code.codes.high}
    return Stage(name, node, parameters, memories, widths)


def _window(node: IntegerNode) -> tuple[np.ndarray, tuple[int, ...]]:
    """Kernel of a node, a depthwise one of ones for those that have none, and the shape that it reads its input in."""
    if isinstance(node, WeightedNode):
        return node.kernel, node.input_shape
    if isinstance(node, SumPool | MaxPool):
        return np.ones((*node.size, 1, node.input_shape[-1]), "int64"), node.input_shape
    n = math.prod(node.shape)
    return np.ones((1, 1, n), "int64"), (1, n)


def _geometry(node: IntegerNode, kernel: np.ndarray, input_shape: tuple[int, ...]) -> dict[str, int]:
    """Window and places of a convolution in three dimensions; a dense layer has one of each."""
    *window, depth, _ = kernel.shape
    *space, channels = input_shape
    rank = len(window)
    ones = (1,) * rank
    strides = node.strides if isinstance(node, WeightedNode | SumPool | MaxPool) else ones
    padding = node.padding if isinstance(node, WeightedNode | MaxPool) and rank else ((0, 0),) * rank
    dilation = node.dilation if isinstance(node, WeightedNode) else ones
    if isinstance(node, SumPool | MaxPool):
        places = node.shape[:rank]
    else:
        places = node.connection_shape[:rank] if isinstance(node, WeightedNode) else ones
    per_axis = {
        "IN": ([*space] if rank else [], 1),
        "OUT": ([*places], 1),
        "WINDOW": (window, 1),
        "STRIDE": ([*strides], 1),
        "DILATION": ([*dilation], 1),
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
    if isinstance(node, MaxPool):
        return "GROWTH" if node.is_running else "SUM"
    kinds = {ReadoutLayer: "READOUT", SumPool: "SUM", EncodedInput: "LATENCY", WeightedSums: "BRANCH"}
    return kinds.get(type(node), node.kind)


def _arithmetic(node: IntegerLayer, known: Mapping[str, int | str], widths: Mapping[str, int]) -> dict[str, int]:
    """Multipliers and widths, from the proven ranges."""
    ranges = node.ranges
    total = ranges["synapse"] if node.synapse else ranges["total_input"]
    bias = ranges["bias"].with_zero()
    drive = Range(total.low + min(bias.low, 0), total.high + max(bias.high, 0))  # before it is rectified
    state = ranges["voltage" if isinstance(node, SpikingLayer) else "total"]
    apart = {"leak_product", "synapse_product", "n_sent", "crossing", "shared_drive"}
    sums = [drive, *(found for name, found in ranges.items() if name not in apart)]
    # One bit more than needed, so that every number that is extended to it is narrower.
    bits = 1 + max(int(known["SUM_BITS"]), *(found.signed_bits for found in sums), *widths.values())
    found = {"SHIFT": node.shift, "BITS": bits, "STATE_BITS": state.signed_bits}
    if isinstance(node, SpikingLayer):
        neuron = node.neuron
        found |= {"REFRACTORY_STEPS": neuron.refractory_steps, "IS_RECTIFIED": int(neuron.is_rectified)}
        if isinstance(neuron, IntegerLIF) and neuron.refractory_steps:
            found["REFRACTORY_BITS"] = neuron.refractory_bits
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
