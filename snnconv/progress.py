"""A progress bar that appears only when a run takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds before the bar appears


@contextmanager
def track(
    total: float | None, show: bool | None = None, what: str = "simulating", unit: str = ""
) -> Iterator[Callable[..., None]]:
    """Give a function to call after each part of the work; with the amount done, 1 unless given.

    Parameters
    ----------
    total : float or None
        All the work. None: not known.
    show : bool or None
        None: where standard error is a terminal.
    unit : str
        What is counted; where given, the bar shows how many there are in a second, and in all if `total` is not known.
    """
    if show is None:
        show = sys.stderr.isatty()
    if not show:
        yield lambda amount=1: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeRemainingColumn

    started, done = time.monotonic(), 0.0
    rate = [TextColumn("{task.fields[rate]}")] if unit else []
    columns = (*Progress.get_default_columns()[:-1], *rate, TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(what, total=total, rate="")

    def advance(amount: float = 1) -> None:
        nonlocal done
        done += amount
        seconds = time.monotonic() - started
        so_far = "" if total is not None else f"{done:,.0f} {unit}, "
        progress.update(task, advance=amount, rate=f"{so_far}{done / max(seconds, 1e-9):,.0f} {unit}/s")
        if not progress.live.is_started and seconds > PATIENCE:
            progress.start()

    try:
        yield advance
    finally:
        progress.stop()
