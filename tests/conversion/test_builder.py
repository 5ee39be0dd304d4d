"""Functions at the output stay with the reader, also where a reshape stands behind them."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from snnconv.verification import verify

import snnconv
from snnconv.errors import ConversionError

from ..helpers.linear_layers import kinds
from ..helpers.networks import randomise

X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


@pytest.mark.parametrize(
    ("tail", "last"),
    [
        (lambda: [kl.Dense(10, activation="softmax"), kl.Reshape((5, 2)), kl.Flatten()], "Reshape Reshape Readout"),
        (lambda: [kl.Reshape((4, 2)), kl.Dense(3, activation="softmax"), kl.Flatten()], "Dense Reshape Readout"),
        (lambda: [kl.Dense(6, activation="sigmoid"), kl.Reshape((2, 3))], "Dense Reshape Readout"),
    ],
)  # fmt: skip
def test_a_reshape_goes_before_the_function_of_an_output(tail, last, tmp_path):
    model = randomise(keras.Sequential([keras.Input((6,)), kl.Dense(8, activation="relu"), *tail()]))
    graph = snnconv.convert(model)
    assert " ".join(kinds(graph)).endswith(last)
    np.testing.assert_allclose(graph.rate_output(X), np.asarray(model(X)), rtol=1e-4, atol=1e-6)
    assert verify(model, X, 20).passed
    graph.save(tmp_path / "graph.snn.h5")
    loaded = snnconv.load(tmp_path / "graph.snn.h5")
    np.testing.assert_array_equal(loaded.rate_output(X), graph.rate_output(X))
    run = snnconv.Simulator(graph, dtype="float64")
    # the mean over time, then the function in the shape that it has in Keras
    np.testing.assert_allclose(run.predict(X, 4000), np.asarray(model(X)), atol=0.02)


def test_a_function_that_feeds_a_layer_stays_where_it_is():
    layers = [kl.Dense(6, activation="sigmoid", name="gate"), kl.Reshape((2, 3)), kl.Dense(2)]
    graph = snnconv.convert(randomise(keras.Sequential([keras.Input((6,)), *layers])))
    assert list(graph.populations) == ["gate"]


def test_an_output_that_others_reshape_keeps_its_function():
    inputs = keras.Input((6,))
    end = kl.Dense(4, activation="sigmoid", name="end")(inputs)
    graph = snnconv.convert(randomise(keras.Model(inputs, [end, kl.Reshape((2, 2))(end)])))
    assert graph["end"].kind == "Population"  # as it feeds a layer
    softmax = kl.Dense(4, activation="softmax", name="soft")(inputs)
    inside = snnconv.convert(randomise(keras.Model(inputs, kl.Dense(2)(softmax))))
    assert inside.populations["soft"].neuron.kind == "Follower"


@pytest.mark.parametrize("other", ["a.linear", "a"])
def test_names_of_parts_that_meet_are_refused_with_the_way_out(other):
    x = keras.Input((4,))
    first = kl.Dense(4, activation="relu", name="a.linear" if other == "a" else "a")(x)
    model = keras.Model(x, kl.Dense(2, activation="relu", name=other)(first))
    with pytest.raises(ConversionError, match=r"'a.linear', and so has another layer.* Rename one of the two layers.$"):
        snnconv.convert(model, verbose=False)
