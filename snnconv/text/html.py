"""Tables as HTML, for notebooks and pages: no scripts, and no colours, so that they suit light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

LINE = "1px solid rgba(128,128,128,0.5)"
MOST_ROWS = 200


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    notes: Iterable[str] = (),
    left: Iterable[int] = (0,),
    has_total: bool = False,
) -> str:
    """A table with a title above it and remarks below; all texts are escaped.

    Parameters
    ----------
    left : iterable of int
        Columns that hold text; the others hold numbers, which stand to the right.
    has_total : bool
        The last row sums up the others.
    """
    rows, lefts = [list(row) for row in rows], {*left}
    shown = rows if len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS - 1], rows[-1]]
    head = "".join(_cell("th", text, column in lefts, f"border-bottom:{LINE}") for column, text in enumerate(headings))
    lines = []
    for number, row in enumerate(shown, 1):
        border = f"border-top:{LINE}" if has_total and number == len(shown) else ""
        lines.append(f"<tr>{''.join(_cell('td', text, place in lefts, border) for place, text in enumerate(row))}</tr>")
    if len(shown) < len(rows):
        notes = [*notes, f"{len(shown):,} of {len(rows):,} rows shown"]
    return (
        f'<div style="overflow-x:auto">{heading(title)}'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        f"{''.join(f'<div><small>{escape(note)}</small></div>' for note in notes)}</div>"
    )


def heading(title: str) -> str:
    """A title, or nothing."""
    return f"<div><strong>{escape(title)}</strong></div>" if title else ""


def _cell(tag: str, text: str, is_text: bool, border: str) -> str:
    align = "text-align:left" if is_text else "text-align:right;white-space:nowrap"
    style = ";".join(filter(None, (align, "padding:1px 8px", border)))
    return f'<{tag} style="{style}">{escape(str(text))}</{tag}>'
