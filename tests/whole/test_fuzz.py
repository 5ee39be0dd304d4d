"""Damaged files: an error of ours with one line that says so, or a network that can be used; nothing else, ever.

Copies are read in a process of their own, with limited memory and time, since the C library of HDF5 can crash or hang.
"""

import json
import os
import subprocess
import sys
import threading

import keras
import pytest
from keras import layers as kl

import snnconv

from ..helpers.networks import randomise

SECONDS_PER_COPY = 20
DEFAULT, ALL = 50, 334  # copies of each of the three files; all of them are 1,002


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network with convolution, batch normalisation and both kinds of neuron, in each kind of file."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            kl.Conv2D(3, 3, name="conv"),
            kl.BatchNormalization(name="norm"),
            snnconv.layers.LIF(name="lif"),
            kl.AveragePooling2D(2, name="pool"),
            kl.Flatten(name="flat"),
            kl.Dense(4, activation="relu", name="hidden"),
            kl.Dense(2, name="out"),
        ],
        name="small",
    )
    folder = tmp_path_factory.mktemp("files")
    randomise(model).save(folder / "model.h5")
    model.save(folder / "model.keras")
    snnconv.convert(model, synapse=0.01).save(folder / "graph.snn.h5")
    return folder


def read_copies(folder, name, first, last):
    """What became of each copy; a process that died or hung is started again behind the copy that did it."""
    outcomes = {}
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    while first < last:
        command = [sys.executable, "-m", "tests.helpers.damaged_copies", str(folder), name, str(first), str(last)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            timer = threading.Timer(120, process.kill)
            timer.start()
            latest = None
            for line in process.stdout:
                if not line.startswith('{"n": '):
                    continue  # converting may print what it did
                timer.cancel()
                latest = json.loads(line)
                outcomes[latest["n"]] = latest
                timer = threading.Timer(SECONDS_PER_COPY, process.kill)
                timer.start()
            timer.cancel()
            code = process.wait()
        assert latest is not None, f"reading {name} failed before it was damaged (exit code {code})"
        if "outcome" not in latest:
            latest["outcome"] = f"DIED with exit code {code}"
        first = latest["n"] + 1
    return outcomes


def check(folder, name, first, last):
    outcomes = read_copies(folder, name, first, last)
    assert len(outcomes) == last - first
    bad = {n: o for n, o in outcomes.items() if o["outcome"] != "read" and not o["outcome"].startswith("refused: ")}
    assert not bad, f"{len(bad)} of {len(outcomes)} damaged copies of {name}: {list(bad.values())[:20]}"
    assert any(o["outcome"] != "read" for o in outcomes.values())


FILES = ["model.h5", "model.keras", "graph.snn.h5"]


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(folder, name):
    check(folder, name, 0, DEFAULT)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_damaged_files(folder, name):
    check(folder, name, DEFAULT, ALL)
