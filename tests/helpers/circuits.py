"""Circuits in a simulator of Verilog."""

import shutil
import subprocess

import pytest

SIMULATORS = shutil.which("iverilog") and shutil.which("make")
needs_simulator = pytest.mark.skipif(not SIMULATORS, reason="needs iverilog and make: apt-get install iverilog make")


def simulate(folder):
    """What ``make sim`` prints, and whether it succeeds."""
    done = subprocess.run(["make", "-s", "sim"], cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr.replace("make: *** [Makefile:13: sim] Error 1\n", ""), done.stderr
    return done.stdout, done.returncode == 0
