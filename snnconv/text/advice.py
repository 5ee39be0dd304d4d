"""Arguments in messages: written as Python takes them, or as options while a command runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

NEURONS = "snnconv.neurons."
# Options that are not their argument's name with dashes.
_OPTIONS = {
    "swap_activations": "--swap-activation",
    "n_steps": "--steps",
    "n_samples": "--samples",
    "weight_bits": "--bits",
}
_OPTIONS |= {"custom_objects": "--custom-objects", "inputs": "--input"}
ELSEWHERE = " of `snnconv export`"  # whose options are those of convert; the graph that it writes is for every command

BOTH = re.compile(r"\b\w+(?:=(?:\{[^}]*\}|\([^)]*\)|[^\s({]+))? \((--[^()]+)\)")
CHANGED = re.compile(r"\b([Rr]aise|[Ll]ower|or|and) (\w+_\w+)\b")

_options: ContextVar[Mapping[str, str] | None] = ContextVar("options", default=None)


@contextmanager
def as_options(options: Mapping[str, str] | None = None) -> Iterator[None]:
    """Within it, messages name options of the command line in the place of arguments.

    Parameters
    ----------
    options : mapping of argument to option, or None
        Those of the command that runs. None: it has all of them.
    """
    token = _options.set({} if options is None else options)
    try:
        yield
    finally:
        _options.reset(token)


def either(in_python: str, in_a_command: str) -> str:
    """Advice for those who write Python, or for those who typed a command."""
    return in_python if _options.get() is None else in_a_command


def in_options(message: str, options: Mapping[str, str]) -> str:
    """An error's message with options in the place of arguments: the one that it begins with, and those it advises.

    Advice that gives both, as in "unsafe=True (--unsafe)", becomes the option alone.

    Parameters
    ----------
    options : mapping of argument to option
        Those of the command that was run.
    """

    def option(name: str) -> str | None:
        listed = _OPTIONS.get(name)
        return listed if listed in options.values() else options.get(name)

    def begun(match: re.Match[str]) -> str:
        return option(match[1]) or match[1]

    def advised(match: re.Match[str]) -> str:
        found = option(match[1])
        return match[0] if found is None else found if match[3] == "True" else f"{found} {match[3]}"

    message = re.sub(r"^(\w+)(?= (?:must|cannot|names|takes|needs|has|holds|is|are)\b)", begun, message)
    message = CHANGED.sub(lambda match: f"{match[1]} {option(match[2]) or match[2]}", message)
    message = BOTH.sub(r"\1", message)
    told, received, value = message.partition("Received ")
    return re.sub(r"\b(\w+)=(['\"]?)(\w(?:[\w.]*\w)?)\2(?![\w(\[{])", advised, told) + received + value


def argument(name: str, value: Any = None) -> str:
    """An argument with a value, for a message: ``max_to_avg_pool=True``, or ``--max-to-avg-pool`` in a command.

    Parameters
    ----------
    name : str
        The argument's name in Python.
    value : number, bool, str, mapping of key to number or neuron, or None
        A neuron is written as its class is called, as in "IF()". None: the name alone.
    """
    options = _options.get()
    if options is None:
        return name if value is None else f"{name}={_in_python(value)}"
    option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
    where = ELSEWHERE if options and option not in options.values() else ""
    if value is None or value is True:
        return option + where
    if isinstance(value, Mapping):
        return " ".join(f"{option} {key}={_in_a_shell(each)}" for key, each in value.items()) + where
    return (f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}") + where


def _in_a_shell(value: float | str) -> str:
    """A number, or a neuron by the name of its class."""
    return value.partition("(")[0].lower() if isinstance(value, str) else f"{value:g}"


def _in_python(value: Any) -> str:
    if isinstance(value, Mapping):
        values = {key: f"{NEURONS}{each}" if isinstance(each, str) else f"{each:g}" for key, each in value.items()}
        return "{" + ", ".join(f"{_key(key)}: {each}" for key, each in values.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _key(key: str) -> str:
    """A name in quotes; words that stand for another key as they are."""
    return f'"{key}"' if key.isidentifier() else key
