"""Every activation: the rates are Keras', and the spikes go there as 1/T."""

import functools

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError
from snnconv.graph import Population, Readout
from snnconv.runtime import reference

from ..helpers.activations import FORMS, NEURON_OF, differing, inputs, network
from ..helpers.networks import randomise

# Activations with arguments, as layers and as the `activation` of another layer
WITH_ARGUMENTS = {
    "relu6": lambda: kl.ReLU(max_value=0.6),
    "relu with slope": lambda: kl.ReLU(negative_slope=0.3),
    "relu with slope and ceiling": lambda: kl.ReLU(max_value=0.8, negative_slope=0.1),
    "relu": kl.ReLU,
    "leaky": kl.LeakyReLU,
    "leaky 0.1": lambda: kl.LeakyReLU(negative_slope=0.1),
    "leaky 1.5": lambda: kl.LeakyReLU(negative_slope=1.5),
    "prelu": lambda: kl.PReLU(alpha_initializer=keras.initializers.RandomUniform(0.0, 0.5, seed=1)),
    "prelu of one slope": lambda: kl.PReLU(alpha_initializer=keras.initializers.Constant(0.25)),
}


# Neither continuous nor monotone: no bound on what a small error of the current does
WITH_JUMPS = {
    "relu with threshold": lambda: kl.ReLU(threshold=0.4),
    "relu with everything": lambda: kl.ReLU(max_value=0.9, negative_slope=0.2, threshold=0.3),
    "prelu of both signs": lambda: kl.PReLU(alpha_initializer=keras.initializers.RandomUniform(-0.5, 0.5, seed=1)),
}


LAYER_FORMS = {
    "layer": lambda make, units: [kl.Dense(units), make()],
    "argument": lambda make, units: [kl.Dense(units, activation=make())],
}


CASES = {f"{name}, {form}": functools.partial(build, name) for name in NEURON_OF for form, build in FORMS.items()}


CASES |= {
    f"{name}, {form}": functools.partial(build, make)
    for name, make in WITH_ARGUMENTS.items()
    for form, build in LAYER_FORMS.items()
}


each_case = pytest.mark.parametrize("build", list(CASES.values()), ids=list(CASES))


each_activation = pytest.mark.parametrize("name", list(NEURON_OF))


@pytest.mark.sampled(2)
@each_case
def test_rates_are_those_of_keras(build):
    model = network(build)
    graph = snnconv.convert(model)
    assert len(graph.populations) == 2
    # Keras computes in float32
    np.testing.assert_allclose(graph.rate_output(inputs()), np.asarray(model(inputs())), rtol=0, atol=1e-5)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", LAYER_FORMS)
@pytest.mark.parametrize("make", WITH_JUMPS.values(), ids=WITH_JUMPS)
def test_rates_of_activations_that_jump(make, form):
    model = network(functools.partial(LAYER_FORMS[form], make))
    graph = snnconv.convert(model)
    np.testing.assert_allclose(graph.rate_output(inputs()), np.asarray(model(inputs())), rtol=0, atol=1e-5)
    # the first population's current is constant: its count is within one spike
    name, population = next(iter(graph.populations.items()))
    run = snnconv.Simulator(graph).run(inputs(), 300, record=name)
    expected = graph.rate_values(inputs())[name] / population.amplitude
    assert np.abs(run.rates[name] - expected).max() <= 1 / 0.3 * (1 + 1e-3)


@pytest.mark.sampled(5)
@each_case
def test_mean_output_goes_to_the_rate_output(build):
    """As 1/T: all of these have a slope of at most 1.

    A first neuron's count is within one of rate times time. The mean currents of the second layer are off by at most
    D · amplitude / T, with D the largest sum of absolute weights from a spike of the first to a neuron of the second,
    so what they owe is off by D spikes; and they are within one of that. Those that cannot take back have sent at most
    the most they ever owed, which lies within the same bounds.
    """
    graph = snnconv.convert(network(build))
    (*_, between, end) = [np.abs(node.trained["kernel"]) for node in graph.nodes if "kernel" in node.trained]
    off = 1 + between.reshape(-1, between.shape[-1]).sum(0).max()
    rates = graph.rate_output(inputs())
    output = reference.run(graph, inputs(), 600).output  # both runtimes give the same spikes: see below
    for n_steps in (60, 600):
        error = np.abs(output[:, :n_steps].mean(1) - rates).max()
        assert error <= off * end.sum(0).max() * 0.01 / (n_steps * 0.001)


def dense_twice(name):
    return snnconv.convert(network(functools.partial(FORMS["string"], name)))


@pytest.mark.sampled(3)
@each_activation
def test_both_runtimes_give_the_same_spikes_in_one_go_and_in_two(name):
    graph = dense_twice(name)
    assert {type(population.neuron) for population in graph.populations.values()} == {NEURON_OF[name]}
    loop = reference.run(graph, inputs(), 100, record="all")
    simulator = snnconv.Simulator(graph, dtype="float64")
    whole = simulator.run(inputs(), 100, record="all")
    first = simulator.run(inputs(), 50, record="all")
    second = simulator.run(inputs(), 50, record="all", state=first.state)
    none = dict.fromkeys(graph.populations, 0)
    assert differing(whole, loop) == none
    for population, spikes in loop.spikes.items():
        assert spikes.any()
        parts = np.concatenate([part.spikes[population] for part in (first, second)], 1)
        np.testing.assert_array_equal(parts, spikes)
        np.testing.assert_allclose(whole.voltages[population], loop.voltages[population], atol=1e-9)
    resumed = reference.run(graph, inputs(), 50, record="all", state=first.state)
    assert differing(resumed, second) == none


