"""Numbers, ranges and tables as plain text of at most 80 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

WIDTH = 80  # columns of a terminal that a table fits, as far as its cells can be broken
GAP = 2  # columns between those of a table
NARROWEST = 14  # columns that a wrapped column keeps, however long the others are
LABEL = 12  # columns of a label with the gap behind it


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, and no -0."""
    return f"{float(value) + 0.0:.{digits}g}"


def span(array: np.ndarray | float) -> str:
    """Lowest and highest value, or with eight digits the one that all are."""
    low, high = float(np.min(array)), float(np.max(array))
    return number(low, 8) if low == high else f"{number(low)} … {number(high)}"


def plural(count: int, noun: str) -> str:
    """As in "1 step" and "1,000 steps"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def labelled(label: str, text: str) -> list[str]:
    """A label with a text beside it, wrapped."""
    return _wrap(text, f"  {label}".ljust(LABEL), " " * LABEL)


def paragraph(text: str, indent: int = 2, hanging: int = 0) -> list[str]:
    """A text, wrapped behind an indentation, and from the second line on further in."""
    return _wrap(text, " " * indent, " " * (indent + hanging))


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], left: Iterable[int] = (0,), wrap: Iterable[int] = (0, -1)
) -> list[str]:
    """Lines of a table: the columns in `left` to the left, the others to the right, as numbers stand.

    Where it is too wide, the columns in `wrap` are wrapped, the widest first: behind a blank or a slash, and a
    longer word behind a dot or an underscore.
    """
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    wrapped = {column % len(widths) for column in wrap}
    while sum(widths) + GAP * len(widths) > WIDTH:
        widest = max(wrapped, key=lambda column: widths[column])
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    lefts, lines = {*left}, []
    for row in cells:
        parts = [
            _broken(cell, width) if column in wrapped else [cell]
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for place in range(max(map(len, parts))):
            line = [part[place] if place < len(part) else "" for part in parts]
            aligned = (
                cell.ljust(width) if column in lefts else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            lines.append((" " * GAP + (" " * GAP).join(aligned)).rstrip())
    heading_lines = max(len(_broken(cell, width)) for cell, width in zip(headings, widths, strict=True))
    lines.insert(heading_lines, "  " + "─" * (max(map(len, lines)) - 2))
    return lines


def _wrap(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _broken(text: str, width: int) -> list[str]:
    """A text in lines of at most `width`, as far as it can be broken."""
    if len(text) <= width:
        return [text]
    lines = [""]
    for word in re.split(r"(?<=[/ ])", text):
        for part in [word] if len(word.rstrip()) < width else re.split(r"(?<=_)|(?<=\.)(?!\d)", word):
            if lines[-1].strip() and len(lines[-1]) + len(part.rstrip()) > width:
                lines[-1] = lines[-1].rstrip()
                lines.append(" ")
            lines[-1] += part
    return lines
