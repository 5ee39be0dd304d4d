"""TensorFloat-32: whether products on NVIDIA GPUs may round their inputs before they multiply."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf


class _Setting:
    """TensorFlow's own switch for TensorFloat-32, which holds for the whole process.

    Calls that want it alike run at the same time; others wait. The last puts the user's setting back.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_calls, self._value, self._users = 0, True, True

    @contextmanager
    def __call__(self, allowed: bool) -> Iterator[None]:
        """Allow or forbid it for the calls inside, which must not wait for other threads."""
        switch, current = (
            tf.config.experimental.enable_tensor_float_32_execution,
            tf.config.experimental.tensor_float_32_execution_enabled,
        )
        with self._changed:
            self._changed.wait_for(lambda: not self._n_calls or self._value == allowed)
            if not self._n_calls:
                self._users, self._value = current(), allowed
                switch(allowed)
            self._n_calls += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_calls -= 1
                if not self._n_calls:
                    switch(self._users)
                    self._changed.notify_all()


tensor_float_32 = _Setting()
"""Context in which products on NVIDIA GPUs may round their inputs to 10 bits of fraction, or may not."""
