"""Circuits in a simulator of Verilog."""

import shutil
import subprocess

import pytest

from snnconv.export.golden import golden_vectors
from snnconv.export.target import Settings
from snnconv.graph.inputs import Inputs

SIMULATORS = shutil.which("iverilog") and shutil.which("make")
needs_simulator = pytest.mark.skipif(not SIMULATORS, reason="needs iverilog and make: apt-get install iverilog make")


def simulate(folder):
    """What ``make sim`` prints, and whether it succeeds."""
    done = subprocess.run(["make", "-s", "sim"], cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr.replace("make: *** [Makefile:13: sim] Error 1\n", ""), done.stderr
    return done.stdout, done.returncode == 0


def expected(integers, x, n_steps, n):
    """The golden vectors that an export of n samples chooses from x."""
    name, shape = integers.input.name, integers.input.shape
    return golden_vectors(integers, Settings(0.001, Inputs({name: x}, {name: shape}), n_steps, {"golden": n}))


def n_spikes_of(golden):
    """How many spikes the neurons send in golden vectors."""
    return sum(int(spikes.sum()) for spikes in golden.spikes.values())
