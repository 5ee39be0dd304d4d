"""Numbers, shapes and ranges in words; paragraphs, labels and names in lines of 80 columns."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


WIDTH = 80  # columns of a terminal that texts and tables fit, as far as they can be broken
LABEL = 12  # columns of a label with the gap behind it
RANGE_WIDTH = 8  # columns of a range on one line


def number(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, and no -0."""
    return f"{float(value) + 0.0:.{digits}g}"


def two_digits(value: float, rounded: Callable[[float], int] = math.floor) -> float:
    """The nearest number of two significant digits that is not above a positive one; not below it with `math.ceil`."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{rounded(round(value / digit, 9)) * digit:.1e}")  # 0.3 / 0.01 is 29.999999999999996


def span(array: np.ndarray | float) -> str:
    """Lowest and highest value, or with eight digits the one that all are."""
    import numpy as np

    low, high = float(np.min(array)), float(np.max(array))
    return number(low, 8) if low == high else f"{number(low)} … {number(high)}"


def value_range(array: np.ndarray | float | None) -> str:
    """Lowest and highest value, or the one that all are, for a narrow column: a long range has two lines."""
    import numpy as np

    if array is None or not np.size(array):
        return ""
    low, high = float(np.min(array)), float(np.max(array))
    if low == high:
        return number(low)
    text = f"{_short(low)}…{_short(high)}"
    return text if len(text) <= RANGE_WIDTH else text.replace("…", "…\n")


def _short(value: float) -> str:
    return f"{value:.0f}" if 10 <= abs(value) < 1e4 else number(value, 2)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as in 28×28×1."""
    return "×".join(map(str, shape)) or "1"


def milliseconds(seconds: float | None) -> str:
    """A time in ms, or nothing where there is none."""
    return "" if seconds is None else f"{seconds * 1e3:.4g} ms"


def first_of(items: Sequence[str], join: str = ", ", most: int = 8) -> str:
    """The items, or where there are many the first of them and how many there are besides."""
    if len(items) <= most:
        return join.join(items)
    return f"{join.join(items[:most])}{join}and {len(items) - most:,} more"


def plural(count: int, noun: str) -> str:
    """As in "1 step" and "1,000 steps"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def run_text(n_steps: int, dt: float) -> str:
    """The length of a run, as in "100 steps of 1 ms"."""
    return f"{plural(n_steps, 'step')} of {dt * 1e3:g} ms"


def labelled(label: str, text: str) -> list[str]:
    """A label with a text beside it, wrapped."""
    return _wrap(text, f"  {label}".ljust(LABEL), " " * LABEL)


def paragraph(text: str, indent: int = 2, hanging: int = 0) -> list[str]:
    """A text, wrapped behind an indentation, and from the second line on further in."""
    return _wrap(text, " " * indent, " " * (indent + hanging))


def broken(text: str, width: int) -> list[str]:
    """A text in lines of at most `width`, as far as it can be broken.

    It is broken behind a blank or a slash, and inside a longer word, such as a name, behind underscores or a dot.
    """
    if len(text) <= width:
        return [text]
    lines = [""]
    for word in re.split(r"(?<=[/ ])", text):
        for part in [word] if len(word.rstrip()) < width else re.split(r"(?<=_)(?![._])|(?<=\.)(?![\d._])", word):
            if lines[-1].strip() and len(lines[-1]) + len(part.rstrip()) > width:
                lines[-1] = lines[-1].rstrip()
                lines.append(" ")
            lines[-1] += part
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


JOULES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def joules(value: float | None) -> str:
    """An energy as in 1.23 µJ."""
    if value is None:
        return ""
    scale, unit = next(((scale, unit) for scale, unit in JOULES if value >= 0.9995 * scale), JOULES[-1])
    return f"{value / scale:.3g} {unit}" if value < 999.5 * scale else f"{value / scale:.0f} {unit}"


def count_text(value: float) -> str:
    """A number of operations as in 1.23 M."""
    for scale, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g} {unit}" if value < 999.5 * scale else f"{value / scale:.0f} {unit}"
    return f"{value:,.0f}"
