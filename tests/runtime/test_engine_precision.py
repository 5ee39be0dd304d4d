"""What products are rounded to, and that TensorFlow's own setting is the user's again afterwards."""

import threading

import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.errors import ParameterError
from snnconv.graph import AveragePool, Conv, Dense, Input, Population, Reshape, SpikingGraph
from snnconv.neurons import LIF
from snnconv.runtime.compiled import scan
from snnconv.runtime.compiled.engine import tensor_float_32
from snnconv.runtime.compiled.stepper import Stepper

from ..helpers.command import fails, run
from ..helpers.distribution import network, samples, small

enabled = tf.config.experimental.tensor_float_32_execution_enabled
enable = tf.config.experimental.enable_tensor_float_32_execution


@pytest.fixture(params=[True, False], ids=["allowed by the user", "forbidden by the user"])
def users_choice(request):
    before = enabled()
    enable(request.param)
    yield request.param
    enable(before)


@pytest.mark.parametrize("precision", ["float32", "tensorfloat32", "bfloat16"])
def test_rounding_to_tensor_float_32_is_set_around_calls_alone(users_choice, precision, monkeypatch):
    """No GPU is needed to see the setting; what it does there is not tested here."""
    seen = []
    chunk = Stepper._chunk

    def looking(self, *arguments):  # while TensorFlow traces it
        seen.append(enabled())
        return chunk(self, *arguments)

    monkeypatch.setattr(Stepper, "_chunk", looking)
    monkeypatch.setattr(scan, "_SHARED", {})
    nodes = (
        Input(name="input", shape=(20,)),
        Dense(name="dense", inputs=("input",), shape=(2,), kernel=np.ones((20, 2))),
    )
    simulator = snnconv.Simulator(SpikingGraph(nodes, {"output": "dense"}), precision=precision)
    simulator.predict(samples(), 10)
    assert seen == [precision == "tensorfloat32"]
    assert enabled() == users_choice
    simulator.step(samples())
    assert enabled() == users_choice


def test_the_setting_comes_back_after_an_error(users_choice):
    with pytest.raises(ZeroDivisionError), tensor_float_32(not users_choice):
        1 / 0  # noqa: B018
    assert enabled() == users_choice


def test_calls_that_want_it_otherwise_wait(users_choice):
    inside, leave, seen = threading.Event(), threading.Event(), []

    def first():
        with tensor_float_32(True):
            inside.set()
            leave.wait(10)
            seen.append(("first", enabled()))

    def second():
        inside.wait(10)
        with tensor_float_32(True):  # wants the same: need not wait
            leave.set()
            seen.append(("second", enabled()))

    def third():
        inside.wait(10)
        with tensor_float_32(False):
            seen.append(("third", enabled()))

    threads = [threading.Thread(target=each) for each in (first, third, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(seen) == [("first", True), ("second", True), ("third", False)]
    assert seen[-1][0] == "third"
    assert enabled() == users_choice


def coarse() -> SpikingGraph:
    """A network whose numbers, and whose sums over spikes, have at most 8 significant bits."""
    rng = np.random.default_rng(0)

    def population(name, source, shape):
        bias = rng.integers(4, 9, shape) / 4
        neuron = LIF(tau_ref=0.001, amplitude=0.001)  # spikes of height 1
        return Population(name=name, inputs=(source,), shape=shape, neuron=neuron, neuron_bias=bias, gain=np.ones(()))

    pads = ((1, 1), (1, 1))
    kernel = rng.integers(-2, 3, (3, 3, 2, 4)) / 2
    nodes = (
        Input(name="input", shape=(6, 6, 2)),
        population("first", "input", (6, 6, 2)),
        Conv(
            name="conv",
            inputs=("first",),
            shape=(6, 6, 4),
            kernel=kernel,
            strides=(1, 1),
            padding=pads,
            dilation=(1, 1),
        ),
        population("second", "conv", (6, 6, 4)),
        AveragePool(
            name="pool", inputs=("second",), shape=(3, 3, 4), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))
        ),
        Reshape(name="flat", inputs=("pool",), shape=(36,)),
        Dense(name="dense", inputs=("flat",), shape=(8,), kernel=rng.integers(-1, 2, (36, 8)) / 1.0),
        population("third", "dense", (8,)),
    )
    return SpikingGraph(nodes, {"output": "third"})


