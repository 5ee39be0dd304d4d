"""Layers that stand for activations, and activations that have no neuron."""

import functools

import keras
import numpy as np
import pytest
from keras import activations
from keras import layers as kl

import snnconv
from snnconv.conversion.trace.swaps import advice, fitted
from snnconv.errors import ConversionError, ConversionWarning
from snnconv.neurons import IF, LIF, NEURONS, Follower, PiecewiseLinear, Sigmoid, Softplus, Softsign, Tanh
from snnconv.runtime import reference

from ..helpers.activations import FORMS, NEURON_OF, differing, inputs, network


def test_every_activation_of_keras_converts_or_is_refused_with_advice():
    for name in public_activations():
        if name in NEURON_OF or name == "linear":
            continue
        keras.utils.set_random_seed(0)
        if name in ("threshold", "glu"):  # functions with arguments, or with fewer values than their input
            continue
        model = keras.Sequential([keras.Input((10,)), kl.Dense(6, activation=name), kl.Dense(2)])
        if name == "sparsemax":
            with pytest.raises(ConversionError, match=r"'sparsemax'.* Use softmax.*swap_activations={.sparsemax.: snn"):
                snnconv.convert(model)
        else:
            neurons = [view.neuron for view in snnconv.convert(model).populations.values()]
            assert neurons == [Follower(amplitude=neurons[0].amplitude)]


def public_activations():
    """Names of what keras.activations offers."""
    others = {"get", "serialize", "deserialize"}
    functions = {function.__name__ for function in vars(activations).values() if callable(function)}
    return sorted(functions - others)


def test_a_layer_as_argument_needs_its_weights():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), kl.Dense(3, activation=kl.PReLU(name="inside"), name="x")])
    with pytest.raises(ConversionError, match=r"'x' \(Dense\) has an activation without weights yet, 'inside' \(PReLU"):
        snnconv.convert(model)
    model(np.ones((1, 4)))
    assert list(snnconv.convert(model).populations) == ["x"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: kl.Activation("sparsemax", name="x"), r"'x' \(Activation\) has the activation 'sparsemax'.*Use softm"),
        (lambda: kl.Dense(4, activation=lambda x: x**2, name="x"), r"'x' \(Dense\).*'<lambda>'.*{the function: snn"),
    ],
)
def test_what_has_no_neuron_is_refused_with_advice(layer, message):
    model = keras.Sequential([keras.Input((4,)), layer(), kl.Dense(2)])
    with pytest.raises(ConversionError, match=message):
        snnconv.convert(model)


