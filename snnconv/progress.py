"""A progress bar that appears only when a run takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds before the bar appears


@contextmanager
def track(total: int, show: bool | None = None, what: str = "simulating") -> Iterator[Callable[[], None]]:
    """Give a function to call after each of `total` parts of the work.

    Parameters
    ----------
    show : bool or None
        None: where standard error is a terminal.
    """
    if show is None:
        show = sys.stderr.isatty()
    if not show:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    started = time.monotonic()
    progress = Progress(
        *Progress.get_default_columns()[:-1], TimeRemainingColumn(), console=Console(stderr=True), transient=True
    )
    task = progress.add_task(what, total=total)

    def advance() -> None:
        progress.advance(task)
        if not progress.live.is_started and time.monotonic() - started > PATIENCE:
            progress.start()

    try:
        yield advance
    finally:
        progress.stop()
