"""Answers read from a later step: the graph's choice, the caller's, and what files and targets say of it."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.errors import ModelFileError, ParameterError, SnnconvError
from snnconv.export import export
from snnconv.graph.reading import PLAIN, Reading
from snnconv.runtime import reference

from ..helpers.command import run

N_STEPS = 12


@pytest.fixture(scope="module")
def plain():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(9, "relu", name="hidden"), keras.layers.Dense(4, name="digit")]
    return snnconv.convert(keras.Sequential(layers), verbose=False)


@pytest.fixture(scope="module")
def late(plain):
    return dataclasses.replace(plain, metadata={**plain.metadata, "best_read_from": "5"})


@pytest.fixture(scope="module")
def falling(plain):
    return dataclasses.replace(plain, metadata={**plain.metadata, **Reading(3, 1.5).metadata})


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 1, (7, 6)).astype("float32")


def test_the_mean_starts_where_the_graph_says_or_the_caller(plain, late, x):
    output = reference.run(plain, x, N_STEPS).output
    simulator = snnconv.Simulator(late, dtype="float64", chunk_steps=5)  # the first step lies in the middle of a chunk
    for read_from, skipped in ((None, 4), (1, 0), (3, 2), (N_STEPS, N_STEPS - 1)):
        found = simulator.predict(x, N_STEPS, read_from=read_from)
        # the compiled network adds in another order; a spike more would be 0.4
        np.testing.assert_allclose(found, output[:, skipped:].mean(1), rtol=0, atol=1e-9)
    means = simulator.predict(x, N_STEPS, reduce=None)
    np.testing.assert_allclose(means[:, 3], output[:, :4].mean(1), rtol=0, atol=1e-9)
    np.testing.assert_allclose(means[:, 4], output[:, 4], rtol=0, atol=1e-9)
    np.testing.assert_allclose(means[:, -1], output[:, 4:].mean(1), rtol=0, atol=1e-9)
    np.testing.assert_allclose(snnconv.Simulator(plain).predict(x, N_STEPS), output.mean(1), rtol=0, atol=1e-5)


def test_runs_say_where_they_are_read_from(plain, late, x):
    for result in (reference.run(late, x, N_STEPS), snnconv.Simulator(late).run(x, N_STEPS)):
        assert result.reading == Reading(5)
        np.testing.assert_allclose(result.mean_output, result.output[:, 4:].mean(1), rtol=1e-6)
    assert reference.run(plain, x, N_STEPS).reading == PLAIN


def test_short_runs_are_read_from_the_first_step(late, x):
    assert reference.run(late, x, 7).reading == PLAIN
    assert reference.run(late, x, 8).reading == Reading(5)


def test_evaluate_scores_the_same_means(late, x):
    simulator = snnconv.Simulator(late, chunk_steps=5)
    y = np.arange(len(x)) % 4
    found, first = simulator.evaluate(x, y, N_STEPS), simulator.evaluate(x, y, N_STEPS, read_from=1)
    means = simulator.predict(x, N_STEPS, reduce=None)
    np.testing.assert_allclose(found["accuracy_over_time"], (means.argmax(-1) == y[:, None]).mean(0))
    assert (found["read_from"], first["read_from"]) == (5, 1)
    targets = np.zeros((len(x), 4))
    assert simulator.evaluate(x, targets, N_STEPS)["mse"] == pytest.approx((means[:, -1] ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("read_from", [0, N_STEPS + 1, 2.0, True])
def test_steps_that_are_none_are_refused(plain, x, read_from):
    with pytest.raises(ParameterError, match=f"read_from must be None or a step from 1 to {N_STEPS}. Received"):
        snnconv.Simulator(plain).predict(x, N_STEPS, read_from=read_from)


NO_NUMBERS = {"best_read_from": ["0", "-3", "x", "", "1" * 12, "2.5"], "best_read_fall": ["-1", "x", "", "nan", "1e9"]}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NO_NUMBERS.items() for text in texts])
def test_metadata_that_say_no_step_are_refused(plain, tmp_path, name, text):
    bad = dataclasses.replace(plain, metadata={name: text})
    with pytest.raises(SnnconvError, match=f"{name} in the metadata must be a"):
        _ = bad.reading
    bad.save(tmp_path / "x.snn.h5")
    with pytest.raises(ModelFileError, match=name):
        snnconv.load(tmp_path / "x.snn.h5")


def test_files_and_folders_say_it(late, x, tmp_path):
    late.save(tmp_path / "late.snn.h5")
    assert snnconv.load(tmp_path / "late.snn.h5").reading == Reading(5)
    verdict = export(late, tmp_path / "late_c", "c", x=x, n_steps=N_STEPS)
    assert "answers are the mean of the outputs from step 5 on" in verdict.notes[-1]
    manifest = json.loads((tmp_path / "late_c" / "MANIFEST.json").read_text())
    assert (manifest["read_from"], manifest["read_fall"]) == (5, 0)


def test_the_command_reads_so_too(late, x, tmp_path):
    late.save(tmp_path / "late.snn.h5")
    np.savez(tmp_path / "xy.npz", x=x, y=np.zeros(len(x), int))
    arguments = ["simulate", tmp_path / "late.snn.h5", "--input", tmp_path / "xy.npz", "--labels", tmp_path / "xy.npz"]
    printed = run(*arguments, "--steps", N_STEPS)
    assert "Answers are read as calibration chose: mean from 5." in printed
    means = snnconv.Simulator(late).predict(x, N_STEPS)
    assert f"{(means.argmax(-1) == 0).mean():.1%}" in printed
    assert "as --read-from says: mean from 3." in run(*arguments, "--steps", N_STEPS, "--read-from", 3)
    assert "Answers are read" not in run(*arguments, "--steps", N_STEPS, "--read-from", 1)


def test_saved_models_average_those_steps(late, x, tmp_path):
    snnconv.export_saved_model(late, tmp_path / "saved", N_STEPS)
    (answer,) = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"](tf.constant(x)).values()
    # both in float32
    np.testing.assert_allclose(answer, snnconv.Simulator(late).predict(x, N_STEPS), rtol=0, atol=1e-5)


@pytest.mark.compiled
def test_xla_programs_average_those_steps(late, x, tmp_path):
    snnconv.export_xla(late, tmp_path / "program", N_STEPS)
    assert (
        "the mean of the outputs from step 5 on, as calibration chose"
        in (tmp_path / "program" / "README.md").read_text()
    )
    with np.load(tmp_path / "program" / "golden.npz") as golden:
        (given,) = (golden[name] for name in golden if name.startswith("input/"))
        found = golden["output/digit"]
    np.testing.assert_allclose(found, snnconv.Simulator(late).predict(given, N_STEPS), rtol=0, atol=1e-5)


def test_falling_weights_are_the_same_in_all_runtimes(falling, x, tmp_path):
    expected = reference.run(falling, x, N_STEPS).mean_output
    weights = 1 - np.exp(-np.arange(N_STEPS - 2, 0, -1) / 1.5)
    output = reference.run(falling, x, N_STEPS).output[:, 2:]
    np.testing.assert_allclose(expected, np.tensordot(output, weights / weights.sum(), (1, 0)), rtol=1e-12)
    simulator = snnconv.Simulator(falling, dtype="float64", chunk_steps=5)
    # the compiled network adds in another order; a spike more would be 0.4
    np.testing.assert_allclose(simulator.predict(x, N_STEPS), expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(simulator.predict(x, N_STEPS, reduce=None)[:, -1], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(simulator.predict(x, N_STEPS, read_from=3), output.mean(1), rtol=0, atol=1e-9)
    keras_model = falling.to_keras(N_STEPS, dtype="float64")
    np.testing.assert_allclose(keras_model.predict(x, verbose=0), expected, rtol=0, atol=1e-9)
    assert snnconv.convert(keras_model, verbose=False).reading == Reading(3, 1.5)
    snnconv.export_saved_model(falling, tmp_path / "saved", N_STEPS)
    (answer,) = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"](tf.constant(x)).values()
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)  # in float32


@pytest.mark.compiled
def test_xla_programs_weigh_the_steps(falling, x, tmp_path):
    snnconv.export_xla(falling, tmp_path / "program", N_STEPS)
    said = (tmp_path / "program" / "README.md").read_text()
    assert "the mean of the outputs from step 3 on, with the weight 1 - exp(-(n + 1 - t)/1.5) at step t of n" in said
    with np.load(tmp_path / "program" / "golden.npz") as golden:
        (given,) = (golden[name] for name in golden if name.startswith("input/"))
        found = golden["output/digit"]
    # both in float32
    np.testing.assert_allclose(found, snnconv.Simulator(falling).predict(given, N_STEPS), rtol=0, atol=1e-5)


def test_the_command_weighs_the_steps(falling, x, tmp_path):
    falling.save(tmp_path / "falling.snn.h5")
    np.savez(tmp_path / "xy.npz", x=x, y=np.zeros(len(x), int))
    arguments = [
        "simulate",
        tmp_path / "falling.snn.h5",
        "--input",
        tmp_path / "xy.npz",
        "--labels",
        tmp_path / "xy.npz",
    ]
    printed = run(*arguments, "--steps", N_STEPS)
    assert "Answers are read as calibration chose: mean from 3, end falling in 1.5 steps." in printed
    assert f"{(snnconv.Simulator(falling).predict(x, N_STEPS).argmax(-1) == 0).mean():.1%}" in printed
