"""Python functions as TensorFlow's compiled ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf


def compiled(function: Callable[..., Any]) -> Any:
    """The function, compiled by XLA."""
    return traced(function, jit_compile=True)


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """The function as a `tf.function`."""
    # partial: TensorFlow would count the functions of all simulators as one that is traced again and again
    return tf.function(partial(function), autograph=False, **options)


class Settled:
    """A `tf.function` whose arguments differ in values alone, or in which of them are None.

    TensorFlow looks at all arguments of a `tf.function` in each call, which takes longer than a step of a small
    network: 160 of 340 µs. Here the trace of the first call serves all.
    """

    def __init__(self, function: Any):
        self.function = function
        self._traces: dict[tuple[bool, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        missing = tuple(argument is None for argument in arguments)
        if missing not in self._traces:
            self._traces[missing] = self.function.get_concrete_function(*arguments)
        return self._traces[missing](*arguments)
