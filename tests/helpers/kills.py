"""Commands killed at random moments: what they leave, and whether the next run of the same command clears it up.

    python -m tests.helpers.kills --kills 100            every target, quantize and simulate
    python -m tests.helpers.kills --kills 20 --only c    one of them

A run is a process that is forked from one with everything imported, so that nearly all of its time is work. Half of
the kills come at any time, half of them while the output is written.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

import snnconv
from snnconv.cli import main
from snnconv.cli.app import import_tensorflow
from snnconv.export import TARGETS
from snnconv.files import writing
from snnconv.files.manifest import changed_files

from .distribution import small

LASTING = 1.1  # times as long as an undisturbed run: some of the kills come too late
NAMES = (*TARGETS, "quantize", "simulate")
TENSORFLOW = ("tensorflow", "keras")
USED = {"nengo": ("nengo",), "saved_model": TENSORFLOW, "xla": TENSORFLOW, "quantize": TENSORFLOW}


def forked(arguments: list[str], folder: Path) -> tuple[int, int]:
    """The number of a process that runs the command in a folder, and a pipe with a byte for each output it begins."""
    begun, begins = os.pipe()
    child = os.fork()
    if child:
        os.close(begins)
        return child, begun
    new_workshop = writing._new_workshop

    def told(target: Path) -> tuple[Path, int | None]:
        os.write(begins, b".")
        return new_workshop(target)

    writing._new_workshop = told
    os.chdir(folder)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    code = 1
    try:
        main(arguments)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    finally:
        os._exit(code)


def trial(arguments: list[str], out: str, whole: Callable[[Path], None], kills: int, seed: int = 0) -> tuple[int, int]:
    """Kill a command so many times, each time after another share of the time that it takes.

    Parameters
    ----------
    whole : function of the path of the output
        Raises where it is torn.

    Returns
    -------
    (int, int)
        After how many kills something was left, and after how many the command had ended before.

    Raises
    ------
    AssertionError
        If an output is torn, or the next run of the command leaves anything but its output.
    """
    rng, n_left, n_late = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small().save(folder / "g.snn.h5")
        np.save(folder / "x.npy", np.random.default_rng(0).uniform(0, 2, (600, 20)))
        given = {*os.listdir(folder)}

        def finished() -> tuple[float, float]:
            """Seconds that the command takes, and seconds of them that it writes."""
            begin = time.monotonic()
            child, begun = forked(arguments, folder)
            os.read(begun, 1)
            writes = time.monotonic()
            os.close(begun)
            _, status = os.waitpid(child, 0)
            end = time.monotonic()
            assert status == 0, f"the command failed with {status}: {arguments}"
            whole(folder / out)
            assert {*os.listdir(folder)} == {*given, out}
            return end - begin, end - writes

        finished()
        seconds, writing_seconds = finished()
        for _ in range(kills):
            child, begun = forked(arguments, folder)
            if rng.random() < 0.5:
                os.read(begun, 1)
                time.sleep(rng.uniform(0, LASTING * writing_seconds))
            else:
                time.sleep(rng.uniform(0, LASTING * seconds))
            os.close(begun)
            n_late += os.waitpid(child, os.WNOHANG)[0] == child or not _kill(child)
            if (folder / out).exists():  # it may be missing between two renamings of a folder, never torn
                whole(folder / out)
            n_left += {*os.listdir(folder)} != {*given, out}
            if rng.random() < 0.5:  # every other one is killed over what another left
                finished()
        finished()
    return n_left, n_late


def _kill(child: int) -> bool:
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def export_trial(target: str, kills: int) -> tuple[int, int]:
    """The trial of a target."""
    chosen = TARGETS[target]
    out = f"o{chosen.suffix}"
    options = ["--force", "--approximate", "--steps", "20", "--samples", "4", "--dt", "0.01"]

    def whole(path: Path) -> None:
        if chosen.is_folder:
            assert changed_files(path) == {}
        elif target == "hdf5":
            snnconv.load(path)
        elif target == "npz":
            with np.load(path) as file:
                assert all(file[name] is not None for name in file.files)
        else:
            assert path.stat().st_size == sizes.setdefault(target, path.stat().st_size)

    sizes: dict[str, int] = {}
    return trial(["export", "g.snn.h5", "-t", target, "-o", out, *options], out, whole, kills)


def quantize_trial(kills: int) -> tuple[int, int]:
    """The trial of ``snnconv quantize``."""

    def whole(path: Path) -> None:
        snnconv.quantize.load(path)

    return trial(["quantize", "g.snn.h5", "--steps", "20", "-o", "o.int.h5"], "o.int.h5", whole, kills)


def simulate_trial(kills: int) -> tuple[int, int]:
    """The trial of ``snnconv simulate``, with a part for every batch."""
    from snnconv.runtime.resumable import run

    import_tensorflow()
    run.SECONDS = 0.0

    def whole(path: Path) -> None:
        with np.load(path) as file:
            assert file["output"].shape[:2] == file["spikes/lif"].shape[:2] == (600, 40)

    options = ["--input", "x.npy", "--record", "lif.spikes", "--steps", "40", "--resume", "-o", "o.npz"]
    return trial(["simulate", "g.snn.h5", *options], "o.npz", whole, kills)


def run(name: str, kills: int) -> tuple[int, int]:
    """The trial of a target, of quantize or of simulate."""
    for module in USED.get(name, ()):
        import_module(module)
    own = {"quantize": quantize_trial, "simulate": simulate_trial}
    return own[name](kills) if name in own else export_trial(name, kills)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", choices=NAMES)
    given = parser.parse_args()
    for each in [given.only] if given.only else NAMES:
        left, late = run(each, given.kills)
        print(f"{each:12} {given.kills} kills: {left} left something, {late} came too late; nothing torn, all cleared")
        sys.stdout.flush()
