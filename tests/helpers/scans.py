"""Scans as TensorFlow's graphs instead of XLA's programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest


@contextmanager
def without_xla() -> Iterator[None]:
    """What the runtime compiles meanwhile is traced alone: a small network takes longer to compile than to run."""
    from snnconv.runtime.compiled import scan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "traced", _alone(scan.traced))
        yield


@cache  # the runtime shares, among all tests, what was compiled by the same function
def _alone(traced: Callable[..., Any]) -> Callable[..., Any]:
    return lambda function, jit_compile=False, **options: traced(function, **options)
