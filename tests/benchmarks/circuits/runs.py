"""Runs of yosys and nextpnr that were made: runs.json; of trained networks, with their accuracies: trained.json."""

import contextlib
import fcntl
import json
from pathlib import Path

RUNS = Path(__file__).parent / "runs.json"
TRAINED = Path(__file__).parent / "trained.json"


def read(path=RUNS):
    """Runs by "network | device"."""
    return json.loads(path.read_text("utf-8") or "{}") if path.exists() else {}


def keep(name, run, path=RUNS):
    """Add a run to a file; other processes may do the same."""
    with locked(path, waits=True):
        runs = read(path) | {name: run}
        lines = (f" {json.dumps(key)}: {json.dumps(each)}" for key, each in sorted(runs.items()))
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


@contextlib.contextmanager
def locked(path, *, waits):
    """Whether it is locked for this process alone: where it does not wait, another one may be at work."""
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
