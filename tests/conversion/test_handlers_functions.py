"""Layers that become functions of means: the rates are Keras', and the spikes go there as 1/T."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

import snnconv
from snnconv.errors import ConversionError, ModelFileError, ParameterError
from snnconv.graph import Lookup
from snnconv.neurons.functions import FUNCTIONS
from snnconv.runtime import reference

from ..helpers.function_layers import NETWORKS, between, joining
from ..helpers.linear_layers import check, functional, use
from ..helpers.networks import randomise

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("build", NETWORKS)
def test_rates_are_those_of_keras(build):
    check(build(), 1e-6)  # Keras computes norms and some constants in float32


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.sampled(5)
@pytest.mark.parametrize("build", NETWORKS)
def test_spikes_go_to_the_rates_and_both_runtimes_agree(build):
    """Every node is a mean or a function of means, and rounds its sum to half a spike: errors fall as 1/T.

    From 100 to 1,600 steps that is a factor of 16; half of it is asked for, since a rounding can come out at 0 at one
    of the two numbers of steps.
    """
    use("float32")
    graph = snnconv.convert(randomise(build()), verbose=False)
    x = np.random.default_rng(5).normal(size=(3, *graph.inputs[0].shape))
    rates = graph.rate_output(x)
    loop = reference.run(graph, x, 1600, record="all.spikes")
    off = [np.abs(loop.output[:, :n_steps].mean(1) - rates).mean() for n_steps in (100, 1600)]
    assert off[1] <= off[0] / 8 + 1e-6
    fast = snnconv.Simulator(graph, dtype="float64").run(x, 100, record="all.spikes")
    for name, spikes in loop.spikes.items():
        np.testing.assert_array_equal(fast.spikes[name], spikes[:, :100])
    np.testing.assert_allclose(fast.output, loop.output[:, :100], rtol=0, atol=1e-9)


def test_a_mask_may_come_in_as_data():
    inputs, mask = keras.Input((6, 4)), keras.Input((6, 6))
    x = kl.Dense(4, activation="relu")(inputs)
    model = randomise(keras.Model([inputs, mask], kl.MultiHeadAttention(2, 3)(x, x, attention_mask=mask)))
    graph = snnconv.convert(model, verbose=False)
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(4, 6, 4)), np.maximum(rng.integers(0, 2, (4, 6, 6)), np.eye(6))]
    np.testing.assert_allclose(graph.rate_output(xs), np.asarray(model(xs)), rtol=0, atol=1e-6)


def test_an_embedding_looks_integers_up():
    inputs = keras.Input((5,), dtype="int32")
    x = kl.Embedding(7, 4)(inputs)
    model = randomise(keras.Model(inputs, kl.Dense(3)(kl.Flatten()(kl.Dense(4, activation="silu")(x)))))
    graph = snnconv.convert(model, verbose=False)
    assert any(isinstance(node, Lookup) for node in graph.nodes)
    x = np.random.default_rng(0).integers(0, 7, (8, 5))
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=0, atol=1e-6)
    result = snnconv.Simulator(graph).predict(x, 2000)
    np.testing.assert_allclose(result, np.asarray(model(x)), rtol=0, atol=0.05)  # 20 neurons, ±5/2000 each, at weights


@pytest.mark.parametrize("is_built", [False, True])
def test_an_embedding_takes_its_integers_as_numbers_of_any_type(is_built):
    layers = [keras.Sequential([kl.Embedding(7, 4)]), kl.Flatten(), kl.Dense(4, activation="relu"), kl.Dense(3)]
    model = keras.Sequential(layers if is_built else [keras.Input((5,)), *layers])
    model.build((None, 5))
    graph = snnconv.convert(randomise(model), verbose=False)
    (drawn,) = graph.random_inputs(50).values()
    assert set(drawn.reshape(-1)) == set(range(7))
    assert snnconv.verify(model, n_steps=20).passed
    x = np.array([[0.0, 1.5, 2.9, 5.999, 6.0]], "float32")  # Keras cuts them
    np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(*(snnconv.Simulator(graph).predict(each, 50) for each in (x, np.floor(x))))


def test_a_function_of_your_own_converts_by_its_name(tmp_path):
    def bump(x):
        return x / (1 + ops.square(x))

    model = between((6, 4), kl.Activation(bump))
    with pytest.raises(ConversionError, match=r"activation 'bump'.*snnconv\.register_function"):
        snnconv.convert(model)
    snnconv.register_function(lambda x, xp: x / (1 + x * x), "bump", cost=2)
    try:
        graph = check(model, 1e-6)
        graph.save(tmp_path / "bump.h5")
        x = np.random.default_rng(0).normal(size=(2, 6, 4))
        np.testing.assert_array_equal(snnconv.load(tmp_path / "bump.h5").rate_output(x), graph.rate_output(x))
    finally:
        del FUNCTIONS["bump"]
    with pytest.raises(ModelFileError, match=r"computes 'bump', which is not known here. Register it"):
        snnconv.load(tmp_path / "bump.h5")


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [
        (lambda x, xp: x - xp.mean_over(x, (1,)), "centred", r"'centred' is not elementwise.*LayerNormalization"),
        (lambda x, xp: xp.reshape(x, (-1,)), "flat", r"'flat' is not elementwise"),
        (lambda x: x, "plain", r"'plain' must take \(x, xp\)"),
        (lambda x, xp: x, "silu", r"'silu' is a function of snnconv"),
    ],
)
def test_functions_that_cannot_be_registered(function, name, message):
    with pytest.raises(ParameterError, match=message):
        snnconv.register_function(function, name)
    assert name not in FUNCTIONS or name == "silu"


def scores(x, y):
    return kl.MultiHeadAttention(2, 3, name="mha")(x, y, return_attention_scores=True)[0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: joining(scores),
            r"'mha' \(MultiHeadAttention\) returns its scores.*Leave return_attention_scores out",
        ),
        (
            lambda: functional(lambda x: kl.Embedding(5, 3, name="e")(kl.ReLU()(x)), (4,)),
            r"'e' \(Embedding\) looks up what spikes carry",
        ),
        (lambda: joining(lambda x, y: ops.softmax(x, axis=0)), r"\(Softmax\) runs over the samples"),
        (lambda: joining(lambda x, y: ops.max(x)), r"\(Max\) runs over the samples"),
        (lambda: joining(lambda x, y: x**y), r"\(Power\) takes a power that is a signal"),
        (lambda: joining(lambda x, y: ops.maximum(x, np.ones(4))), r"\(Maximum\) takes the maximum with a constant of"),
        (lambda: joining(lambda x, y: ops.einsum("bij,cik->bck", x, y)), r"\(Einsum\) has the equation 'bij,cik->bck'"),
        (lambda: joining(lambda x, y: ops.swapaxes(x, 0, 1)), r"\(Swapaxes\) moves the axis of the samples"),
    ],
)
def test_what_cannot_be_a_function_of_means_is_refused_with_advice(build, message):
    with pytest.raises(ConversionError, match=message):
        snnconv.convert(build(), verbose=False)
