"""A C program before it is text: names, arrays in its struct, functions, and the numbers that its test compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...graph import Node, SpikingGraph
from ...quantize import IntegerGraph, IntegerNode
from ..integers import identifiers


@dataclass(frozen=True)
class Numbers:
    """The type of the numbers of a program.

    Parameters
    ----------
    kind, dtype : str
        In C, and in NumPy.
    zero : number
    printed : str
        Conversion specification of printf.
    cast : str
        Cast that printf needs for it.
    """

    kind: str
    dtype: str
    zero: Any
    printed: str
    cast: str = ""

    def literal(self, number: float) -> str:
        """A number in C: decimals that read back as the same number."""
        text = str(int(number)) if self.dtype == "int32" else repr(float(number))
        return f"({text})" if text.startswith("-") else text


INT32 = Numbers("int32_t", "int32", 0, "%ld", "(long)")
DOUBLE = Numbers("double", "float64", np.float64(0), "%.17g")


@dataclass(frozen=True)
class Field:
    """A member of the network's struct.

    Parameters
    ----------
    kind : str
        Type of its numbers.
    name : str
    n : int or None
        Length of an array; None for a single number.
    what : str
        Comment on it.
    start : str or None
        A number before the first step, in C, at the index j; None where a reset leaves it as it is.
    """

    kind: str
    name: str
    n: int | None
    what: str
    start: str | None = "0"


@dataclass(frozen=True)
class Function:
    """A function of the program.

    Parameters
    ----------
    verb : str
        "present" where it is called for each input, "step" where it is called at each step.
    name : str
        Name of its node in the program.
    about : str
        Comment on it.
    declared, body : list of str
        Lines.
    takes_input : bool
        Whether it is given the input beside the network.
    """

    verb: str
    name: str
    about: str
    declared: list[str]
    body: list[str]
    takes_input: bool = False


@dataclass(frozen=True, eq=False)
class Program:
    """A network as a program.

    Parameters
    ----------
    title : str
        Name of the network in comments: "integer network digits".
    numbers : Numbers
    input_kind : str
        Type of an input's numbers.
    n_input : int
    params : str
        Text of params.h.
    usage : list of str
        Comment of network.h on time steps, inputs and outputs.
    source_note : str
        Comment of network.c.
    guards : tuple of str
        Lines of network.c before all others.
    fields : list of (comment, members)
        The struct, node by node; members of no node under "".
    functions : list of Function
        In the order in which they are called.
    output : str
        The sums of the first output in the struct `net`, and how many: "net->y_total, 10".
    max_steps : int
        Steps after a reset that are right; more are refused.
    after_step : list of str
        Lines that end a step.
    """

    title: str
    numbers: Numbers
    input_kind: str
    n_input: int
    params: str
    usage: list[str]
    source_note: str
    guards: tuple[str, ...]
    fields: list[tuple[str, list[Field]]]
    functions: list[Function]
    output: str
    max_steps: int
    after_step: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """A comparison of the self-test: `n` numbers of the network with golden ones, at the index j.

    Parameters
    ----------
    what : str
        Name of the numbers in its message.
    n : int
    found, expected : str
        Expressions in C.
    """

    what: str
    n: int
    found: str
    expected: str


@dataclass(frozen=True, eq=False)
class Vectors:
    """Golden vectors of a program, and the comparisons with them.

    Parameters
    ----------
    size : str
        Their extent in words: "4 samples of 100 steps".
    n_samples, n_steps : int
    varies : bool
        Whether inputs change from step to step.
    about : list of str
        Comment of golden.h.
    precision : str
        End of the comment of self_test.c on what it compares.
    arrays : list of (declaration, array) lists
        Arrays of golden.h, in groups; the inputs, golden_inputs, are the first.
    checks, last_checks : list of Check
        Comparisons after each step, and after the last.
    """

    size: str
    n_samples: int
    n_steps: int
    varies: bool
    about: list[str]
    precision: str
    arrays: list[list[tuple[str, np.ndarray]]]
    checks: list[Check]
    last_checks: list[Check] = field(default_factory=list)


class Names:
    """Names of a graph's nodes in its program.

    Parameters
    ----------
    graph : IntegerGraph or SpikingGraph

    Attributes
    ----------
    plain : dict of str
        The identifier of each node, and of each output under "output <label>".
    """

    def __init__(self, graph: IntegerGraph | SpikingGraph) -> None:
        self.plain = identifiers([*(node.name for node in graph.nodes), *(f"output {each}" for each in graph.outputs)])

    def macro(self, node: IntegerNode | Node, what: str) -> str:
        """A macro of params.h."""
        return f"SNN_{self.plain[node.name].upper()}_{what}"

    def array(self, node: IntegerNode | Node, what: str) -> str:
        """A constant array of params.h."""
        return f"snn_{self.plain[node.name]}_{what}"

    def field(self, node: IntegerNode | Node, what: str) -> str:
        """A member of the network's struct."""
        return f"{self.plain[node.name]}_{what}"

    def state(self, node: IntegerNode | Node, what: str) -> str:
        """A member of the network's struct, where the network is `net`."""
        return f"net->{self.field(node, what)}"

    def total(self, label: str) -> str:
        """The member with the sum over time of an output of a float network."""
        return f"{self.plain[f'output {label}']}_total"
