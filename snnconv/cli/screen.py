"""What commands print: lines of text, and tables that fit 80 columns."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

STEP_WIDTH = 9  # columns in front of what `step` prints


def say(text: str = "", style: str = "", indent: int = 0) -> None:
    """Print a line. A terminal gets it wrapped, but never inside a word: a path must be whole to be copied.

    Parameters
    ----------
    indent : int
        Columns in front of wrapped lines.
    """
    console = Console(highlight=False)
    if console.is_terminal:
        lines = textwrap.wrap(
            text, console.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        text = "\n".join(lines)
    name = Text(text, style)
    name.stylize("bold", 0, indent)
    console.print(name, soft_wrap=True)


def step(name: str, text: str) -> None:
    """Print what one step of a longer work did, behind the step's name."""
    say(f"{name:<{STEP_WIDTH}}{text}", indent=STEP_WIDTH)


def show(table: Any) -> None:
    """Print a table, between empty lines."""
    console = Console(highlight=False)
    console.print()
    console.print(table)
    console.print()


def new_table(*headings: str, left: int = 1) -> Table:
    """An empty table; the first `left` columns hold text, the others numbers."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < left else "right", no_wrap=True)
    return table


def file_size(path: Path) -> str:
    """Size of a file, as in 12 kB."""
    size = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def bar(share: float, width: int = 30) -> str:
    """A bar as long as a share of `width`, to an eighth of a column."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("" if eighths % 8 == 0 else "▏▎▍▌▋▊▉"[eighths % 8 - 1])
