"""Runs of yosys and nextpnr that were made: runs.json."""

import json
from pathlib import Path

RUNS = Path(__file__).parent / "runs.json"


def read():
    """Runs by "network | device"."""
    return json.loads(RUNS.read_text("utf-8") or "{}") if RUNS.exists() else {}
