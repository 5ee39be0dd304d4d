"""The network operations of both array namespaces against Keras and against their definition."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from snnconv.neurons import numpy_ops
from snnconv.runtime import tensorflow_ops

from ..helpers.examples import at_most

# space, window, strides, padding, dilation, groups
CONVOLUTIONS = [
    ((9,), (3,), (1,), ((0, 0),), (1,), 1),
    ((10,), (4,), (2,), ((1, 2),), (1,), 1),
    ((12,), (3,), (1,), ((2, 2),), (2,), 2),
    ((11,), (3,), (2,), ((0, 1),), (2,), 1),
    ((7, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    ((7, 8), (3, 2), (2, 1), ((0, 1), (0, 0)), (1, 1), 1),
    ((8, 8), (3, 3), (2, 2), ((0, 1), (0, 1)), (1, 1), 2),
    ((9, 9), (3, 3), (1, 1), ((2, 2), (3, 3)), (2, 3), 1),
    ((9, 8), (2, 3), (2, 3), ((1, 0), (4, 2)), (2, 1), 4),
    ((5, 6), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 4),
    ((4, 5, 6), (2, 3, 2), (1, 1, 1), ((0, 0), (1, 1), (0, 1)), (1, 1, 1), 1),
    ((5, 6, 5), (3, 2, 3), (2, 1, 2), ((1, 1), (0, 1), (0, 0)), (1, 1, 1), 2),
    ((7, 6, 7), (2, 2, 2), (1, 1, 1), ((0, 0), (0, 0), (1, 1)), (2, 1, 3), 1),
]
# The same without their padding; Keras refuses strides together with dilation.
KERAS_CONVOLUTIONS = [(*c[:3], *c[4:]) for c in CONVOLUTIONS if max(c[2]) == 1 or max(c[4]) == 1]
# space, size, strides, padding
POOLS = [
    ((9,), (2,), (2,), ((0, 0),)),
    ((9,), (3,), (2,), ((1, 1),)),
    ((7, 8), (2, 2), (2, 2), ((0, 1), (0, 0))),
    ((7, 8), (3, 2), (1, 2), ((1, 1), (0, 0))),
    ((6, 7), (3, 3), (2, 2), ((2, 1), (0, 2))),
    ((4, 5, 6), (2, 2, 3), (2, 1, 3), ((0, 0), (0, 1), (0, 0))),
]
# space, window, strides, padding, dilation
TRANSPOSED = [
    ((5,), (3,), (2,), ((0, 0),), (1,)),
    ((5,), (2,), (3,), ((1, -2),), (1,)),
    ((5,), (3,), (1,), ((1, 2),), (2,)),
    ((4, 3), (3, 2), (2, 1), ((0, 1), (1, 0)), (1, 1)),
    ((4, 3), (2, 3), (2, 3), ((-1, 0), (2, -1)), (1, 3)),
    ((3, 2, 3), (2, 3, 2), (1, 2, 2), ((0, 0), (1, 1), (0, -1)), (1, 1, 1)),
    ((3, 2, 3), (2, 1, 2), (1, 2, 1), ((0, 0), (0, 0), (1, 0)), (2, 1, 2)),
]
NAMESPACES = pytest.mark.parametrize("xp", [numpy_ops, tensorflow_ops], ids=["numpy_ops", "tensorflow_ops"])


def arrays(space, window, groups, dtype="float64"):
    rng = np.random.default_rng(5)
    return (
        rng.normal(size=(3, *space, 4)).astype(dtype),
        rng.normal(size=(*window, 4 // groups, 8)).astype(dtype),
    )


def same_padding(space, window, strides, dilation):
    """What Keras means by "same": as much as is needed, the odd one behind."""
    pairs = []
    for n, w, s, d in zip(space, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


@NAMESPACES
@pytest.mark.parametrize(("space", "window", "strides", "padding", "dilation", "groups"), CONVOLUTIONS)
def test_conv_equals_its_definition(xp, space, window, strides, padding, dilation, groups):
    x, kernel = arrays(space, window, groups)
    y = np.asarray(xp.conv(x, kernel, strides, padding, dilation, groups))

    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    sizes = [
        (n - (w - 1) * d - 1) // s + 1 for n, w, d, s in zip(x.shape[1:-1], window, dilation, strides, strict=True)
    ]
    assert y.shape == (3, *sizes, 8)
    expected = np.zeros(y.shape)
    for place in itertools.product(*map(range, sizes)):
        seen = x[
            (
                slice(None),
                *(
                    slice(p * s, p * s + (w - 1) * d + 1, d)
                    for p, s, w, d in zip(place, strides, window, dilation, strict=True)
                ),
            )
        ]
        for group in range(groups):
            inputs, filters = (
                slice(group * 4 // groups, (group + 1) * 4 // groups),
                slice(group * 8 // groups, (group + 1) * 8 // groups),
            )
            expected[(slice(None), *place, filters)] = np.tensordot(
                seen[..., inputs], kernel[..., filters], len(space) + 1
            )
    # sums of at most 72 products of order 1 in another order
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


@pytest.mark.sampled(3)
@NAMESPACES
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("space", "window", "strides", "dilation", "groups"), KERAS_CONVOLUTIONS)
def test_conv_equals_the_keras_layer(xp, space, window, strides, dilation, groups, padding):
    x, kernel = arrays(space, window, groups)
    layer_type = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[len(space)]
    layer = layer_type(
        8, window, strides, padding, dilation_rate=dilation, groups=groups, use_bias=False, dtype="float64"
    )
    layer.build(x.shape)
    layer.set_weights([kernel])
    pairs = same_padding(space, window, strides, dilation) if padding == "same" else ((0, 0),) * len(space)
    y = xp.conv(x, kernel, strides, pairs, dilation, groups)
    # sums of at most 72 products of order 1 in another order
    np.testing.assert_allclose(y, layer(x).numpy(), rtol=0, atol=1e-13)


@NAMESPACES
@pytest.mark.parametrize(("space", "window", "strides", "padding", "dilation"), TRANSPOSED)
def test_transposed_conv_equals_its_definition(xp, space, window, strides, padding, dilation):
    x, kernel = arrays(space, window, 1)
    y = np.asarray(xp.conv_transpose(x, kernel, strides, padding, dilation))

    sizes = [
        (n - 1) * s + (w - 1) * d + 1 - sum(p)
        for n, s, w, d, p in zip(space, strides, window, dilation, padding, strict=True)
    ]
    expected = np.zeros((3, *sizes, 8))
    for place in itertools.product(*map(range, space)):
        for offset in itertools.product(*map(range, window)):
            steps = zip(place, strides, offset, dilation, padding, strict=True)
            target = [i * s + k * d - before for i, s, k, d, (before, _) in steps]
            if all(0 <= t < size for t, size in zip(target, sizes, strict=True)):
                expected[(slice(None), *target)] += x[(slice(None), *place)] @ kernel[offset]
    # sums of at most 48 products of order 1 in another order
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


@NAMESPACES
def test_transposed_conv_is_the_adjoint_of_conv(xp):
    """<conv(x), y> = <x, conv_transpose(y)> with the same kernel, its channels and filters swapped."""
    rng = np.random.default_rng(8)
    kernel, geometry = rng.normal(size=(3, 2, 4, 5)), ((2, 1), ((1, 1), (0, 1)), (1, 1))
    x = rng.normal(size=(1, 7, 6, 4))
    forward = np.asarray(xp.conv(x, kernel, *geometry, 1))
    y = rng.normal(size=forward.shape)
    back = np.asarray(xp.conv_transpose(y, np.swapaxes(kernel, -1, -2), *geometry))
    np.testing.assert_allclose(np.sum(forward * y), np.sum(x * back), rtol=1e-12)


@NAMESPACES
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_conv_by_channel_equals_a_convolution_of_each(xp, strides, multiplier):
    rng = np.random.default_rng(9)
    x, kernel = rng.normal(size=(2, 7, 8, 3)), rng.normal(size=(3, 2, 1, 3 * multiplier))
    y = np.asarray(xp.conv(x, kernel, strides, ((1, 1), (0, 1)), (1, 1), 3))
    for channel in range(3):
        filters = slice(channel * multiplier, (channel + 1) * multiplier)
        alone = xp.conv(x[..., channel : channel + 1], kernel[..., filters], strides, ((1, 1), (0, 1)), (1, 1), 1)
        np.testing.assert_allclose(y[..., filters], alone, rtol=0, atol=1e-14)  # six products in another order


@NAMESPACES
def test_upsampling_repeats_or_interpolates(xp):
    x = np.random.default_rng(10).normal(size=(2, 3, 4, 2))
    np.testing.assert_array_equal(xp.upsample(x, (2, 1, 3), "nearest"), x.repeat(2, 1).repeat(3, 3))
    expected = tf.image.resize(x, (6, 12)).numpy()
    # TensorFlow interpolates in float32
    np.testing.assert_allclose(xp.upsample(x, (2, 3, 1), "linear"), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(
        np.asarray(xp.upsample(np.array([[0.0, 4.0]]), (4,), "linear")), [[0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]]
    )


@NAMESPACES
def test_padding_and_axes(xp):
    x = np.random.default_rng(11).normal(size=(2, 3, 4))
    np.testing.assert_array_equal(xp.pad(x, ((0, 0), (1, 0), (0, 2))), np.pad(x, ((0, 0), (1, 0), (0, 2))))
    np.testing.assert_array_equal(xp.transpose(x, (0, 2, 1)), x.swapaxes(1, 2))


@NAMESPACES
@pytest.mark.parametrize(("space", "size", "strides", "padding"), POOLS)
def test_average_pool_is_the_mean_of_what_is_inside(xp, space, size, strides, padding):
    x, _ = arrays(space, size, 1)
    y = np.asarray(xp.average_pool(x, size, strides, padding))

    axes = tuple(range(1, 1 + len(space)))
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axes)
    windows = windows[(slice(None), *(slice(None, None, s) for s in strides))]
    # a mean of at most 18 numbers of order 1, summed in another order
    np.testing.assert_allclose(y, np.nanmean(windows, tuple(range(-len(size), 0))), rtol=0, atol=1e-14)


@NAMESPACES
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("space", "size", "strides"), [pool[:3] for pool in POOLS])
def test_average_pool_equals_keras(xp, space, size, strides, padding):
    x, _ = arrays(space, size, 1)
    pairs = same_padding(space, size, strides, (1,) * len(size)) if padding == "same" else ((0, 0),) * len(size)
    # In float32, since Keras has no three-dimensional pooling in float64 on a CPU: sums of up to 18 roundings of 6e-8
    x = x.astype("float32")
    expected = keras.ops.average_pool(x, size, strides, padding)
    np.testing.assert_allclose(xp.average_pool(x, size, strides, pairs), expected, rtol=0, atol=1e-6)


@at_most(15)
@given(data=st.data())
def test_namespaces_agree_on_any_convolution(data):
    rank = data.draw(st.integers(1, 2))

    def draw(strategy):
        return tuple(data.draw(st.lists(strategy, min_size=rank, max_size=rank)))

    space, window = draw(st.integers(6, 9)), draw(st.integers(1, 3))
    strides, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    groups = data.draw(st.sampled_from([1, 2, 4]))
    x, kernel = arrays(space, window, groups)
    expected = numpy_ops.conv(x, kernel, strides, padding, dilation, groups)
    same = tensorflow_ops.conv(x, kernel, strides, padding, dilation, groups)
    np.testing.assert_allclose(same, expected, rtol=0, atol=1e-13)  # the same sums in another order


@NAMESPACES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(xp, dtype):
    x, kernel = arrays((6, 6), (3, 3), 2, dtype)
    assert xp.conv(x, kernel, (1, 1), ((1, 1), (0, 0)), (1, 1), 2).dtype == dtype
    assert xp.conv_transpose(x[..., :2], kernel, (2, 2), ((1, 1), (0, -1)), (1, 2)).dtype == dtype
    assert xp.upsample(x, (2, 1, 1), "linear").dtype == xp.upsample(x, (2, 1, 1), "nearest").dtype == dtype
    assert xp.average_pool(x, (2, 2), (2, 2), ((0, 1), (0, 0))).dtype == dtype
    assert xp.softmax(x).dtype == xp.sigmoid(x).dtype == dtype


def test_both_namespaces_offer_the_same_names():
    assert sorted(tensorflow_ops.__all__) == sorted(numpy_ops.__all__)
    assert all(callable(getattr(xp, name)) for xp in (numpy_ops, tensorflow_ops) for name in xp.__all__)


@pytest.mark.parametrize("name", ["exp", "log1p", "sigmoid", "softmax", "tanh", "floor"])
def test_functions_of_one_array_agree(name):
    x = np.random.default_rng(6).uniform(-0.9, 30, (5, 40))
    ours, theirs = (getattr(xp, name)(x) for xp in (numpy_ops, tensorflow_ops))
    # two libraries' functions differ in the last digits
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)


@NAMESPACES
def test_sigmoid_and_softmax_do_not_overflow(xp):
    x = np.array([-1e4, 0.0, 1e4])
    np.testing.assert_array_equal(xp.sigmoid(x), [0, 0.5, 1])
    np.testing.assert_array_equal(xp.softmax(x), [0, 0, 1])
    np.testing.assert_array_equal(xp.softmax(tf.constant([[1e4, 1e4]], "float64").numpy()), [[0.5, 0.5]])


@NAMESPACES
def test_matmul_and_concatenate_take_any_rank(xp):
    rng = np.random.default_rng(7)
    x, kernel = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(5, 6))
    # sums of five products in another order
    np.testing.assert_allclose(xp.matmul(xp.reshape(x, (-1, 3, 4, 5)), kernel), x @ kernel, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(xp.concatenate([x, x[..., :2]], -1), np.concatenate([x, x[..., :2]], -1))
