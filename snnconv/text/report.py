"""Reports: sections of tables and lines, each under a title, with an empty line between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .table import Table


@dataclass(frozen=True, eq=False)
class Section:
    """A title with tables and lines below it.

    Parameters
    ----------
    title : str
        Nothing where there is none.
    parts : sequence of Table or str
        Texts are lines, wrapped already.
    style : str
        Of the title on a terminal, as rich names it.
    """

    title: str
    parts: Sequence[Table | str] = ()
    style: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines below the title."""
        each = (part.lines() if isinstance(part, Table) else [part] for part in self.parts)
        return tuple(line for lines in each for line in lines)

    def __str__(self) -> str:
        return "\n".join([*([self.title] if self.title else []), *self.lines])


@dataclass(frozen=True, eq=False)
class Report:
    """Sections of text, as many commands print them.

    Parameters
    ----------
    sections : sequence of Section
    """

    sections: Sequence[Section]

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.sections))
