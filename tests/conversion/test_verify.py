"""`verify`: passes what is right, and names the layer of what is wrong."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.api import verify
from snnconv.conversion.verify import spikes
from snnconv.errors import InputError, ParameterError
from snnconv.runtime import reference

from ..helpers.networks import forum_model, random_cnn, randomise


@pytest.fixture(scope="module")
def forum():
    model = forum_model()
    return model, snnconv.convert(model)


@pytest.fixture(scope="module")
def cnn():
    model = random_cnn()
    return model, snnconv.convert(model)


def tampered(graph, name, field, change):
    """The graph with `change` applied to one array of one node."""
    nodes = [
        dataclasses.replace(node, **{field: change(getattr(node, field))}) if node.name == name else node
        for node in graph.nodes
    ]
    return graph.replace(nodes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_graph_passes(cnn, dtype):
    model, graph = cnn
    found = verify(model, n_steps=100, graph=graph, dtype=dtype)
    assert found.passed
    assert found.compared_with_keras
    assert [layer.name for layer in found.layers] == ["lif1", "lif2", "hidden", "classes"]
    assert found.verdict.startswith("passed: the rates are those of Keras, and ")
    lif1, _, hidden, classes = found.layers
    assert 0 <= lif1.keras_difference < 0.1
    assert lif1.n_spikes > 1000
    assert lif1.rate == pytest.approx(lif1.rate_equation, rel=0.2)
    assert lif1.rate_difference <= lif1.rate_bound == pytest.approx(10)
    assert hidden.rate_bound is None, "its current is not constant"
    assert classes.kind == "output"
    assert classes.n_spikes is None
    if dtype == "float64":
        assert [layer.n_moved for layer in found.layers[:3]] == [0, 0, 0]


def test_a_path_and_given_inputs_do(forum, tmp_path):
    model, graph = forum
    model.save(tmp_path / "m.keras")
    graph.save(tmp_path / "m.snn.h5")
    x = np.random.default_rng(0).normal(size=(2, 16))
    from_keras, from_graph = (verify(tmp_path / name, x, 50) for name in ("m.keras", "m.snn.h5"))
    assert from_keras.passed
    assert from_keras.n_samples == from_graph.n_samples == 2
    assert from_graph.passed
    assert not from_graph.compared_with_keras
    assert "Keras" not in from_graph.verdict
    assert all(layer.keras_difference is None for layer in from_graph.layers)
    assert verify(tmp_path / "m.keras", x, 50, graph=snnconv.load(tmp_path / "m.snn.h5")).passed


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("node", "field", "layer"),
    [
        ("conv1", "kernel", "lif1"),
        ("conv1", "bias", "lif1"),
        ("lif1", "neuron_bias", "lif1"),
        ("conv2", "kernel", "lif2"),
        ("hidden.linear", "kernel", "hidden"),
        ("classes.linear", "kernel", "classes"),
    ],
)
def test_a_tampered_array_fails_in_its_own_layer(cnn, node, field, layer):
    model, graph = cnn

    found = verify(model, n_steps=20, graph=tampered(graph, node, field, lambda array: array * 1.01))
    assert [each.name for each in found.layers if not each.passed] == [layer]
    assert not found.passed
    assert found.verdict.startswith(f"failed: '{layer}': ")
    assert "Keras" in found.verdict


def test_a_gain_left_out_fails(forum):
    model, graph = forum
    gain = graph.populations["lif"].gain
    found = verify(model, n_steps=20, graph=tampered(graph, "dense", "kernel", lambda kernel: kernel / gain))
    assert not found.passed
    assert found.layers[0].failures[0].startswith("rates differ from Keras by up to ")


def test_spikes_that_differ_fail_and_are_counted(forum, monkeypatch):
    right = reference.run

    def one_spike_less(*args, **kwargs):
        result = right(*args, **kwargs)
        spikes = {name: array.copy() for name, array in result.spikes.items()}
        where = tuple(np.argwhere(spikes["lif"])[0])
        spikes["lif"][where] = 0
        return dataclasses.replace(result, spikes=spikes)

    monkeypatch.setattr(reference, "run", one_spike_less)
    found = verify(*forum[:1], n_steps=50, graph=forum[1], dtype="float64")
    assert not found.passed
    lif = found.layers[0]
    assert (lif.n_moved, lif.count_difference) == (1, 1)
    assert f"1 of {lif.n_spikes:,} spikes differ in float64, counts by up to 1" in found.verdict


@pytest.mark.parametrize(
    ("float32", "counts", "float64", "passes"),
    [
        ({"a": 0, "b": 0}, 0, None, True),
        ({"a": 5, "b": 5}, 1, None, True),  # few
        ({"a": 500, "b": 5}, 2, None, False),  # many, and no tie changes counts by two
        ({"a": 0, "b": 500}, 2, None, False),
        ({"a": 500, "b": 5}, 1, {"a": 0, "b": 0}, True),  # many ties, as round weights give: float64 shows none
        ({"a": 500, "b": 5}, 1, {"a": 3, "b": 0}, False),
        ({"a": 5, "b": 500}, 2, {"a": 0, "b": 0}, True),  # amplified from upstream: float64 shows none
        ({"a": 5, "b": 500}, 2, {"a": 0, "b": 3}, False),
    ],
)
def test_ties_of_float32(float32, counts, float64, passes, monkeypatch):
    inputs = keras.Input((3,))
    x = snnconv.layers.LIF(name="a")(kl.Dense(4)(inputs))
    x = snnconv.layers.LIF(name="b")(kl.Dense(4)(x))
    graph = snnconv.convert(keras.Model(inputs, x))

    def run_both(graph, xs, n_steps, dt, dtype):
        moved = float32 if dtype == "float32" else float64
        rates = {name: values[name] / 0.01 for values in [graph.rate_values(xs)] for name in "ab"}
        return {name: (number, 10_000, counts) for name, number in moved.items()}, rates

    monkeypatch.setattr(spikes, "_run_both", run_both)
    found = verify(graph)
    assert found.passed == passes
    if passes and float32["b"]:
        assert "ties" in found.layers[1].note
        assert "differ, at ties" in found.verdict


def test_rates_away_from_the_equation_fail_at_constant_current(forum, monkeypatch):
    right = spikes._run_both

    def faster(*args):
        moved, rates = right(*args)
        return moved, {name: rate * 1.2 + 25 for name, rate in rates.items()}

    monkeypatch.setattr(spikes, "_run_both", faster)
    found = verify(forum[1], n_steps=100)
    assert not found.passed
    assert "spikes away from the rate equation" in found.verdict


def test_smoothing_is_noted_and_does_not_fail():
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6), snnconv.layers.LIF(smoothing=0.2, name="lif")])
    found = verify(model, n_steps=50)
    assert found.passed
    assert "smoothing=0.2" in found.layers[0].note
    assert found.layers[0].rate_bound is None


def test_a_layer_without_spikes_is_noted_where_the_equation_has_some():
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6, activation="relu", name="hidden"), kl.Dense(2)])
    x = np.full((2, 5), 0.1)
    randomise(model)
    assert verify(model, x, n_steps=2).layers[0].note.startswith("no neuron spiked")
    assert not verify(model, x, n_steps=200).layers[0].note


def test_swapped_activations_are_noted_and_do_not_fail():
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6, activation="gelu", name="hidden"), kl.Dense(2)])
    randomise(model)
    with pytest.warns(snnconv.errors.ConversionWarning, match="swapped"):
        graph = snnconv.convert(model, swap_activations={"gelu": snnconv.neurons.IF()})
    found = verify(model, n_steps=50, graph=graph)
    assert found.passed
    assert "swapped" in found.layers[0].note
    assert found.layers[0].keras_difference > 0.1
    assert "the rates are those of Keras but for 1 changed layer" in found.verdict


def test_calibrated_layers_are_noted_and_do_not_fail():
    model = keras.Sequential([keras.Input((5,)), kl.Dense(6, activation="relu", name="hidden"), kl.Dense(2)])
    randomise(model)
    x = np.random.default_rng(0).random((20, 5))
    found = verify(model, n_steps=50, graph=snnconv.convert(model, calibrate=x, calibrate_steps=4))
    assert found.passed
    assert "it was calibrated for 4 steps" in found.layers[0].note
    assert found.layers[0].changed
    assert found.verdict.startswith("passed: the rates are those of Keras but for")
    unchanged = verify(model, n_steps=50)
    assert not any(layer.changed for layer in unchanged.layers)
    assert unchanged.verdict.startswith("passed: the rates are those of Keras, and")


def test_calibrated_neurons_that_lose_time_are_noted_and_do_not_fail():
    model = keras.Sequential(
        [keras.Input((5,)), kl.Dense(6), snnconv.layers.LIF(max_rates=200, name="lif"), kl.Dense(2)]
    )
    randomise(model)
    x = np.random.default_rng(0).random((20, 5))
    graph = snnconv.calibrate(snnconv.convert(model), x, 4, scales=(4,), synapses=(None,))  # tau_ref is 0.5 ms then
    found = verify(graph, x, n_steps=100)
    assert found.passed
    assert "whose rest is lost" in found.layers[0].note
    assert found.layers[0].rate < found.layers[0].rate_equation - 1 / 0.1
    assert found.layers[0].rate_bound is None


def test_synapses_scaled_rates_shared_layers_and_several_inputs():
    shared, lif = kl.Dense(4, name="shared"), snnconv.layers.LIF(name="lif")
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    joined = kl.Concatenate()([lif(shared(a)), lif(shared(b))])
    hidden = snnconv.layers.IF(max_spikes=1, name="if")(kl.Dense(5)(joined))
    model = randomise(keras.Model([a, b], [kl.Dense(2, name="one")(hidden), kl.Dense(1, name="two")(hidden)]))
    graph = snnconv.convert(model, synapse=0.005, scale_firing_rates=2.0)
    found = verify(model, n_steps=60, graph=graph, dtype="float64")
    assert found.passed, found.verdict
    assert [layer.name for layer in found.layers[:3]] == ["lif", "lif@2", "if"]
    assert {layer.name for layer in found.layers[3:]} == {"one", "two"}


def test_outputs_need_not_be_named_like_a_layer():
    inner_inputs = keras.Input((4,))
    inner = keras.Model(inner_inputs, kl.BatchNormalization()(kl.Dense(3)(inner_inputs)), name="head")
    inputs = keras.Input((5,))
    lif = snnconv.layers.LIF(name="lif")(kl.Dense(4)(inputs))
    model = randomise(keras.Model(inputs, {"b": inner(lif), "a": kl.Dropout(0.5)(lif)}))
    for synapse in (None, 0.01):
        found = verify(model, n_steps=20, graph=snnconv.convert(model, synapse=synapse))
        assert found.passed, found.verdict
        assert found.layers[0].kind == "LIF"
        assert found.layers[0].keras_difference < 0.1


def test_half_precision_has_its_own_tolerance():
    keras.utils.set_random_seed(0)
    policy = "mixed_bfloat16"
    layers = [kl.Dense(16, dtype=policy), snnconv.layers.LIF(dtype=policy), kl.Dense(3, dtype=policy)]
    model = keras.Sequential([keras.Input((8,)), *layers])
    exact = keras.models.clone_model(model, clone_function=lambda layer: _with_float32(layer))
    exact.set_weights(model.get_weights())
    found = verify(model, n_steps=20, graph=snnconv.convert(exact))
    assert found.passed, found.verdict


def _with_float32(layer):
    return type(layer).from_config({**layer.get_config(), "dtype": "float32"})


def test_arguments_are_checked(forum, cnn):
    model, graph = forum
    with pytest.raises(ParameterError, match="two graphs"):
        verify(graph, graph=graph)
    with pytest.raises(ParameterError, match="dtype"):
        verify(graph, dtype="float16")
    with pytest.raises(ParameterError, match="n_steps"):
        verify(graph, n_steps=0)
    with pytest.raises(InputError, match="must have shape"):
        verify(graph, np.zeros((2, 15)))
    with pytest.raises(InputError, match="has other inputs than the Keras model 'forum'"):
        verify(model, graph=cnn[1])
    inputs = keras.Input((16,))
    for layers, message in (
        ([kl.Dense(4)], "layer 'lif' is not in the Keras model 'other'"),
        ([kl.Dense(9, name="lif"), kl.Dense(4)], r"layer 'lif' has the shape \(8,\), that of .* 'other' \(9,\)"),
        ([kl.Dense(8, name="lif"), kl.Dense(5)], r"layer 'readout' has the shape \(4,\), that of .* 'other' \(5,\)"),
    ):
        other = keras.Sequential([inputs, *layers], name="other")
        with pytest.raises(InputError, match=message):
            verify(other, graph=graph)
    two = keras.Model(inputs, [snnconv.layers.LIF(name="lif")(kl.Dense(8)(inputs)), inputs], name="two")
    with pytest.raises(InputError, match="has other outputs than the Keras model 'two'"):
        verify(two, graph=graph)