def test_numbers_that_bfloat16_can_hold_give_the_same_spikes():
    x = np.random.default_rng(1).integers(0, 4, (4, 50, 6, 6, 2)) / 2
    exact = snnconv.Simulator(coarse()).run(x, 50, record="all.spikes")
    simulator = snnconv.Simulator(coarse(), precision="bfloat16")
    rounded = simulator.run(x, 50, record="all.spikes")
    for name, spikes in exact.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(rounded.spikes[name], spikes)
    stepped = np.stack([simulator.step(x[:, step]) for step in range(50)], 1)
    np.testing.assert_array_equal(stepped, exact.output)


def test_bfloat16_moves_spikes_and_hardly_the_rates():
    rounded = snnconv.Simulator(network(), precision="bfloat16").run(samples(), 200, record="all")
    exact = snnconv.Simulator(network()).run(samples(), 200, record="all")
    assert rounded.output.dtype == np.float32
    for name, spikes in exact.spikes.items():
        assert (rounded.spikes[name] != spikes).any()
        # numbers are off by up to 2^-8, and rates are steepest, by some times that, near the threshold
        np.testing.assert_allclose(rounded.rates[name].mean(), exact.rates[name].mean(), rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "float16"}, "precision must be one of 'float32', 'tensorfloat32', 'bfloat16'. Received 'floa"),
        ({"precision": "bfloat16", "dtype": "float64"}, "'bfloat16' is for dtype 'float32'. Received dtype 'float64'"),
        ({"strategy": "mirrored"}, "strategy must be None or one of MirroredStrategy, .*. Received str"),
    ],
)
def test_bad_parameters(arguments, message):
    with pytest.raises(ParameterError, match=message):
        snnconv.Simulator(network(), **arguments)


def test_simulate_prints_what_a_precision_changes(tmp_path):
    small().save(tmp_path / "graph.snn.h5")
    np.save(tmp_path / "x.npy", samples())
    arguments = ("simulate", tmp_path / "graph.snn.h5", "--input", tmp_path / "x.npy", "--steps", 50)
    printed = run(*arguments, "--precision", "bfloat16")
    x = samples()[:8]
    exact = snnconv.Simulator(small()).run(x, 50, record="all.spikes").spikes
    rounded = snnconv.Simulator(small(), precision="bfloat16").run(x, 50, record="all.spikes").spikes
    share = sum((exact[name] != rounded[name]).sum() for name in exact) / (8 * 50 * 30)
    assert 0 < share < 0.1
    assert f"bfloat16 against float32, at the first 8 samples: {share:.3%} of 12,000 entries" in printed
    assert "in float32, products in bfloat16." in printed
    assert "against" not in run(*arguments)
    fails("precision must be one of", *arguments, "--precision", "float16")
    fails("is for dtype 'float32'", *arguments, "--precision", "bfloat16", "--dtype", "float64")


@pytest.mark.parametrize(
    ("config", "arguments", "pattern"),
    [
        (None, ["--strategy", "parallel"], "--strategy must be mirrored or multiworker. Received 'parallel'"),
        (None, ["--strategy", "multiworker"], "TF_CONFIG, such as .*. Received None"),
        ("{", ["--strategy", "multiworker"], "TF_CONFIG, such as .*. Received '{'"),
        ('{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}', ["--strategy", "multiworker"], "TF_CO"),
    ],
)
def test_bad_strategies_of_the_command(tmp_path, monkeypatch, config, arguments, pattern):
    small().save(tmp_path / "graph.snn.h5")
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    fails(pattern, "simulate", tmp_path / "graph.snn.h5", *arguments)
