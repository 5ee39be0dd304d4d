"""Labels and targets as people have them: one sigmoid, several outputs, metrics of Keras, words."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

import snnconv
from snnconv.errors import InputError, ParameterError
from snnconv.runtime import reference

from ..helpers.networks import randomise

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
N_STEPS = 60


@pytest.fixture(scope="module")
def binary():
    """A simulator of a network that ends in one sigmoid, and its answers."""
    layers = [kl.Dense(8, activation="relu"), kl.Dense(1, activation="sigmoid", name="spam")]
    model = randomise(keras.Sequential([keras.Input((6,)), *layers]))
    simulator = snnconv.Simulator(snnconv.convert(model), dtype="float64", batch_size=16)
    return simulator, simulator.predict(X, N_STEPS)[:, 0]


@pytest.fixture(scope="module")
def several():
    """A simulator of a network with three outputs, and its answers."""
    inputs = keras.Input((6,))
    hidden = kl.Dense(8, activation="relu")(inputs)
    heads = {"kind": kl.Dense(3, activation="softmax", name="kind"), "size": kl.Dense(2, name="size")}
    heads["spam"] = kl.Dense(1, activation="sigmoid", name="spam")
    model = randomise(keras.Model(inputs, {name: head(hidden) for name, head in heads.items()}))
    simulator = snnconv.Simulator(snnconv.convert(model), batch_size=16)
    return simulator, simulator.predict(X, N_STEPS)


def test_labels_of_one_sigmoid(binary):
    simulator, answers = binary
    y = (answers > 0.5).astype(int)
    y[:10] = 1 - y[:10]
    assert 0 < y.mean() < 1
    for labels in (y, y[:, None], y.astype("float32"), y.astype(bool), y.tolist()):
        found = simulator.evaluate(X, labels, N_STEPS)
        assert (found["accuracy"], found["n_samples"]) == (0.75, 40)
        assert len(found["accuracy_over_time"]) == N_STEPS
    other = np.clip(y, 0.1, 0.9)  # no classes
    expected = np.mean((simulator.predict(X, N_STEPS)[:, 0] - other) ** 2)
    assert simulator.evaluate(X, other, N_STEPS)["mse"] == pytest.approx(expected)


def test_batches_bring_labels(binary):
    simulator, answers = binary
    y = (answers > 0.5).astype(int)
    dataset = tf.data.Dataset.from_tensor_slices((X, y)).batch(7)
    assert simulator.evaluate(dataset, n_steps=N_STEPS)["accuracy"] == 1
    with pytest.raises(ParameterError, match=r"needs n_steps.*evaluate\(x, y, n_steps=100\)"):
        simulator.evaluate(dataset)


def test_metrics_of_keras(binary):
    simulator, answers = binary
    y = RNG.integers(0, 2, 40)
    auc = keras.metrics.AUC(name="auc")
    auc.update_state([1, 0], [0.0, 1.0])  # which must not count
    found = simulator.evaluate(X, y, N_STEPS, metrics=["accuracy", "mae", auc, keras.losses.binary_crossentropy])
    expected = keras.metrics.AUC()
    expected.update_state(y, answers)
    assert found["auc"] == pytest.approx(float(expected.result()), abs=1e-6)
    assert found["mean_absolute_error"] == pytest.approx(np.abs(answers - y).mean(), rel=1e-5)
    entropy = -np.mean(y * np.log(answers) + (1 - y) * np.log(1 - answers))
    assert found["binary_crossentropy"] == pytest.approx(entropy, rel=1e-4)
    for unknown in ("nonsense", 3):
        with pytest.raises(ParameterError, match=rf"metrics must be names.*{unknown}"):
            simulator.evaluate(X, y, N_STEPS, metrics=[unknown])


def test_targets_of_several_outputs(several):
    simulator, answers = several
    kind, spam = answers["kind"].argmax(-1), (answers["spam"] > 0.5).astype(int)
    found = simulator.evaluate(
        X, {"spam": spam, "kind": kind}, N_STEPS, metrics={"kind": ["sparse_categorical_accuracy"]}
    )
    assert found["kind"]["accuracy"] == found["spam"]["accuracy"] == found["kind"]["sparse_categorical_accuracy"] == 1
    assert (set(found), found["n_samples"]) == ({"kind", "spam", "n_samples", "n_steps", "read_from", "read_fall"}, 40)
    batches = ((X[rows], [kind[rows], answers["size"][rows] + 1, spam[rows]]) for rows in (slice(0, 25), slice(25, 40)))
    assert simulator.evaluate(batches, n_steps=N_STEPS)["size"]["mse"] == pytest.approx(1)
    for bad in ({"other": kind}, kind, {}):
        with pytest.raises(InputError, match=r"several outputs: y must map some of \['kind', 'size', 'spam'\]"):
            simulator.evaluate(X, bad, N_STEPS)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["ham", "spam"] * 20), r"y must be class numbers.*'ham'.*names\.index"),
        (np.array(["ham"] * 40, object), "y must be class numbers"),
        (np.zeros((40, 2)), r"y must have shape \(n,\) or \(n, 1\)"),
        ({"ham": np.zeros(40)}, "name the output 'spam'"),
        (np.zeros(39), "x has 40 samples, y has 39"),
    ],
)
def test_other_labels_are_refused(binary, y, message):
    with pytest.raises(InputError, match=message):
        binary[0].evaluate(X, y, N_STEPS)


def test_predict_takes_the_arguments_of_keras(binary, capsys):
    simulator, answers = binary
    np.testing.assert_allclose(simulator.predict(X, N_STEPS, batch_size=7, verbose=0)[:, 0], answers, rtol=1e-12)
    assert capsys.readouterr().err == ""
    for bad in (0, 2.5, True):
        with pytest.raises(ParameterError, match="batch_size must be None or a whole number above 0"):
            simulator.predict(X, N_STEPS, batch_size=bad)


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), tf.float64])
def test_types_as_numpy_and_tensorflow_name_them(binary, dtype):
    graph = binary[0].graph
    assert snnconv.Simulator(graph, dtype=dtype).predict(X[:2], N_STEPS).dtype == "float64"
    assert reference.run(graph, X[:2], 3, dtype=dtype).output.dtype == "float64"
    with pytest.raises(ParameterError, match="dtype must be 'float32' or 'float64'"):
        snnconv.Simulator(graph, dtype=tf.float16)
