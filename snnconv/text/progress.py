"""A progress bar with the time left, which appears only when a run takes long and somebody looks at a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE = 2.0  # seconds before the bar appears

_outer: ContextVar[bool] = ContextVar("snnconv_progress", default=False)


@contextmanager
def track(
    total: float | None, show: bool | None = None, what: str = "simulating", unit: str = ""
) -> Iterator[Callable[..., None]]:
    """Give a function to call after each part of the work; with the amount done, 1 unless given.

    Work that is part of work with a bar of its own has none.

    Parameters
    ----------
    total : float or None
        All the work. None: not known.
    show : bool or None
        None: where standard error is a terminal that can move its cursor.
    unit : str
        What is counted; where given, the bar shows how many there are in a second, and in all if `total` is not known.
    """
    if show is None:
        show = sys.stderr.isatty()
    if not show or _outer.get():
        yield lambda amount=1: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield lambda amount=1: None
        return
    started, done = time.monotonic(), 0.0
    rate = [TextColumn("{task.fields[rate]}")] if unit else []
    columns = (*Progress.get_default_columns()[:-1], *rate, TimeRemainingColumn())
    # what goes to a file must not be taken for something to print above the bar
    above = sys.stdout.isatty()
    progress = Progress(*columns, console=console, transient=True, redirect_stdout=above)
    task = progress.add_task(what, total=total, rate="")

    def advance(amount: float = 1) -> None:
        nonlocal done
        done += amount
        so_far = "" if total is not None else f"{done:,.0f} {unit}, "
        progress.update(task, advance=amount, rate=f"{so_far}{done / _since(started):,.0f} {unit}/s")

    # a timer, since the first part alone may take minutes
    timer = threading.Timer(PATIENCE, progress.start)
    timer.daemon = True
    timer.start()
    _outer.set(True)
    try:
        yield advance
    finally:
        _outer.set(False)
        timer.cancel()
        timer.join()
        progress.stop()


def _since(started: float) -> float:
    return max(time.monotonic() - started, 1e-9)
