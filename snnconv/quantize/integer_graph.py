"""The integer graph: a network as integers, with the float numbers that they came from, and its table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SnnconvError
from ..graph.inputs import check_array, not_numbers, one_or_all
from ..graph.nodes.base import fields_of, rebuilt
from ..text.plain import shape_text
from ..text.table import Table
from . import file
from .nodes import EncodedInput, IntegerLayer, IntegerNode, ReadoutLayer, SpikingLayer
from .scales import Settings

if TYPE_CHECKING:
    from os import PathLike

    from ..text.terminal import PrintedTable
HEADINGS = ("name", "kind", "shape", "W", "sum", "shift", "V", "D", "V·D", "R")


@dataclass(frozen=True, eq=False, repr=False)
class IntegerGraph:
    """A quantised network: nodes in execution order, each with its integers and their proven ranges.

    At each step every node takes what its input sends at that step; a spike reaches the next layer in the same step.

    Parameters
    ----------
    nodes : tuple of IntegerNode
        One `EncodedInput` first; every other node comes after what feeds it.
    outputs : mapping of str to str
        Name of each output, and of the `ReadoutLayer` that gives it.
    settings : Settings
        What it was quantised with.
    approximations : tuple of str
        What differs from the float network, as sentences that name the layer.
    name : str

    Raises
    ------
    SnnconvError
        If a node is fed by something that does not come before it, a branch is added more than once, or an output is
        no readout.
    """

    nodes: tuple[IntegerNode, ...]
    outputs: Mapping[str, str]
    settings: Settings
    approximations: tuple[str, ...] = ()
    name: str = "network"

    def __reduce__(self) -> Any:
        return rebuilt, (type(self), fields_of(self))

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", MappingProxyType(dict(self.outputs)))
        known: dict[str, IntegerNode] = {}
        for node in self.nodes:
            if isinstance(node, EncodedInput) == bool(known) or node.name in known:
                raise SnnconvError(f"node '{node.name}' is not where it can be in an integer graph.")
            for source in node.inputs:
                if source not in known:
                    raise SnnconvError(f"node '{node.name}' is fed by '{source}', which does not come before it.")
            if not node.takes([known[source] for source in node.inputs]):
                raise SnnconvError(f"node '{node.name}' ({node.kind}) cannot be fed by {list(node.inputs)}.")
            known[node.name] = node
        added = [name for node in self.nodes if isinstance(node, IntegerLayer) for name in node.branches]
        for name in added:
            if added.count(name) > 1:
                raise SnnconvError(f"branch '{name}' is added more than once; each has one layer that adds it.")
        for label, name in self.outputs.items():
            if not isinstance(known.get(name), ReadoutLayer):
                raise SnnconvError(f"output '{label}' names '{name}', which is no readout of the graph.")
        if not known or not self.outputs:
            raise SnnconvError("an integer graph has an input and an output.")

    def __repr__(self) -> str:
        return (
            f"<integer graph '{self.name}': {len(self.nodes)} nodes, {self.settings.weight_bits}-bit weights, "
            f"populations {list(self.populations)}>"
        )

    def __getitem__(self, name: str) -> IntegerNode:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, IntegerNode]:
        return {node.name: node for node in self.nodes}

    @property
    def dt(self) -> float:
        """Length of a step, in seconds."""
        return self.settings.dt

    @property
    def input(self) -> EncodedInput:
        """The node that data comes in by."""
        return self.nodes[0]  # pyright: ignore[reportReturnType]

    @cached_property
    def populations(self) -> Mapping[str, SpikingLayer]:
        """The layers of neurons by name, in execution order."""
        return MappingProxyType({node.name: node for node in self.nodes if isinstance(node, SpikingLayer)})

    @cached_property
    def readouts(self) -> Mapping[str, ReadoutLayer]:
        """The readouts by the name of the output."""
        return MappingProxyType({label: self._by_name[name] for label, name in self.outputs.items()})  # pyright: ignore

    @property
    def bits(self) -> int:
        """Bits of the widest integer in the network."""
        return max(found.bits for node in self.nodes for found in node.ranges.values())

    def check_inputs(self, x: Any, n_steps: int | None = None) -> np.ndarray:
        """Inputs as codes, int64, after checking their shape and values.

        Parameters
        ----------
        x : (n, *input) array
        n_steps : int or None
            Where given, the input may also vary in time, (n, n_steps, *input), if its code takes that.

        Raises
        ------
        InputError
            If the shape is another, or an input is NaN or outside of the range that the network was quantised for.
        """
        node = self.input
        if isinstance(x, Mapping) and set(x) == {node.name}:
            x = x[node.name]
        try:
            array = np.asarray(x, "float64")
        except (ValueError, TypeError):
            raise not_numbers(node.name, node.shape) from None
        check_array(array, node.name, node.shape, n_steps if node.code.takes_varying else None)
        return node.code.quantise(array)

    def as_output(self, values: dict[str, Any]) -> Any:
        """The one output itself, or the dict where there are several."""
        return one_or_all(values)

    def as_float(self, output: Any) -> Any:
        """Integers of outputs in the units of the float network.

        Parameters
        ----------
        output : array, or a dict of them where there are several outputs
            What a run gave; its mean over time is to be compared with the float network's.
        """
        scales = {label: readout.output_scale for label, readout in self.readouts.items()}
        if isinstance(output, Mapping):
            return {label: np.asarray(array) * scales[label] for label, array in output.items()}
        return np.asarray(output) * next(iter(scales.values()))

    def summary(self) -> PrintedTable:
        """Print a table of the layers with their integers' widths; and return it."""
        from ..text.terminal import printed

        return printed(summary_table(self.nodes, self.settings, self.name))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the graph to an HDF5 file, whole or not at all; `snnconv.quantize.load` reads it back.

        Raises
        ------
        ModelFileError
            If it cannot be written.
        """
        file.save(path, **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)})


def load(path: str | PathLike[str]) -> IntegerGraph:
    """Read a graph that `IntegerGraph.save` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another kind, or written by a later version.
    """
    return file.read(path, IntegerGraph)


def summary_table(nodes: Sequence[IntegerNode], settings: Settings, name: str) -> Table:
    """One row per node: its integers, and the bits of its sums, voltages and leak products."""
    title = f"Integer graph '{name}': {settings.weight_bits}-bit weights, steps of {settings.dt * 1e3:g} ms"
    notes = ("W, sum, V, V·D: bits, proven. D: leak. R: steps of rest",)
    rows = [(node.name, *_row(node)) for node in nodes]
    return Table(HEADINGS, rows, left=range(3), title=title, notes=notes, name_width=14)


def _row(node: IntegerNode) -> list[str]:
    def bits(what: str) -> str:
        return str(node.ranges[what].bits) if what in node.ranges else ""

    shape = shape_text(node.shape)
    if not isinstance(node, IntegerLayer):
        kind = node.code.kind if isinstance(node, EncodedInput) else node.kind
        return [kind, shape, bits("weight"), bits("value")]
    sums = [bits("weight"), bits("synapse" if node.synapse else "total_input"), str(node.shift)]
    if not isinstance(node, SpikingLayer):
        return ["Readout", shape, *sums, bits("total")]
    row, constants = [node.neuron.kind, shape, *sums, bits("voltage")], node.neuron.constants()
    leak, steps = (str(constants.get(name, "")) for name in ("leak", "refractory_steps"))
    return [*row, leak, bits("leak_product"), steps]