def test_both_runtimes_give_the_same_spikes_on_input_that_varies():
    graph = dense_twice("tanh")
    x = np.random.default_rng(4).normal(size=(3, 80, 10))
    result = snnconv.Simulator(graph, dtype="float64").run(x, 80, record="all")
    assert differing(result, reference.run(graph, x, 80, record="all")) == dict.fromkeys(graph.populations, 0)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [*NEURON_OF, *WITH_ARGUMENTS, *WITH_JUMPS])
def test_files_hold_it(name, tmp_path):
    make = {**WITH_ARGUMENTS, **WITH_JUMPS}.get(name)
    layers = FORMS["layer"](name, 12) if make is None else LAYER_FORMS["layer"](make, 12)
    graph = snnconv.convert(network(lambda units: layers if units == 12 else [kl.Dense(4)]))
    graph.save(tmp_path / "graph.snn.h5")
    loaded = snnconv.load(tmp_path / "graph.snn.h5")
    ours, theirs = ([view.neuron for view in each.populations.values()] for each in (graph, loaded))
    assert ours == theirs
    results = (reference.run(each, inputs(), 40, record="all") for each in (graph, loaded))
    assert differing(*results) == dict.fromkeys(graph.populations, 0)
    assert next(iter(graph.populations)).partition(".")[0] in str(graph.summary().columns[0]._cells)


def test_negative_spikes_are_negative_counts():
    graph = dense_twice("tanh")
    name = next(iter(graph.populations))
    result = snnconv.Simulator(graph).run(inputs(), 200, record="all")
    spikes = result.spikes[name]
    assert spikes.dtype == np.int32
    assert (spikes < 0).any()
    assert (spikes > 0).any()
    # constant current: within one spike of rate times time, on either side of 0
    rates, amplitude = graph.rate_values(inputs())[name], graph.populations[name].amplitude
    assert np.abs(spikes.sum(1) * amplitude - rates * 0.2).max() <= amplitude * (1 + 1e-3)
    assert np.abs(result.rates[name] * amplitude - rates).max() <= amplitude / 0.2 * (1 + 1e-3)


@pytest.mark.parametrize("name", ["relu", "relu6", "hard_sigmoid", "sigmoid", "softplus"])
def test_activations_that_are_not_negative_send_no_negative_spikes(name):
    result = snnconv.Simulator(dense_twice(name)).run(inputs(), 100, record="all")
    assert all((spikes >= 0).all() for spikes in result.spikes.values())


@pytest.mark.parametrize("shared_axes", [None, [1, 2]])
def test_prelu_has_one_slope_per_unit_or_per_channel(shared_axes, tmp_path):
    keras.utils.set_random_seed(2)
    slopes = keras.initializers.RandomUniform(0.0, 0.5, seed=1)
    layer = kl.PReLU(alpha_initializer=slopes, shared_axes=shared_axes, name="prelu")
    model = keras.Sequential([keras.Input((5, 4, 2)), kl.Conv2D(3, 2), layer, kl.Flatten(), kl.Dense(2)])
    graph = snnconv.convert(randomise(model))
    graph.save(tmp_path / "graph.snn.h5")
    graph = snnconv.load(tmp_path / "graph.snn.h5")
    x = np.random.default_rng(0).normal(size=(3, 5, 4, 2))
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), atol=1e-5)
    assert np.shape(graph.populations["prelu"].negative_slope) == ((4, 3, 3) if shared_axes is None else (3,))
    result = snnconv.Simulator(graph, dtype="float64").run(x, 50, record="all")
    assert differing(result, reference.run(graph, x, 50, record="all")) == {"prelu": 0}


def test_prelu_with_too_many_slopes_is_refused():
    model = keras.Sequential([keras.Input((40, 40, 5)), kl.PReLU("ones", name="many"), kl.Flatten(), kl.Dense(1)])
    model.layers[0].alpha.assign(np.random.default_rng(0).random((40, 40, 5)))
    with pytest.raises(ConversionError, match=r"'many' \(PReLU\) has 8000 slopes.*shared_axes=\[1, 2\]"):
        snnconv.convert(model)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softmax"])
def test_at_the_output_it_is_for_the_reader(name):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((10,)), kl.Dense(8, "relu"), kl.Dense(3, activation=name, name="end")])
    graph = snnconv.convert(model)
    assert isinstance(graph["end"], Readout)
    assert graph.readouts["end"].activation == name
    assert len(graph.populations) == 1


def test_an_output_that_is_read_inside_as_well_is_neurons():
    keras.utils.set_random_seed(0)
    x = keras.Input((10,))
    inner = kl.Dense(4, activation="sigmoid", name="inner")(x)
    model = randomise(keras.Model(x, [inner, kl.Dense(2, activation="sigmoid", name="end")(inner)]))
    graph = snnconv.convert(model)
    assert isinstance(graph["inner"], Population)
    assert isinstance(graph["end"], Readout)
    for ours, theirs in zip(graph.rate_output(inputs()).values(), model(inputs()), strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)


def test_a_nested_model_that_ends_in_a_sigmoid_has_neurons_there():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((10,)), kl.Dense(6, activation="sigmoid", name="gate")], name="inner")
    x = keras.Input((10,))
    graph = snnconv.convert(keras.Model(x, kl.Dense(2, name="end")(inner(x))))
    assert list(graph.populations) == ["inner.gate"]
    assert graph.populations["inner.gate"].input == graph.inputs[0].name
