"""Arguments in messages: written as Python takes them, or as options while a command runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

NEURONS = "snnconv.neurons."
# Options that are not their argument's name with dashes.
_OPTIONS = {"swap_activations": "--swap-activation", "n_steps": "--steps", "custom_objects": "--custom-objects"}

_as_options: ContextVar[bool] = ContextVar("as_options", default=False)


@contextmanager
def as_options() -> Iterator[None]:
    """Within it, messages name options of the command line in the place of arguments."""
    token = _as_options.set(True)
    try:
        yield
    finally:
        _as_options.reset(token)


def argument(name: str, value: Any = None) -> str:
    """An argument with a value, for a message: ``max_to_avg_pool=True``, or ``--max-to-avg-pool`` in a command.

    Parameters
    ----------
    name : str
        The argument's name in Python.
    value : number, bool, str, mapping of key to number or neuron, or None
        A neuron is written as its class is called, as in "IF()". None: the name alone.
    """
    if not _as_options.get():
        return name if value is None else f"{name}={_in_python(value)}"
    option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
    if value is None or value is True:
        return option
    if isinstance(value, Mapping):
        return " ".join(f"{option} {key}={_in_a_shell(each)}" for key, each in value.items())
    return f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}"


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
