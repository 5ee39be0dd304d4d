"""Arguments of wrong types and out of range: refused on the first line, with what to do."""

import ml_dtypes
import numpy as np
import pytest
from keras import Input, Sequential, layers

import snnconv
from snnconv.errors import ConversionError, InputError, ModelFileError, ParameterError, RecordError
from snnconv.neurons import IF, LIF, SteppedLIF

from ..helpers.dense import dense_network

X = np.random.default_rng(0).uniform(0, 3, (3, 4))


@pytest.fixture(scope="module")
def graph():
    return dense_network((4, 6, 3), LIF())


@pytest.fixture(scope="module")
def model():
    return Sequential([Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dt": "1ms"}, "dt must be a number of seconds, such as 0.001. Received '1ms'"),
        ({"dt": 1e-320}, "dt must lie between 1e-12 and 1000 seconds"),
        ({"dt": 1e300}, "dt must lie between"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64'"),
        ({"seed": "a", "initial_voltage": "uniform"}, "seed must be None or a whole number"),
        ({"sparse": "yes"}, "sparse must be True or False"),
        ({"compile": "all"}, "compile must be one of 'auto', 'parts', 'whole'. Received 'all'"),
        ({"progress": "yes"}, "progress must be True or False"),
        ({"batch_size": True}, "batch_size must be None or a whole number"),
    ],
)
def test_of_a_simulator(graph, options, message):
    with pytest.raises(ParameterError, match=message):
        snnconv.Simulator(graph, **options)


def test_whole_numbers_of_numpy_are_whole_numbers(graph):
    sizes = {"batch_size": np.int64(2), "chunk_steps": np.int8(3), "memory": np.uint32(1 << 24)}
    simulator = snnconv.Simulator(graph, **sizes)
    expected = snnconv.Simulator(graph).predict(X, 5)
    np.testing.assert_array_equal(simulator.predict(X, np.int16(5)), expected)
    np.testing.assert_array_equal(snnconv.Simulator(graph).predict(X, 5, batch_size=np.int64(2)), expected)
    with pytest.raises(ParameterError, match="batch_size must be None or a whole number above 0"):
        simulator.predict(X, 5, batch_size=np.float64(2))


@pytest.mark.parametrize(
    "call", [snnconv.Simulator, lambda model: snnconv.reference.run(model, X, 5), lambda m: snnconv.calibrate(m, X)]
)
def test_a_model_in_the_place_of_a_graph(model, call):
    with pytest.raises(ParameterError, match=r"takes a SpikingGraph. Received Sequential. Convert the"):
        call(model)


def test_of_a_run(graph):
    simulator = snnconv.Simulator(graph)
    with pytest.raises(InputError, match=r"record must be the name of a population.*\(\) for none"):
        simulator.run(X, 5, record=None)
    with pytest.raises(InputError, match="state must be that of a result"):
        simulator.run(X, 5, state=3)
    for dtype, most in (("float32", "16,777,216"), ("float64", "2,147,483,647")):
        with pytest.raises(ParameterError, match=f"n_steps must be at most {most} in {dtype}"):
            snnconv.Simulator(graph, dtype=dtype).predict(X, 10**10)


def test_records_that_were_not_kept(graph):
    spikes = snnconv.Simulator(graph).run(X, 5).spikes
    name = next(iter(graph.populations))
    assert spikes.get(name) is None
    assert name not in spikes
    with pytest.raises(RecordError, match=rf"^the spikes of '{name}' were not recorded. Run with record=\['{name}'\]"):
        spikes[name]


def test_inputs(graph):
    simulator = snnconv.Simulator(graph)
    narrow = X.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(simulator.predict(narrow, 20), simulator.predict(narrow.astype("float32"), 20))
    with pytest.raises(InputError, match=r"masked array. Pass x.filled\(value\)"):
        simulator.predict(np.ma.masked_array(X), 5)
    with pytest.raises(InputError, match=r"values up to .*e\+30, where biases and thresholds are lost in rounding"):
        simulator.predict(X * 1e30, 5)
    large = X * 3e11  # up to the limit both types of floats agree
    exact = snnconv.Simulator(graph, dtype="float64").predict(large, 100)
    np.testing.assert_allclose(simulator.predict(large, 100), exact, rtol=1e-5, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LIF(amplitude="a"), "LIF: amplitude must be a number. Received 'a'"),
        (lambda: LIF(tau_ref=None), "LIF: tau_ref must be a number"),
        (lambda: IF(max_spikes="2"), "IF: max_spikes must be None or a whole number"),
        (lambda: IF(max_spikes=float("nan")), "IF: max_spikes must be None or a whole number"),
        (lambda: SteppedLIF(leak_bits="8"), "SteppedLIF: leak_bits must be a number"),
        (lambda: snnconv.neurons.PiecewiseLinear(negative_slope="a"), "negative_slope must be a number, or one per"),
        (lambda: snnconv.synapses.Lowpass("a"), "Lowpass: tau must be a number"),
        (lambda: snnconv.layers.LIF(amplitude="a"), "LIF: amplitude must be a number"),
        (lambda: snnconv.layers.LIF(max_rates="a"), "layer 'lif.*max_rates and intercepts are a number"),
    ],
)
def test_of_neurons(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_of_convert_and_load(model):
    for options, message in (
        ({"verbose": "quiet"}, "verbose must be True or False. Received 'quiet'"),
        ({"swap_activations": "gelu"}, "swap_activations must be a mapping of activation to neuron"),
    ):
        with pytest.raises(ParameterError, match=message):
            snnconv.convert(model, **options)
    with pytest.raises(ConversionError, match="scale_firing_rates must be a number above 0.* Received 'fast'"):
        snnconv.convert(model, scale_firing_rates="fast")
    with pytest.raises(InputError, match="must be an array of numbers"):
        snnconv.convert(model, calibrate="x", verbose=False)
    with pytest.raises(ModelFileError, match=r"Use snnconv.convert\('m.keras'\)"):
        snnconv.load("m.keras")
    with pytest.raises(ModelFileError, match="load takes the path of a file"):
        snnconv.load(model)
    assert callable(snnconv.keras_files.load_model)
