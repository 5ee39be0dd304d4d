"""Base types of export targets: a target, its options, and its plan for a graph."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..files.output import check_file, check_folder
from ..graph import Inputs, SpikingGraph
from ..neurons import LIF
from ..neurons.base import steps_as
from ..runtime.result import Result
from ..text.advice import argument
from ..text.plain import first_of


@dataclass(frozen=True)
class Option:
    """A setting of one target: a keyword of `export`, and ``--name`` of the command.

    Parameters
    ----------
    name : str
        With underscores; the command has hyphens in their place.
    type : type
        int, float, str, or bool for a switch without value.
    default : value of that type
    help : str
        One line.
    choices : tuple
        What a str may be; empty for anything.
    """

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return "--" + self.name.replace("_", "-")

    def check(self, value: Any) -> Any:
        """`value`, or the text of it, as a value of the option's type.

        Raises
        ------
        ParameterError
            If it is none.
        """
        try:
            converted = self.type(value)
        except (TypeError, ValueError):
            converted = None
        is_other = self.type is bool and not isinstance(value, bool)
        if converted is None or is_other or (self.type is int and converted != float(value)):
            raise ParameterError(f"{self.flag} must be a value of type {self.type.__name__}. Received {value!r}.")
        if self.choices and converted not in self.choices:
            raise ParameterError(f"{self.flag} must be one of {', '.join(self.choices)}. Received {value!r}.")
        return converted


@dataclass(frozen=True)
class Limit:
    """Something in a graph that a target cannot hold.

    Parameters
    ----------
    what : str
        With an article, as in "the refractory period".
    layers : tuple of str
        Names of the nodes that have it.
    instead : str or None
        What an approximation makes of it: "left out", "written as …". None: there is none.
    advice : str
        What to change in the model; a sentence without its full stop.
    """

    what: str
    layers: tuple[str, ...]
    instead: str | None = None
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.what} of {first_of([repr(name) for name in self.layers])}"


def other_neurons(kind: str, known: str = "LIF") -> str:
    """Advice about neurons of this kind, for a target that has the `known` ones."""
    if kind == "SignedIF":
        return f"Calibrate with {argument('spikes', 'binary')}"
    advice = f"Convert with {argument('swap_activations')} and {known} neurons"
    if kind == "SteppedLIF":  # a layer of its own, where other kinds stand for an activation
        advice = f"Train with {known} layers"
    return f"{advice} in their place"


def several_spikes(graph: SpikingGraph) -> tuple[Limit, ...]:
    """The limit of targets whose LIF neurons spike once in a step, where those of the graph may spike more often."""
    neurons = {name: view.neuron for name, view in graph.populations.items()}
    names = tuple(name for name, neuron in neurons.items() if steps_as(neuron, LIF) and neuron.max_spikes > 1)
    advice = "Convert with firing rates that are scaled less"
    return (Limit("the several spikes in a step", names, "written with one spike a step", advice),) if names else ()


FUNCTIONS = "the functions of means", "Train with relu, BatchNormalization and sums, which take nothing but spikes"
"""The limit of targets without arithmetic, and advice: silu, products, norms and attention become such functions."""


@dataclass(frozen=True, eq=False)
class Settings:
    """Step length, samples and options that a graph is exported with.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    inputs : Inputs
        Samples to measure with, or to ship as test vectors.
    n_steps : int
        Steps of these samples.
    options : mapping
        The target's own settings, complete and checked.
    """

    dt: float
    inputs: Inputs
    n_steps: int
    options: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """The way in which a target would write a graph. Nothing is written yet.

    Parameters
    ----------
    write : function (path)
        Writes the file, or into the empty folder, at this path. It need not care about failures.
    run : function (path, inputs, n_steps) -> Result, or None
        Runs what was written, as its readers would, with the spikes of every population. None: the file holds every
        number as it is, and there is nothing to measure.
    limits : tuple of Limit
        What the target cannot hold; what of it has no `instead` is never written.
    changes : tuple of str
        What the target changes by its nature, such as "weights rounded to 8 bits"; no one has to allow it.
    notes : tuple of str
        What a reader of the file has to know, in sentences without full stop.
    unmeasured : str
        Why there is no `run`, where the target does not hold every number as it is.
    about : mapping of str to values that JSON can hold
        What the manifest of a folder says besides.
    """

    write: Callable[[Path], None]
    run: Callable[[Path, Inputs, int], Result] | None = None
    limits: tuple[Limit, ...] = ()
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unmeasured: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """Something about an exported folder that was looked at.

    Parameters
    ----------
    what : str
    passed : bool or None
        None where it could not be looked at.
    said : str
        What was found, without full stop.
    """

    what: str
    passed: bool | None
    said: str


@dataclass(frozen=True)
class Target:
    """A format that a graph can be written in.

    Parameters
    ----------
    name : str
        What ``--target`` calls it.
    suffix : str
        End of its files' names.
    holds : str
        One line on what a file holds and who reads it.
    lacks : str
        One line on what it cannot hold.
    plan : function (graph, settings) -> Plan
    options : tuple of Option
        Settings that only this target has.
    is_folder : bool
        Whether it writes a folder; it then gets a manifest too.
    check_folder : function (path) -> list of Check, or None
        Runs what an unchanged folder contains, and compares it with the golden vectors in it.
    uses_tensorflow : bool
        Whether it imports TensorFlow to write, whose messages a command keeps to itself.
    other_endings : tuple of str
        Ends that the names of its files may have besides `suffix`.
    takes_signed_spikes : bool
        Whether it holds `SignedIF` neurons, which `snnconv.calibrate` makes unless asked for binary spikes.
    """

    name: str
    suffix: str
    holds: str
    lacks: str
    plan: Callable[[SpikingGraph, Settings], Plan]
    options: tuple[Option, ...] = ()
    is_folder: bool = False
    check_folder: Callable[[Path], list[Check]] | None = None
    uses_tensorflow: bool = False
    takes_signed_spikes: bool = True
    other_endings: tuple[str, ...] = ()

    @property
    def endings(self) -> tuple[str, ...]:
        """Ends of the names that its files may have; the usual one first, none for a folder."""
        last = "." + self.suffix.rpartition(".")[2]
        return () if self.is_folder else (self.suffix, last, *self.other_endings)

    def check_place(self, path: str | os.PathLike[str], force: bool) -> None:
        """Raise ModelFileError unless its file or folder may be written there."""
        if self.is_folder:
            check_folder(path, force)
        else:
            check_file(path, self.endings, force)

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with the given values or their defaults.

        Raises
        ------
        ParameterError
            If the target has no such option, or a value is none of it.
        """
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                has = ", ".join(option.flag for option in self.options) or "none"
                flag = Option(name, str, None, "").flag
                raise ParameterError(f"target '{self.name}' has no option {flag}. Its options: {has}.")
        return {name: option.check(given.get(name, option.default)) for name, option in known.items()}
