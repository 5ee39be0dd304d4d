"""Cells of a circuit: an estimate made of its parts, with coefficients fitted to runs of yosys and nextpnr.

The parts are bits that can be counted from the parameters of the modules: of registers, adders, addresses and memories.
A count of cells is a sum of parts times coefficients; a period is one too, of other parts. Which memories are blocks
is decided as yosys does, and not fitted.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..stages import Stage, adders, readers
from .devices import COUNTS, Device, Family


@dataclass(frozen=True)
class Cells:
    """Cells that a circuit takes, and its clock.

    Parameters
    ----------
    cells, registers, memories, multipliers : int
    hertz : float or None
        Highest rate of its clock. None where the family has no routed runs.
    """

    cells: int
    registers: int
    memories: int
    multipliers: int
    hertz: float | None

    def fits(self, device: Device) -> bool:
        """Whether the device has as many of all."""
        return all(getattr(self, what) <= getattr(device, what) for what in COUNTS)


@dataclass(frozen=True)
class Memory:
    """A memory of the circuit: bits of a word, words, and whether it is only read."""

    bits: int
    words: int
    is_rom: bool = False

    def blocks(self, family: Family) -> int:
        """Fewest blocks of the family that hold it; a row may have several words of one that is only read."""
        if self.is_rom:
            return min(-(-self.bits * -(-self.words // words) // bits) for bits, words in family.shapes)
        return min(-(-self.bits // bits) * -(-self.words // words) for bits, words in family.shapes)

    def place(self, family: Family) -> tuple[str, int]:
        """The part that it is, and how much of it: blocks, distributed cells, or bits in logic."""
        n_blocks, n_bits = self.blocks(family), self.bits * self.words
        found: dict[str, tuple[float, int]] = {
            "rom" if self.is_rom else "ram": (n_bits / family.rom_bits if self.is_rom else n_bits, n_bits),
            "blocks": (n_blocks * family.block_cost, n_blocks),
        }
        if family.distributed is not None and not self.is_rom:
            bits, words, cost, deepest = family.distributed
            n_cells = -(-self.bits // bits) * -(-self.words // words)
            choice = (self.bits + 1) * (-(-self.words // deepest) - 1) / 2  # between them, to read and to write
            found["distributed"] = (n_cells * cost + choice, n_cells)
        part = min(found, key=lambda each: found[each][0])
        return part, found[part][1]


def estimate(stages: Sequence[Stage], family: Family) -> Cells:
    """Estimate the cells and the clock of a circuit on devices of a family."""
    found = parts(stages, family)
    numbers = {
        what: sum(coefficients.get(part, 0.0) * n for part, n in found[what].items())
        for what, coefficients in fitted()[family.name].items()
    }
    return Cells(
        cells=round(numbers["cells"]),
        registers=round(numbers["registers"]),
        memories=int(found["cells"]["blocks"]),
        multipliers=int(found["cells"]["multipliers"]),
        hertz=1e9 / numbers["nanoseconds"] if family.is_routed else None,
    )


def parts(stages: Sequence[Stage], family: Family) -> dict[str, Mapping[str, float]]:
    """The parts that a circuit's cells, registers and the nanoseconds of its clock are counted with, by name."""
    last = stages[-1].parameters
    found = Counter({"network": 1, "values": int(last["VALUE_BITS"]) + int(stages[0].parameters["INPUT_BITS"])})
    memories = list(_memories(stages))
    for memory in memories:
        part, n = memory.place(family)
        found[part] += n
        if part == "blocks" and n > 1:
            deepest = max(words for bits, words in family.shapes if bits <= memory.bits or bits == family.shapes[-1][0])
            found["banks"] += memory.bits * (-(-memory.words // deepest) - 1)
    for stage in stages:
        found += _stage_parts(stage, family)
    delays = {
        "network": 1,
        "carried bits": max(int(stage.parameters.get("BITS", stage.parameters["SUM_BITS"])) for stage in stages),
        "banks": math.log2(max(1, *(memory.blocks(family) for memory in memories))),
        "blocks": math.log2(1 + found["blocks"]),
        "windows": max(int(stage.parameters["PLACE_BITS"]) if _n_axes(stage) else 0 for stage in stages),
    }
    return {"cells": found, "registers": found, "nanoseconds": delays}


def _memories(stages: Sequence[Stage]) -> Iterable[Memory]:
    """All memories: of inputs, weights, constants of neurons, kept sums, states and frames between layers."""
    first = stages[0].parameters
    n_inputs = math.prod(int(first[what]) for what in ("IN_Z", "IN_Y", "IN_X", "CHANNELS"))
    yield Memory(int(first["READ_BITS"]), n_inputs if stages[0].holds else 2 << int(first["SOURCE_ADDRESS_BITS"]))
    for number, stage in enumerate(stages, 1):
        given, n_neurons = stage.parameters, stage.n_neurons
        for name in stage.memories:
            rows = stage.rows_of(name)
            bits = rows.shape[1] * stage.widths[name]
            part = stage.part_bits if name == "WEIGHTS" else 0
            if (rows != rows[0]).any():  # else it is a constant
                yield from (Memory(min(part or bits, bits - n), len(rows), True) for n in range(0, bits, part or bits))
        if stage.holds:
            yield Memory(int(given["SUM_BITS"]), n_neurons)
        if "STATE_BITS" in given:
            yield Memory(int(given["STATE_BITS"]) + _count_bits(stage), n_neurons)
        if "SYNAPSE_BITS" in given:
            yield Memory(int(given["SYNAPSE_BITS"]), n_neurons)
        fed = [int(stages[reader - 1].parameters["READ_BITS"]) for reader in readers(stages, number)]
        fed += [int(given["VALUE_BITS"])] * len(adders(stages, number))
        for bits in fed or [int(given["VALUE_BITS"])]:
            yield Memory(bits, 2 << int(given["ADDRESS_BITS"]))


def _stage_parts(stage: Stage, family: Family) -> Counter[str]:
    given = stage.parameters
    lanes, sum_bits, inputs = stage.lanes, int(given["SUM_BITS"]), int(given["INPUT_BITS"])
    weights = stage.widths["WEIGHTS"]
    term_bits = weights if inputs == 1 else weights + inputs
    read, banks = int(given["SOURCE_ADDRESS_BITS"]), int(given["WEIGHT_BANK_BITS"])
    rows = (len(stage.memories["WEIGHTS"]) - 1).bit_length()
    found = Counter(
        {
            "stages": 1,
            "lanes": lanes * (term_bits + sum_bits),
            "leaving": lanes * sum_bits if lanes > 1 else 0,
            "addresses": read + rows + 4 * int(given["ADDRESS_BITS"]),
            "words": lanes * weights
            + sum(stage.widths[name] for name, words in stage.memories.items() if len(words) > 1),
            "sums": 2 * sum_bits,
            "rows": (lanes * weights << banks) if banks else 0,
        }
    )
    if stage.is_queued:
        found["queues"] = 3 * read + 2 * rows
    else:
        found["windows"] = read + _n_axes(stage) * (3 * int(given["PLACE_BITS"]) + 8)
    if stage.is_multiplied:
        found["factors"] = 2 * (lanes * weights + inputs)
        takes_one = family.least_product is not None and term_bits >= family.least_product
        if takes_one:
            found["multipliers"] = lanes
        elif (stage.memories["WEIGHTS"] != stage.memories["WEIGHTS"][0]).any():  # products with a constant are sums
            found["products"] = lanes * inputs * weights
    if "BITS" not in given:
        return found
    bits, state = int(given["BITS"]), int(given.get("STATE_BITS", 0))
    if stage.added:
        found["pipelines"] += bits
    if not state:  # sums of a branch
        return found
    for prefix, product in (("LEAK", "PRODUCT_BITS"), ("SYNAPSE", "SYNAPSE_PRODUCT_BITS")):
        terms = int(given.get(f"{prefix}_TERMS", 0))
        if terms:
            found["trees"] += (terms - 1) * int(given[product])
            found["pipelines"] += bits * (1 + max(1, (terms - 1).bit_length()))
    rest = int(given.get("REFRACTORY_BITS", 0))  # parts of a step have a pipeline of their own
    found["pipelines"] += bits * (2 + int(given.get("IS_RECTIFIED", 0)) + (rest and 3 * rest + 3))
    bounds = sum(name in stage.memories for name in ("FLOOR", "CEILING"))
    found["states"] = state * {"LIF": 4, "IF": 4, "SignedIF": 7}.get(str(given["KIND"]), 2) + 6 * _count_bits(stage)
    found["bounds"] = state * bounds
    return found


def _n_axes(stage: Stage) -> int:
    """Axes that the window of a convolution moves on."""
    return sum(int(stage.parameters[f"OUT_{axis}"]) > 1 for axis in "ZYX")


def _count_bits(stage: Stage) -> int:
    return int(stage.parameters.get("SENT_BITS", 0)) or int(stage.parameters.get("REFRACTORY_STEPS", 0)).bit_length()


@functools.cache
def fitted() -> dict[str, dict[str, dict[str, float]]]:
    text = importlib.resources.files(__name__.rpartition(".")[0]).joinpath("coefficients.json").read_text("utf-8")
    return json.loads(text)["families"]
