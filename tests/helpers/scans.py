"""Scans as TensorFlow's graphs instead of XLA's programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def without_xla() -> Iterator[None]:
    """What the runtime compiles meanwhile is traced alone: a small network takes longer to compile than to run."""
    from snnconv.runtime.compiled import scan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "traced", _traced_alone)
        yield


def _traced_alone(function: Callable[..., Any], jit_compile: bool = False, **options: Any) -> Any:
    # one function for all tests: what the runtime compiles is shared among those that were compiled alike
    from snnconv.runtime.compiled import stepper

    return stepper.traced(function, **options)
