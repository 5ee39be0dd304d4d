"""Tables as rich draws them on a terminal: bold headings, and every digit, whatever names there are."""

from __future__ import annotations

from rich import box
from rich import print as show
from rich import table as rich_table
from rich.text import Text

from .table import Table


class PrintedTable(rich_table.Table):
    """A table that was printed: neither a notebook nor ``print`` shows it a second time."""

    def __repr__(self) -> str:
        return ""

    def _ipython_display_(self) -> None:
        pass


def drawn(table: Table) -> PrintedTable:
    """The table for a console of rich, with brackets and colons in names as they are.

    Where it is too wide, the columns that may be wrapped are, and the first one, of names; the others never.
    """
    before, behind = (table.gap - 1) // 2, table.gap // 2
    found = PrintedTable(
        title=Text(table.title, "table.title") if table.title else None,
        caption=Text("\n".join(table.notes), "table.caption") if table.notes else None,
        box=box.SIMPLE_HEAD,
        padding=(0, behind, 0, before),
        pad_edge=False,
        show_edge=False,
        title_justify="left",
        caption_justify="left",
    )
    for column, heading in enumerate(table.headings):
        justify = "left" if column in table.left else "right"
        found.add_column(heading, justify=justify, no_wrap=column not in (0, *table.wrap), overflow="fold")
    for number, row in enumerate(table.cells):
        found.add_row(*map(Text, row), end_section=number in table.ends)
    return found


def printed(table: Table) -> PrintedTable:
    """Print the table, and return it as it was drawn."""
    found = drawn(table)
    show(found)
    return found
