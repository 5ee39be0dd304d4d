"""The start of several workers: each waits until all others are there, for a limited time.

TensorFlow waits inside of its own code, without a word, and cannot be interrupted there. So the workers meet before it
is asked to connect them: each listens on the port that TensorFlow will take, and knocks at those of the others. A
worker may still die while TensorFlow connects them; then a small process beside each other one ends it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ..errors import DistributionError

PATIENCE = 1.0  # seconds before the others are said to be awaited
PAUSE, KNOCK = 0.2, 1.0  # seconds between two tries, and of one
GRACE = 5.0  # seconds that a process has to end


def meet(addresses: Sequence[str], index: int, timeout: float, tell: Callable[[str], None]) -> None:
    """Return once every worker has been there.

    Parameters
    ----------
    addresses : sequence of str
        HOST:PORT of all workers.
    index : int
        Which of them this is.
    timeout : float
        Seconds to wait for the others.
    tell : function
        Takes a line that says who is awaited.

    Raises
    ------
    DistributionError
        If another worker does not come in time, or something else has this worker's port.
    """
    begin, is_told = time.monotonic(), False
    missing = [number for number in range(len(addresses)) if number != index]
    with _listening(addresses[index], index):
        while True:
            missing = [number for number in missing if not is_there(addresses[number])]
            waited = time.monotonic() - begin
            if not missing:
                return
            if waited > timeout:
                raise DistributionError(
                    f"{_named(missing, addresses)} did not come within {timeout:g} s. See what it says there; give it "
                    f"more time with --worker-timeout; start all workers again."
                )
            if waited > PATIENCE and not is_told:
                tell(f"Waiting up to {timeout:g} s for {_named(missing, addresses)}.")
                is_told = True
            time.sleep(PAUSE)


@contextmanager
def watched(addresses: Sequence[str], index: int, timeout: float) -> Iterator[None]:
    """End this process, with a line that says why and exit code 2, if the block takes longer than `timeout` seconds.

    TensorFlow keeps Python's lock while it waits, so that no thread of this process could do it.
    """
    program = "import sys; from snnconv.runtime.rendezvous import watch; watch(*sys.argv[1:])"
    arguments = [sys.executable, "-c", program, str(os.getpid()), str(timeout), str(index), *addresses]
    reads, writes = os.pipe()
    with _ended_by_interrupts(), subprocess.Popen(arguments, stdin=reads) as watcher:
        os.close(reads)
        try:
            yield
        finally:
            os.close(writes)  # it ends, without a word
            watcher.wait()


@contextmanager
def _ended_by_interrupts() -> Iterator[None]:
    """Let an interrupt end this process at once, though other code keeps Python's lock.

    A handler is called with the number of its signal, which for an interrupt is 2, the exit code of errors; so the
    handler is the C library's `_exit`.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():  # others set no handlers
        yield
        return
    library, before = ctypes.CDLL(None), signal.getsignal(signal.SIGINT)
    library.signal(signal.SIGINT, library._exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def watch(process: str, timeout: str, index: str, *addresses: str) -> None:
    """Wait for the end of standard input; after `timeout` seconds say which workers are gone, and end the process."""
    if select.select([sys.stdin], [], [], float(timeout))[0]:
        return
    gone = [number for number, address in enumerate(addresses) if number != int(index) and not is_there(address)]
    who = f"{_named(gone, addresses)} ended while the workers connected" if gone else "the workers did not connect"
    advice = "See what it says there; give them more time with --worker-timeout; start all workers again."
    sys.stderr.write(f"snnconv: error: {who}; waited {float(timeout):g} s. {advice}\n")
    sys.stderr.flush()
    os.kill(int(process), signal.SIGINT)
    if not select.select([sys.stdin], [], [], GRACE)[0]:  # the other end closes with the process
        os.kill(int(process), getattr(signal, "SIGKILL", signal.SIGTERM))  # TensorFlow has a handler for SIGTERM


def is_there(address: str) -> bool:
    """Whether a worker listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    with suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()
        return True
    return False


def _listening(address: str, index: int) -> socket.socket:
    port = address.rpartition(":")[2]
    try:
        return socket.create_server(("", int(port)), backlog=128)
    except OSError as error:
        raise DistributionError(
            f"worker {index} cannot listen on port {port}, which TF_CONFIG gives it: {error.strerror or error}."
        ) from error


def _named(numbers: Sequence[int], addresses: Sequence[str]) -> str:
    return " and ".join(f"worker {number} ({addresses[number]})" for number in numbers)
