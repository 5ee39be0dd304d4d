"""``snnconv simulate``: what it runs, records, scores, and takes as inputs."""

import keras
import numpy as np

import snnconv
from snnconv.runtime import reference

from ..helpers.command import run


def test_simulate_runs_records_and_scores(files, tmp_path):
    out = tmp_path / "run.npz"
    inputs = ("--input", files / "x.npy", "--labels", files / "y.npy")
    options = ("--steps", 40, "--dt", 0.002, "--dtype", "float64", "--record", "lif.spikes", "--record", "lif.rates")
    printed = run("simulate", files / "model.keras", *inputs, *options, "-o", out)
    x, y = np.load(files / "x.npy"), np.load(files / "y.npy")
    expected = reference.run(snnconv.load(files / "graph.snn.h5"), x, 40, 0.002, record="lif")
    with np.load(out) as file:
        assert set(file) == {"output", "spikes/lif", "rates/lif", "times", "dt"}
        np.testing.assert_array_equal(file["spikes/lif"], expected.spikes["lif"])
        np.testing.assert_allclose(file["output"], expected.output, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(file["times"][-1], 0.08)
    accuracy = np.mean(expected.output.mean(1).argmax(-1) == y)
    assert f"{accuracy:.1%}" in printed
    assert f"{expected.rates['lif'].mean():.1f} Hz" in printed
    assert "20 samples for 40 steps of 2 ms in float64" in printed


def test_simulate_takes_random_inputs_and_says_so(files):
    printed = run("simulate", files / "graph.snn.h5", "--steps", 20, "--initial-voltage", "uniform", "--seed", 3)
    assert "8 random samples (no --input)" in printed


def test_simulate_reads_an_npz_file_with_both(files):
    arguments = ("--input", files / "xy.npz", "--steps", 10)
    printed = run("simulate", files / "graph.snn.h5", *arguments)
    assert "accuracy" in printed
    named = run("simulate", files / "graph.snn.h5", *arguments, "--labels", files / "y.npy")
    assert printed.partition("accuracy")[2] == named.partition("accuracy")[2]


def test_simulate_says_that_spikes_of_both_signs_are_added_up(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(2)])
    x = np.random.default_rng(0).uniform(0, 1, (20, 4)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    plain = snnconv.convert(model, verbose=False)
    for spikes in ("binary", "signed"):
        snnconv.calibrate(plain, x, 8, spikes=spikes).save(tmp_path / f"{spikes}.snn.h5")
        printed = run("simulate", tmp_path / f"{spikes}.snn.h5", "--input", tmp_path / "x.npy", "--steps", 8)
        assert ("A spike of -1 takes one off" in printed) == (spikes == "signed")
