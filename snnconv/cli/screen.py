"""Output of commands: lines of text, tables that fit 80 columns, or JSON and nothing else."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.text import Text

from ..text.plain import WIDTH
from ..text.table import Report, Table
from ..text.terminal import drawn

WIDEST = 1000  # columns, more than any table takes
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


def tell(report: Report) -> None:
    """Print a report, its titles in their styles."""
    for number, section in enumerate(report.sections):
        if number:
            say()
        if section.title:
            say(section.title, section.style)
        for line in section.lines:
            say(line)


def show(table: Table) -> None:
    """Print a table, between empty lines; up to 80 columns rather wider than the screen than with numbers cut off."""
    rich_table = drawn(table)
    wide = Console(highlight=False, width=WIDEST)
    console = Console(highlight=False)
    measured = Measurement.get(wide, wide.options, rich_table)
    needed = min(measured.minimum if table.wrap else measured.maximum, WIDTH)
    if needed > console.width:
        console = Console(highlight=False, width=needed)
    console.print()
    console.print(rich_table)
    console.print()


def print_json(contents: Any) -> None:
    """Print the findings of a command as one line of JSON; numbers that JSON does not have must be None."""
    typer.echo(json.dumps(contents, ensure_ascii=False, allow_nan=False))


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
