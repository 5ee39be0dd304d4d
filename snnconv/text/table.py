"""Rows under headings, as lines of 80 columns or as HTML, and reports: titled sections of tables and lines.

`terminal` draws the same tables with rich.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from .plain import WIDTH, broken

NARROWEST = 14  # columns that a wrapped column keeps, however long the others are
LINE = "1px solid rgba(128,128,128,0.5)"  # suits light and dark pages
MOST_ROWS = 200  # of a table as HTML


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of texts under headings.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequences of str
        A row may end early, and a cell may have several lines.
    left : collection of int
        Columns that hold text; the others hold numbers, which stand to the right.
    title : str
        Stands above.
    notes : sequence of str
        Stand below.
    ends : collection of int
        Rows that end a part of the table, such as the last one before a total.
    wrap : collection of int
        Columns that are wrapped where the table is too wide, the widest first.
    name_width : int or None
        Names in the first column that are longer are broken, however wide the table is.
    gap : int
        Columns of the screen between two of the table.
    indent : int
        Columns of the screen in front of lines.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Collection[int] = (0,)
    title: str = ""
    notes: Sequence[str] = ()
    ends: Collection[int] = ()
    wrap: Collection[int] = ()
    name_width: int | None = None
    gap: int = 2
    indent: int = 2

    @cached_property
    def cells(self) -> list[list[str]]:
        """The cells of every row, long names in several lines."""
        if self.name_width is None:
            return self._full_rows
        return [["\n".join(broken(row[0], self.name_width)), *row[1:]] for row in self._full_rows]

    @cached_property
    def widths(self) -> list[int]:
        """Columns of the screen that each column takes."""
        columns = zip(self.headings, *self.cells, strict=True)
        return [max(len(line) for cell in column for line in cell.split("\n")) for column in columns]

    def lines(self) -> list[str]:
        """The table, without title and notes, as text."""
        widths = self._fitted_widths()
        head = self._row_lines(self.headings, widths)
        lines = []
        for number, row in enumerate(self.cells):
            lines += [*self._row_lines(row, widths), *([""] if number in self.ends else [])]
        rule = " " * self.indent + "─" * (max(map(len, head + lines)) - self.indent)
        return [*head, rule, *lines]

    def html(self) -> str:
        """The table as HTML for notebooks and pages: no scripts, no colours, all texts escaped."""
        rows, notes = [[cell.replace("\n", "") for cell in row] for row in self._full_rows], [*self.notes]
        above = {number + 1 for number in self.ends}
        shown = [*enumerate(rows)]
        if len(rows) > MOST_ROWS:
            shown = [*shown[: MOST_ROWS - 1], shown[-1]]
            notes.append(f"{len(shown):,} of {len(rows):,} rows shown")
        body = "".join(f"<tr>{self._html_row('td', row, 'top' if n in above else '')}</tr>" for n, row in shown)
        heading = f"<div><strong>{escape(self.title)}</strong></div>" if self.title else ""
        return (
            f'<div style="overflow-x:auto" tabindex="0">{heading}'
            '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
            f"<thead><tr>{self._html_row('th', self.headings, 'bottom')}</tr></thead><tbody>{body}</tbody></table>"
            f"{''.join(f'<div><small>{escape(note)}</small></div>' for note in notes)}</div>"
        )

    @property
    def _full_rows(self) -> list[list[str]]:
        return [[*row, *[""] * (len(self.headings) - len(row))] for row in self.rows]

    def _fitted_widths(self) -> list[int]:
        """Widths with which the lines fit, as far as columns may be wrapped."""
        widths = [*self.widths]
        while self.wrap and self.indent + sum(widths) + self.gap * (len(widths) - 1) > WIDTH:
            widest = max(self.wrap, key=lambda column: widths[column])
            if widths[widest] <= NARROWEST:
                break
            widths[widest] -= 1
        return widths

    def _row_lines(self, row: Sequence[str], widths: list[int]) -> list[str]:
        columns = [
            [part for line in cell.split("\n") for part in (broken(line, width) if column in self.wrap else [line])]
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines = []
        for place in range(max(map(len, columns))):
            parts = [column[place] if place < len(column) else "" for column in columns]
            aligned = [
                part.ljust(width) if column in self.left else part.rjust(width)
                for column, (part, width) in enumerate(zip(parts, widths, strict=True))
            ]
            lines.append((" " * self.indent + (" " * self.gap).join(aligned)).rstrip())
        return lines

    def _html_row(self, tag: str, row: Sequence[str], ruled: str) -> str:
        cells = []
        for column, text in enumerate(row):
            align = "text-align:left" if column in self.left else "text-align:right;white-space:nowrap"
            border = f"border-{ruled}:{LINE}" if ruled else ""
            style = ";".join(filter(None, (align, "padding:1px 8px", border)))
            cells.append(f'<{tag} style="{style}">{escape(text)}</{tag}>')
        return "".join(cells)


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
