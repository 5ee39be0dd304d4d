"""Average pooling in the place of max pooling, and max pooling that is refused."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ConversionWarning
from snnconv.graph import AveragePool, Conv, Input, Population, SpikingGraph
from snnconv.graph.nodes import Difference, MaxPool, RunningSum
from snnconv.graph.passes import max_to_average_pool
from snnconv.neurons import IF

from ..helpers.linear_layers import kinds
from ..helpers.networks import pooled_cnn


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).random((4, 10, 10, 2))


def test_average_pooling_in_its_place(images):
    model = pooled_cnn()
    with pytest.warns(
        ConversionWarning, match=r"with average instead of max pooling, output 'end' differs from Keras' by \d"
    ):
        graph = snnconv.convert(model, max_to_avg_pool=True)
    assert not {"MaxPool", "RunningSum", "Difference"} & set(kinds(graph))
    assert kinds(graph).count("AveragePool") == 2
    # what Keras gives with average pooling
    layers = [
        kl.AveragePooling2D(layer.pool_size, layer.strides, layer.padding, name=layer.name)
        if isinstance(layer, kl.MaxPooling2D)
        else layer
        for layer in model.layers
    ]
    averaging = keras.Sequential([keras.Input((10, 10, 2)), *layers])
    np.testing.assert_allclose(graph.rate_output(images), np.asarray(averaging(images)), rtol=0, atol=1e-5)


def test_average_pooling_takes_the_name_of_what_it_replaces():
    nodes = (
        Input(name="in", shape=(4, 1)),
        MaxPool(name="first", inputs=("in",), shape=(3, 1), size=(2,), strides=(1,), padding=((0, 0),)),
        Population(name="if", inputs=("first",), shape=(3, 1), neuron=IF(), neuron_bias=np.zeros(()), gain=np.ones(())),
        RunningSum(name="pool.sum", inputs=("if",), shape=(3, 1)),
        MaxPool(name="pool.max", inputs=("pool.sum",), shape=(2, 1), size=(2,), strides=(2,), padding=((0, 1),)),
        Difference(name="pool", inputs=("pool.max",), shape=(2, 1)),
    )
    graph = max_to_average_pool(SpikingGraph(nodes, {"y": "pool"}))
    assert [(node.name, node.inputs, node.kind) for node in graph.nodes] == [
        ("in", (), "Input"),
        ("first", ("in",), "AveragePool"),
        ("if", ("first",), "Population"),
        ("pool", ("if",), "AveragePool"),
    ]
    pool = graph["pool"]
    assert isinstance(pool, AveragePool)
    assert (pool.size, pool.strides, pool.padding) == ((2,), (2,), ((0, 1),))


def test_a_model_without_max_pooling_stays_as_it_is():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 2)), kl.Conv2D(3, 2, activation="relu", name="conv"), kl.Flatten()])
    plain, same = snnconv.convert(model), snnconv.convert(model, max_to_avg_pool=True)
    assert kinds(plain) == kinds(same)
    assert isinstance(same["conv.linear"], Conv)


def test_windows_of_different_sizes_are_refused():
    layer = getattr(kl, "AdaptiveMaxPooling2D", None)
    if layer is None:
        pytest.skip("Keras before 3.13")
    model = keras.Sequential([keras.Input((7, 4, 2)), layer((3, 2), name="pool")])
    with pytest.raises(
        ConversionError, match=r"'pool' \(AdaptiveMaxPooling2D\) turns .* by windows of different sizes"
    ):
        snnconv.convert(model)
