"""Kernels and biases as pictures."""

import numpy as np
import pytest

from snnconv.analysis import plot
from snnconv.errors import InputError, SnnconvError
from snnconv.graph import Conv, Dense, Input, SpikingGraph

from ..helpers.pictures import population


def test_kernels_draw_the_folded_kernel(graph):
    ax = plot.kernels(graph, "hidden")
    np.testing.assert_array_equal(ax.images[0].get_array(), graph.populations["hidden"].kernel.T)
    np.testing.assert_array_equal(
        plot.kernels(graph, "classes").images[0].get_array(), graph.readouts["classes"].kernel.T
    )
    nodes = (Input(name="in", shape=(2,)), population("p", "in", (2,)))
    with pytest.raises(SnnconvError, match="'p' has no kernel of its own"):
        plot.kernels(SpikingGraph(nodes, {"y": "p"}), "p")
    with pytest.raises(InputError, match="'lif3' is no population or output of 'cnn'. There are: lif1, lif2"):
        plot.kernels(graph, "lif3")


def convolution(*shape):
    """A graph of one convolution with a kernel of this shape."""
    kernel = np.random.default_rng(0).normal(size=shape)
    rank = len(shape) - 2
    units = (*(1,) * rank, shape[-1])
    conv = Conv(
        name="conv",
        inputs=("in",),
        shape=units,
        kernel=kernel,
        strides=(1,) * rank,
        padding=((0, 0),) * rank,
        dilation=(1,) * rank,
    )
    nodes = (Input(name="in", shape=(*shape[:rank], shape[-2])), conv, population("p", "conv", units))
    return SpikingGraph(nodes, {"y": "p"}), kernel


def tile(picture, row, column, height, width):
    """The numbers of a tile, one of each square of pixels."""
    scale = -(-8 // max(height, width))
    top, left = row * (height * scale + 1), column * (width * scale + 1)
    return np.asarray(picture)[top : top + scale * height : scale, left : left + scale * width : scale]


def test_kernels_draw_convolutions_as_tiles():
    graph, kernel = convolution(3, 5, 2, 4)
    picture = plot.kernels(graph, "p").images[0].get_array()
    for channel in range(2):
        for number in range(4):
            np.testing.assert_array_equal(tile(picture, channel, number, 3, 5), kernel[:, :, channel, number])
    graph, kernel = convolution(3, 3, 1, 10)
    ax = plot.kernels(graph, "p")
    np.testing.assert_array_equal(tile(ax.images[0].get_array(), 2, 1, 3, 3), kernel[:, :, 0, 9])
    assert ax.get_xlabel() == "filters, row by row"
    graph, kernel = convolution(4, 2, 3)
    picture = plot.kernels(graph, "p").images[0].get_array()
    np.testing.assert_array_equal(tile(picture, 1, 2, 1, 4)[0], kernel[:, 1, 2])
    graph, kernel = convolution(2, 3, 4, 1, 1)
    picture = plot.kernels(graph, "p").images[0].get_array()
    np.testing.assert_array_equal(tile(picture, 0, 0, 3, 8), np.concatenate(kernel[..., 0, 0], 1))


def test_large_kernels_are_drawn_in_part():
    graph, _ = convolution(1, 1, 100, 30)
    ax = plot.kernels(graph, "p")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("filter (24 of 30 shown)", "input channel (24 of 100 shown)")
    shape = (2000, 3)
    nodes = (
        Input(name="in", shape=(2000,)),
        Dense(name="d", inputs=("in",), shape=(3,), kernel=np.zeros(shape)),
        population("p", "d", (3,)),
    )
    ax = plot.kernels(SpikingGraph(nodes, {"y": "p"}), "p")
    assert ax.images[0].get_array().shape == (3, 512)
    assert ax.get_xlabel() == "input (512 of 2,000 shown)"


def test_biases_and_their_sum(graph):
    view = graph.populations["lif1"]
    dense, neurons, total = plot.biases(graph, "lif1").lines[1:]
    np.testing.assert_allclose(dense.get_ydata(), view.dense_bias)
    np.testing.assert_allclose(neurons.get_ydata(), np.broadcast_to(view.neuron_bias, 8))
    np.testing.assert_allclose(total.get_ydata(), view.dense_bias + view.neuron_bias.reshape(-1))
    only = plot.biases(graph, "classes")
    assert [line.get_label() for line in only.lines[1:]] == ["dense_bias'"]
    assert only.get_ylabel() == "output"
