"""What predict and evaluate take beside arrays: datasets, generators, and arrays in files larger than memory."""

import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.errors import InputError
from snnconv.graph import Add, AveragePool, Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF
from snnconv.runtime import samples as samples_module
from snnconv.runtime.samples import Samples

from ..helpers.distribution import batches, network

PADS = ((0, 0), (0, 0))
N, N_STEPS = 23, 30
RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0, 2, (N, 20)).astype("float32"), RNG.integers(0, 5, N)


@pytest.fixture(scope="module")
def simulator():
    """Batches of 8, whatever the sizes of those that come in."""
    return snnconv.Simulator(network(), batch_size=8)


@pytest.fixture(scope="module")
def expected(simulator):
    return simulator.predict(X, N_STEPS), simulator.evaluate(X, Y, N_STEPS)


class Batches(keras.utils.PyDataset):
    """X and Y in batches of 7."""

    def __init__(self, with_targets: bool):
        super().__init__()
        self._with_targets = with_targets

    def __len__(self):
        return -(-N // 7)

    def __getitem__(self, index):
        rows = slice(7 * index, 7 * index + 7)
        return (X[rows], Y[rows]) if self._with_targets else X[rows]


def dataset(with_targets: bool) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y) if with_targets else X).batch(5)


def generator(with_targets: bool):
    for x, y in zip(batches(X, (1, 13)), batches(Y, (1, 13)), strict=True):
        yield (x, y, np.ones(len(y))) if with_targets else x  # sample weights, which nothing here uses


EACH_KIND = pytest.mark.parametrize("data", [dataset, Batches, generator])


@EACH_KIND
@pytest.mark.parametrize("with_targets", [False, True])
def test_predict(simulator, expected, data, with_targets):
    np.testing.assert_array_equal(simulator.predict(data(with_targets), N_STEPS), expected[0])


@EACH_KIND
def test_evaluate(simulator, expected, data):
    scores = simulator.evaluate(data(True), None, N_STEPS)
    assert scores["n_samples"] == N
    np.testing.assert_array_equal(scores["accuracy_over_time"], expected[1]["accuracy_over_time"])


def test_input_that_varies_in_time(simulator):
    x = RNG.uniform(0, 2, (9, N_STEPS, 20))
    found = simulator.predict(tf.data.Dataset.from_tensor_slices(x).batch(4), N_STEPS, reduce=None)
    np.testing.assert_array_equal(found, simulator.predict(x, N_STEPS, reduce=None))


def sum_of_two() -> SpikingGraph:
    nodes = (
        Input(name="a", shape=(2,)),
        Input(name="b", shape=(3,)),
        Dense(name="from_a", inputs=("a",), shape=(4,), kernel=RNG.normal(0, 100, (2, 4))),
        Dense(name="from_b", inputs=("b",), shape=(4,), kernel=RNG.normal(0, 100, (3, 4))),
        Add(name="sum", inputs=("from_a", "from_b"), shape=(4,)),
        Population(name="if", inputs=("sum",), shape=(4,), neuron=IF(), neuron_bias=np.full(4, 50.0), gain=np.ones(())),
    )
    return SpikingGraph(nodes, {"output": "if"})


def test_several_inputs():
    """By name, or in order with targets behind them: a tuple alone would be inputs and targets."""
    a, b, y = RNG.random((11, 2)), RNG.random((11, 3)), RNG.random((11, 4))
    simulator = snnconv.Simulator(sum_of_two(), batch_size=4)
    answers, scores = simulator.predict([a, b], N_STEPS), simulator.evaluate({"a": a, "b": b}, y, N_STEPS)
    assert answers.any()
    named = tf.data.Dataset.from_tensor_slices({"b": b, "a": a}).batch(3)
    np.testing.assert_array_equal(simulator.predict(named, N_STEPS), answers)
    in_order = tf.data.Dataset.from_tensor_slices(((a, b), y)).batch(5)
    found = simulator.evaluate(in_order, None, N_STEPS)
    # errors of five samples and of four are added up in another order
    np.testing.assert_allclose(found["mse_over_time"], scores["mse_over_time"], rtol=1e-12)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 12))
