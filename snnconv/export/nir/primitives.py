"""A NIR graph as data: primitives by name, and the edges between them.

Arrays are channels first and without the axis of the samples, as everywhere in NIR. Edges that meet at a primitive add
up.

References
----------
Pedersen et al. (2024), "Neuromorphic intermediate representation: a unified instruction set for interoperable
brain-inspired computing", Nature Communications 15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ...errors import ModelFileError

# The parameters of each primitive, by NIR's names for both. Those of neurons have the shape of the neurons.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Conv1d": ("weight", "bias", "stride", "padding", "dilation", "groups", "input_shape"),
    "Conv2d": ("weight", "bias", "stride", "padding", "dilation", "groups", "input_shape"),
    "Flatten": ("start_dim", "end_dim", "input_type"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "IF": ("r", "v_threshold", "v_reset"),
    "Scale": ("scale",),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
}
OPTIONAL = ("v_reset", "w_in", "input_shape", "input_type")  # of those, what files of earlier versions may lack


@dataclass(frozen=True, eq=False)
class Primitive:
    """One node of a NIR graph.

    Parameters
    ----------
    name : str
    type : str
        A key of `PARAMETERS`.
    parameters : mapping of name to array or number
    metadata : mapping of name to number or str
        What NIR itself does not hold; readers carry it along.
    """

    name: str
    type: str
    parameters: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


@dataclass(frozen=True, eq=False)
class NirGraph:
    """Primitives, edges (from, to), and what is said of the whole.

    Parameters
    ----------
    nodes : mapping of name to Primitive
    edges : tuple of (str, str)
    metadata : mapping of name to number or str
    """

    nodes: Mapping[str, Primitive]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[Primitive], edges: Iterable[tuple[str, str]], metadata: Mapping[str, Any]) -> NirGraph:
        """A graph of these primitives."""
        return cls({node.name: node for node in nodes}, tuple(edges), metadata)

    def sources(self, name: str) -> tuple[str, ...]:
        """Names of the primitives whose outputs add up at this one's input."""
        return tuple(source for source, target in self.edges if target == name)

    def in_order(self) -> tuple[Primitive, ...]:
        """The primitives, each after what feeds it.

        Raises
        ------
        ModelFileError
            If there is a cycle, or an edge to nowhere.
        """
        missing = [name for edge in self.edges for name in edge if name not in self.nodes]
        if missing:
            raise ModelFileError(f"an edge of the NIR graph names '{missing[0]}', which is no node of it.")
        try:
            order = TopologicalSorter({name: self.sources(name) for name in self.nodes}).static_order()
            return tuple(self.nodes[name] for name in order)
        except CycleError as error:
            cycle = " -> ".join(f"'{name}'" for name in error.args[1])
            raise ModelFileError(
                f"the NIR graph is recurrent, which snnconv does not read: {cycle}. Remove an edge of this cycle."
            ) from error
