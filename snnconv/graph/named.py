"""A mapping of names that says which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Named(Mapping[str, Any]):
    """A read-only mapping whose KeyError says which names there are."""

    def __init__(self, what: str, items: Mapping[str, Any]):
        self._what, self._items = what, items

    def __getitem__(self, name: str) -> Any:
        try:
            return self._items[name]
        except KeyError:
            raise KeyError(f"no {self._what} is named {name!r}. There are: {list(self._items)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: {view!r}' for name, view in self._items.items())}}}"
