"""Products of spikes in float16, as GPUs compute them, on TensorFlow's CPU."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from snnconv.graph import AveragePool, Conv, Dense, Input, Population, Reshape, SpikingGraph
from snnconv.neurons import IF, LIF
from snnconv.runtime import tensorflow_ops
from snnconv.runtime.compiled.halves import in_halves
from snnconv.runtime.compiled.model import Model

pytestmark = pytest.mark.compiled
# float32 rounds each of n sums to 2^-24 of numbers near 4; TensorFloat-32 rounds each of n weights near 1 to 2^-11
TOLERANCE = {"float32": 2.0**-22, "tensorfloat32": 2.0**-10}


@cache
def product(name: str, precision: str, is_sure: bool, *options):
    function = getattr(in_halves(precision, is_sure), name)
    return tf.function(lambda x, kernel: function(x, kernel, *options), jit_compile=True, autograph=False)


@pytest.mark.parametrize("is_sure", [True, False])
@pytest.mark.parametrize("precision", TOLERANCE)
def test_products_of_spikes(precision, is_sure):
    rng = np.random.default_rng(0)
    spikes, kernel = rng.integers(-2, 3, (7, 5, 64)).astype("float32"), rng.normal(size=(64, 9)).astype("float32")
    kernel *= np.float32(10.0) ** np.arange(-4, 5)  # a channel of 1e-4, and one of 1e4: each has a scale of its own
    found = product("matmul", precision, is_sure)(spikes, kernel)
    exact = spikes.astype("float64") @ kernel.astype("float64")
    np.testing.assert_allclose(found / kernel.std(0), exact / kernel.std(0), atol=64 * TOLERANCE[precision])


@pytest.mark.parametrize("is_sure", [True, False])
@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (1, 2)])
@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_convolutions_of_spikes(n_dimensions, stride, dilation, is_sure):
    rng = np.random.default_rng(0)
    options = ((stride,) * n_dimensions, ((1, 0),) * n_dimensions, (dilation,) * n_dimensions, 1)
    spikes = rng.integers(0, 2, (3, *[9] * n_dimensions, 4)).astype("float32")
    kernel = rng.normal(size=(*[3] * n_dimensions, 4, 6)).astype("float32")
    found = product("conv", "tensorfloat32", is_sure, *options)(spikes, kernel)
    expected = tensorflow_ops.conv(tf.constant(spikes), tf.constant(kernel), *options)
    assert np.abs(found - expected).max() > 0  # rounded weights
    np.testing.assert_allclose(found, expected, atol=4 * 3**n_dimensions * TOLERANCE["tensorfloat32"])


def test_convolutions_in_float32_are_plain_ones():
    assert in_halves("float32", True).conv is tensorflow_ops.conv


def test_values_that_float16_lacks_are_multiplied_as_they_are():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(64, 9)).astype("float32")
    for values in (rng.normal(size=(5, 64)), rng.integers(0, 2, (5, 64)) * 1e-6, rng.integers(0, 2, (5, 64)) * 1e6):
        x = values.astype("float32")
        found, expected = product("matmul", "float32", False)(x, kernel), x @ kernel
        np.testing.assert_allclose(found, expected, atol=64 * 2.0**-22 * np.abs(x).max())


def test_a_channel_of_zeros_stays_one():
    kernel = np.array([[1, 0]] * 4, "float32")
    assert product("matmul", "float32", True)(np.ones((1, 4), "float32"), kernel).numpy().tolist() == [[4, 0]]


def test_layers_that_are_multiplied_so():
    """Those fed by spikes, without asking; by an input or a pool of spikes, if asked; no other, and no constant one."""
    kernel, zero, one = np.zeros((3, 3, 2, 2)), np.zeros(()), np.ones(())

    def population(name, source, neuron):
        return Population(name=name, inputs=(source,), shape=(4, 4, 2), neuron=neuron, neuron_bias=zero, gain=one)

    def conv(name, source, groups=1):
        weights, ones = kernel[:, :, : 2 // groups], (1, 1)
        options = {"strides": ones, "padding": (ones, ones), "dilation": ones, "groups": groups}
        return Conv(name=name, inputs=(source,), shape=(4, 4, 2), kernel=weights, **options)

    nodes = [
        Input(name="x", shape=(4, 4, 2)),
        conv("of_input", "x"),
        population("lif", "of_input", LIF()),
        conv("of_spikes", "lif"),
        conv("of_currents", "of_spikes"),
        conv("by_channel", "lif", groups=2),
        population("if", "of_currents", IF()),
        conv("of_counts", "if"),
        AveragePool(
            name="pool", inputs=("lif",), shape=(2, 2, 2), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))
        ),
        Reshape(name="flat", inputs=("pool",), shape=(8,)),
        Dense(name="of_pool", inputs=("flat",), shape=(3,), kernel=np.zeros((8, 3))),
    ]
    graph = SpikingGraph(nodes, {name: name for name in ("of_counts", "of_pool", "by_channel")})
    plain, asked, sure = tensorflow_ops, in_halves("float32", False), in_halves("float32", True)
    expected = {
        "of_input": asked,
        "of_spikes": sure,
        "of_currents": plain,
        "by_channel": plain,
        "of_counts": asked,
        "of_pool": asked,
    }
    model = Model(graph, 0.001, "float32", True, "float32", True, "gpu")
    assert {name: model.products(model[name], True) for name in expected} == expected
    assert model.products(model["of_input"], False) is plain
    for other in (Model(graph, 0.001, "float64", True, "float32", True, "gpu"), Model(graph, 0.001, "float32", True)):
        assert all(other.products(other[name], True) is plain for name in expected)
