"""Convolutions and pooling of any window, stride, padding and dilation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st
from keras import layers as kl

from ..helpers.examples import at_most
from ..helpers.linear_layers import check

pytestmark = pytest.mark.usefixtures("float64")


@st.composite
def windows(draw):
    """Shape of an input, and window, strides or dilation of a layer on it."""
    rank = draw(st.integers(1, 2))
    pick = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    strides, dilation = draw(st.sampled_from([(pick(1, 3), 1), (1, pick(1, 3))]))
    return (*pick(7, 9), 4), pick(1, 3), strides, dilation, draw(st.sampled_from(["valid", "same"]))


def of_rank(name, shape):
    return getattr(kl, name.format(len(shape) - 1))


@at_most(15)
@given(windows(), st.sampled_from([1, 2, 4]), st.booleans())
def test_any_convolution(case, groups, use_bias):
    shape, window, strides, dilation, padding = case
    layer = of_rank("Conv{}D", shape)(
        8, window, strides, padding, dilation_rate=dilation, groups=groups, use_bias=use_bias
    )
    check(keras.Sequential([keras.Input(shape), layer]))


@at_most(15)
@given(windows(), st.data())
def test_any_transposed_convolution(case, data):
    shape, window, strides, _, padding = case  # TensorFlow does not dilate these on a CPU
    both = strides if isinstance(strides, tuple) else (strides,) * len(window)
    more = data.draw(st.one_of(st.none(), st.tuples(*(st.integers(0, s - 1) for s in both))))
    layer = of_rank("Conv{}DTranspose", shape)(3, window, strides, padding, output_padding=more)
    model = keras.Sequential([keras.Input(shape), layer])
    try:
        model(np.zeros((1, *shape)))
    except tf.errors.InvalidArgumentError:
        assume(False)  # an output_padding that TensorFlow does not take
    check(model)


@at_most(15)
@given(windows(), st.integers(1, 3), st.booleans())
def test_any_convolution_by_channel(case, multiplier, separable):
    shape, window, strides, dilation, padding = case
    # TensorFlow has no kernel for strides that differ
    strides = strides if isinstance(strides, int) else strides[0]
    options = {"strides": strides, "padding": padding, "dilation_rate": dilation, "depth_multiplier": multiplier}
    if separable:
        layer = of_rank("SeparableConv{}D", shape)(5, window, **options)
    else:
        layer = of_rank("DepthwiseConv{}D", shape)(window if len(window) > 1 else window[0], **options)
    check(keras.Sequential([keras.Input(shape), layer]))


@at_most(15)
@given(windows())
def test_any_average_pooling(case):
    shape, window, strides, _, padding = case
    layer = of_rank("AveragePooling{}D", shape)(window, strides, padding)
    check(keras.Sequential([keras.Input(shape), layer]))
