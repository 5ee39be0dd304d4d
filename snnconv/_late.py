"""Functions of upper rooms that methods of lower rooms call, such as `graph.explain`.

A graph knows nothing of what explains it. The package itself, which stands above all rooms, registers here by name how
each such function is found; it is imported when it is called for the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_FINDERS: dict[str, Callable[[], Any]] = {}


def register(name: str, find: Callable[[], Any]) -> None:
    """Say how the function of that name is found."""
    _FINDERS[name] = find


def late(name: str) -> Any:
    """Find the function that was registered under that name."""
    return _FINDERS[name]()