def test_parts_are_of_one_size_and_in_order(lengths, size):
    x = np.arange(sum(lengths) * 20, dtype="float64").reshape(-1, 20)
    given_batches = (x[sum(lengths[:k]) : sum(lengths[: k + 1])] for k in range(len(lengths)))
    parts = list(Samples(network(), given_batches, 5, "float64").parts(size))
    assert [len(xs["input"]) for _, (xs, _) in parts[:-1]] == [size] * (len(parts) - 1)
    np.testing.assert_array_equal(np.concatenate([xs["input"] for _, (xs, _) in parts]), x)
    for here, (xs, _) in parts:
        np.testing.assert_array_equal(xs["input"], x[here])


def first_then(second):
    yield X[:8], Y[:8]
    yield second


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (lambda: iter(()), "x gives no batches"),
        (lambda: tf.data.Dataset.from_tensor_slices(X).batch(4).take(0), "x gives no batches"),
        (lambda: dataset(True).repeat(), "repeats without end"),
        (lambda: dataset(False), "evaluate needs targets: pass y, or let x give"),
        (lambda: first_then((X[:4, 1:], Y[:4])), r"must have shape \(n, 20\) or \(n, 30, 20\). Received \(4, 19\)"),
        (lambda: first_then((X[:4], Y[:3])), "x has 4 samples, y has 3"),
        (lambda: first_then(X[:4]), "targets with every batch"),
        (lambda: first_then((np.repeat(X[:4, None], N_STEPS, 1), Y[:4])), "'input' varies in time in some batches"),
        (lambda: first_then((X[:4], np.full(4, 9))), "class numbers must be whole numbers from 0 to 4. Received 9"),
        (lambda: first_then((X[:4] * np.nan, Y[:4])), "NaN or infinity"),
        (lambda: first_then(("text", Y[:4])), "must be an array of numbers"),
    ],
)
def test_bad_batches(simulator, x, message):
    with pytest.raises(InputError, match=message):
        simulator.evaluate(x(), None, N_STEPS)


def test_targets_beside_batches(simulator):
    with pytest.raises(InputError, match="y must be None where x gives batches"):
        simulator.evaluate(dataset(True), Y, N_STEPS)
    with pytest.raises(InputError, match="run takes arrays"):
        simulator.run(dataset(False), N_STEPS)


def test_errors_of_a_generator_come_through(simulator):
    def failing():
        yield X[:12]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        simulator.predict(failing(), N_STEPS)


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """X and Y in files, which count as large."""
    monkeypatch.setattr(samples_module, "AT_ONCE", 0)
    np.save(tmp_path / "x.npy", X.astype("float64"))
    np.save(tmp_path / "y.npy", Y)
    return np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy", mmap_mode="r")


def test_arrays_in_files(simulator, expected, mapped):
    x, y = mapped
    np.testing.assert_array_equal(simulator.predict(x, N_STEPS), expected[0])
    assert simulator.evaluate(x, y, N_STEPS)["accuracy"] == expected[1]["accuracy"]
    with pytest.raises(InputError, match="x has 23 samples, y has 22"):
        simulator.evaluate(x, y[1:], N_STEPS)
    with pytest.raises(InputError, match="holds no samples"):
        simulator.predict(x[:0], N_STEPS)


def test_arrays_in_files_of_different_lengths(mapped):
    simulator = snnconv.Simulator(sum_of_two())
    x, _ = mapped
    with pytest.raises(InputError, match=r"the same number of samples. Received \[22, 23\]"):
        simulator.predict({"a": x[:, :2], "b": x[1:, :3]}, N_STEPS)


def test_memory_holds_a_part_at_a_time(tmp_path):
    """128 MB of input in a file, and a few megabytes of it in memory."""
    shape = (256, 256, 1)
    nodes = (
        Input(name="image", shape=shape),
        AveragePool(name="pool", inputs=("image",), shape=(2, 2, 1), size=(128, 128), strides=(128, 128), padding=PADS),
        Population(
            name="if", inputs=("pool",), shape=(2, 2, 1), neuron=IF(), neuron_bias=np.array(50.0), gain=np.ones(())
        ),
    )
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "float64", (256, *shape))
    x[200, 0, 0] = 128 * 128 * 100.0
    simulator = snnconv.Simulator(SpikingGraph(nodes, {"output": "if"}))
    simulator.predict(x[:32], 20)
    tracemalloc.start()
    try:
        answers = simulator.predict(np.load(tmp_path / "x.npy", mmap_mode="r"), 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answers[:200] == answers[0]).all()
    assert answers[200, 0, 0] > answers[0, 0, 0]
    assert peak < 32 << 20