class TestSwaps:
    """swap_activations."""

    @pytest.mark.parametrize(
        "key", ["gelu", activations.gelu, kl.Dense, "Dense"], ids=["name", "function", "class", "class name"]
    )
    def test_keys_are_names_functions_and_layers(self, key):
        model = network(functools.partial(FORMS["string"], "gelu"))
        with pytest.warns(ConversionWarning, match=r"with swapped activations, output '.*' differs from Keras' by"):
            graph = snnconv.convert(model, swap_activations={key: IF(min_voltage=0.0)})
        assert {view.neuron for view in graph.populations.values()} == {IF(min_voltage=0.0)}

    def test_the_advice_gives_spikes_without_a_bias(self):
        """Behind spikes a plain IF() ignores the negative part of a current that changes, and sends too much."""
        keras.utils.set_random_seed(0)
        start = keras.initializers.HeNormal()
        hidden = [kl.Dense(32, activation="gelu", kernel_initializer=start) for _ in range(3)]
        model = keras.Sequential([keras.Input((10,)), *hidden, kl.Dense(2)])
        x = np.random.default_rng(0).normal(size=(32, 10)).astype("float32")
        advised = advice("gelu").partition("swap_activations=")[2]
        with pytest.warns(ConversionWarning):
            graph = snnconv.convert(model, swap_activations=eval(advised, {"snnconv": snnconv}), verbose=False)
        expected, found = graph.rate_output(x), snnconv.Simulator(graph).predict(x, 1000)
        assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)  # with IF() it is 10 % and more

    def test_a_difference_is_that_on_the_data(self):
        model = network(functools.partial(FORMS["string"], "gelu"))
        x = np.full((8, 10), 0.5, "float32") * np.arange(1, 9)[:, None]
        swap = {"gelu": IF(min_voltage=-np.inf)}
        with pytest.warns(ConversionWarning, match="on random inputs"):
            plain = snnconv.convert(model, swap_activations=swap, verbose=False)
        theirs = model.predict(x, verbose=0)
        difference = np.linalg.norm(plain.rate_output(x) - theirs) / np.linalg.norm(theirs)
        with pytest.warns(ConversionWarning, match=f"by {difference:.1%} on the first samples"):
            snnconv.convert(model, swap_activations=swap, calibrate=x, verbose=False)

    def test_a_name_for_the_same_function(self):
        model = network(functools.partial(FORMS["layer"], "silu"))
        with pytest.warns(ConversionWarning):
            graph = snnconv.convert(model, swap_activations={"swish": IF()})
        assert len(graph.populations) == 2

    def test_a_layer_class_swaps_only_there(self):
        keras.utils.set_random_seed(0)
        layers = [kl.Dense(8, activation="relu", name="dense"), kl.Dense(8), kl.ReLU(name="layer"), kl.Dense(2)]
        model = keras.Sequential([keras.Input((10,)), *layers])
        graph = snnconv.convert(model, swap_activations={kl.ReLU: IF(min_voltage=-np.inf, max_spikes=1)})
        assert [view.max_spikes for view in graph.populations.values()] == [None, 1]

    def test_neurons_that_ignore_negative_current_are_warned_of_behind_others(self):
        keras.utils.set_random_seed(0)
        layers = [kl.Dense(32, activation="relu", name=name) for name in ("first", "second")]
        model = keras.Sequential([keras.Input((16,)), *layers, kl.Dense(4)])
        with pytest.warns(
            ConversionWarning, match=r"'second': IF\(\) in the place of relu .*min_voltage=-fl"
        ) as caught:
            rectified = snnconv.convert(model, swap_activations={"relu": IF()})
        assert len(caught) == 1  # the first has a constant current
        assert caught[0].filename == __file__
        counted = snnconv.convert(model, swap_activations={"relu": IF(min_voltage=-np.inf)})
        x = np.random.default_rng(0).normal(size=(32, 16))
        rates = counted.rate_output(x)
        far, near = (np.abs(snnconv.Simulator(each).predict(x, 2000) - rates).mean() for each in (rectified, counted))
        assert far > 10 * near

    def test_a_layer_class_swaps_layers_that_are_arguments(self):
        model = network(lambda units: [kl.Dense(units, activation=kl.LeakyReLU())])
        with pytest.warns(ConversionWarning):
            graph = snnconv.convert(model, swap_activations={kl.LeakyReLU: IF()})
        assert {view.neuron for view in graph.populations.values()} == {IF()}

    def test_an_activation_of_its_own_can_be_swapped(self):
        def squared(x):
            return keras.ops.relu(x) ** 2

        model = network(lambda units: [kl.Dense(units, activation=squared)])
        with pytest.warns(ConversionWarning):
            graph = snnconv.convert(model, swap_activations={squared: LIF()})
        assert {view.neuron.kind for view in graph.populations.values()} == {"LIF"}

    @pytest.mark.parametrize(
        ("name", "neuron"),
        [
            ("sigmoid", Sigmoid(max_rate=200.0, amplitude=0.005)),
            ("tanh", Tanh(max_rate=50.0, amplitude=0.02)),
            ("softplus", Softplus(unit_rate=200.0, amplitude=0.005)),
            ("softsign", Softsign(max_rate=400.0, amplitude=0.0025)),
            ("leaky_relu", PiecewiseLinear(amplitude=0.02, negative_slope=0.2)),
            ("relu", IF(amplitude=0.005, min_voltage=-np.inf)),
            ("relu", PiecewiseLinear()),
        ],
    )
    def test_the_same_function_at_other_rates_changes_nothing(self, name, neuron):
        model = network(functools.partial(FORMS["string"], name))
        graph = snnconv.convert(model, swap_activations={name: neuron})  # no warning
        assert {view.neuron for view in graph.populations.values()} == {neuron}
        np.testing.assert_allclose(graph.rate_output(inputs()), np.asarray(model(inputs())), rtol=0, atol=1e-5)

    @pytest.mark.parametrize(
        "neuron", [LIF(), LIF(tau_ref=0.0), LIF(tau_rc=0.05), LIF(tau_rc=0.01, tau_ref=0.001), LIF(min_voltage=-1.0)]
    )
    def test_a_lif_is_fitted_to_a_relu(self, neuron):
        largest = 3.0
        tuned = fitted(neuron, lambda x: np.maximum(x, 0), largest)
        x = np.linspace(-1, largest, 4001)
        output = tuned.neuron.rate(tuned.gain * x + tuned.bias)
        # it starts where the relu does, and swallows no small input
        assert tuned.bias == 1
        assert np.array_equal(output > 0, x > 0)
        error = np.sqrt(np.mean((output - np.maximum(x, 0))[x > 0] ** 2)) / largest
        assert error < 0.085
        # no gain or amplitude is better, as far as rates of 250 Hz allow
        for factor in (0.97, 1.03):
            scaled = tuned.neuron.with_amplitude(tuned.neuron.amplitude * factor)
            worse = scaled.rate(tuned.gain * x + tuned.bias) - np.maximum(x, 0)
            assert np.sqrt(np.mean(worse[x > 0] ** 2)) / largest > error
        assert output.max() / tuned.neuron.amplitude <= 250

    def test_lif_for_relu_reports_its_error(self):
        model = network(functools.partial(FORMS["string"], "relu"))
        with pytest.warns(ConversionWarning, match=r"with swapped activations, output '.*' differs from Keras' by \d"):
            graph = snnconv.convert(model, swap_activations={"relu": LIF()})
        x = np.random.default_rng(0).random((50, 10))
        ours, theirs = graph.rate_output(x), np.asarray(model(x))
        # 8 % of the range in each of two layers, and outputs that are sums and differences of them
        assert 0.01 < np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 0.4
        # the amplitude follows the layer's own range
        rates = graph.rate_values(x)
        for view in graph.populations.values():
            assert 100 < (rates[view.name] / view.amplitude).max() < 250

    def test_both_runtimes_agree_on_swapped_neurons(self):
        model = network(functools.partial(FORMS["string"], "relu"))
        with pytest.warns(ConversionWarning):
            graph = snnconv.convert(model, swap_activations={"relu": LIF()})
        result = snnconv.Simulator(graph, dtype="float64").run(inputs(), 100, record="all")
        assert differing(result, reference.run(graph, inputs(), 100, record="all")) == dict.fromkeys(result.spikes, 0)

    @pytest.mark.parametrize(
        "key", ["mish", activations.mish, kl.LeakyReLU, "linear"], ids=["name", "function", "class", "identity"]
    )
    def test_keys_that_match_nothing_are_refused(self, key):
        model = network(functools.partial(FORMS["string"], "relu"))
        name = getattr(key, "__name__", key)
        with pytest.raises(ConversionError, match=f"swap_activations names '{name}', which is no activation in this m"):
            snnconv.convert(model, swap_activations={"relu": IF(), key: IF()})

    def test_a_negative_activation_is_not_for_a_lif(self):
        with pytest.raises(ConversionError, match="a LIF cannot take the place of a negative activation"):
            fitted(LIF(), lambda x: -x, 1.0)


def test_every_neuron_but_those_that_are_trained_or_calibrated_stands_for_an_activation():
    ours = {name for name, neuron in NEURONS.items() if neuron.__module__.startswith("snnconv.")}
    assert {neuron.__name__ for neuron in NEURON_OF.values()} == ours - {"LIF", "SteppedLIF", "SignedIF", "Follower"}
