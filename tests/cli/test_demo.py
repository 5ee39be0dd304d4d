"""``snnconv demo``: from data to an exported, verified network in less than a minute."""

import os
import re
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import snnconv

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "snnconv", "demo"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    return folder / "snnconv-demo", done, time.monotonic() - start


def test_it_ends_well_and_within_a_minute(demo):
    _, done, seconds = demo
    assert (done.returncode, done.stderr) == (0, "")
    assert seconds < 60


def test_it_prints_accuracies_a_verdict_and_what_to_do_next(demo):
    _, done, _ = demo
    for kind in ("rate", "spiking"):
        found = re.search(rf"{kind} accuracy (\d+\.\d)%", done.stdout)
        assert found, done.stdout
        assert float(found[1]) >= 95
    assert "360 test samples in spikes, 100 steps of 1 ms" in done.stdout
    assert re.search(r"^  100  100 ms +9\d\.\d%  █+", done.stdout, re.M)
    assert "Passed: the rates are those of Keras" in done.stdout
    assert "snnconv inspect snnconv-demo/model.snn.h5" in done.stdout.replace(os.sep, "/")


def test_its_files_load_and_agree(demo):
    folder, _, _ = demo
    assert sorted(os.listdir(folder)) == ["model.keras", "model.snn.h5"]
    model, graph = keras.models.load_model(folder / "model.keras"), snnconv.load(folder / "model.snn.h5")
    x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    np.testing.assert_allclose(graph.rate_output(x), model.predict(x, verbose=0), rtol=1e-2, atol=1e-3)
    assert len(graph.populations) == 2
