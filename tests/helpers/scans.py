"""Scans as TensorFlow's graphs instead of XLA's programs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def without_xla() -> Iterator[None]:
    """What the runtime compiles meanwhile is traced alone: a small network takes longer to compile than to run."""
    from snnconv.runtime.compiled import scan

    traced = scan.traced
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "traced", lambda function, jit_compile=False, **options: traced(function, **options))
        yield
