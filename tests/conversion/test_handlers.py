"""Every linear layer of Keras, with its arguments: the rates are Keras', and the spikes go there as 1/T."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers as kl
from keras import ops

import snnconv
from snnconv.conversion.trace.registry import is_handled, is_refused
from snnconv.errors import ConversionError
from snnconv.graph import Affine
from snnconv.runtime import reference

from ..helpers.networks import randomise

# shape of the input, layer: at least one per type that is linear
LAYERS = [
    ((7,), lambda: kl.Dense(4)),
    ((3, 7), lambda: kl.Dense(4, use_bias=False)),
    ((2, 3, 4, 5), lambda: kl.Dense(3)),
    ((9, 2), lambda: kl.Conv1D(3, 4, strides=2)),
    ((9, 2), lambda: kl.Conv1D(3, 2, padding="causal", dilation_rate=3)),
    ((6, 5, 4), lambda: kl.Conv2D(6, (3, 2), strides=(2, 1), padding="same", groups=2)),
    ((7, 6, 2), lambda: kl.Conv2D(3, 2, dilation_rate=(2, 3))),
    ((4, 3, 4, 2), lambda: kl.Conv3D(2, 2, strides=(1, 2, 1), padding="same")),
    ((5, 2), lambda: kl.Conv1DTranspose(3, 3, strides=2)),
    ((5, 2), lambda: kl.Conv1DTranspose(3, 2, strides=3, padding="same")),
    ((4, 3, 2), lambda: kl.Conv2DTranspose(3, 3, strides=2, padding="same")),
    ((4, 3, 2), lambda: kl.Conv2DTranspose(3, (2, 3), strides=(2, 3), padding="same", output_padding=(1, 2))),
    ((4, 3, 2), lambda: kl.Conv2DTranspose(3, 3, use_bias=False)),
    ((2, 3, 2, 2), lambda: kl.Conv3DTranspose(2, (2, 3, 2), strides=(1, 2, 2))),
    ((9, 2), lambda: kl.DepthwiseConv1D(3, strides=2, depth_multiplier=2)),
    ((6, 5, 3), lambda: kl.DepthwiseConv2D(3, padding="same", depth_multiplier=2)),
    ((6, 5, 3), lambda: kl.DepthwiseConv2D((2, 3), dilation_rate=2, use_bias=False)),
    ((9, 2), lambda: kl.SeparableConv1D(3, 3, depth_multiplier=2, padding="same")),
    ((6, 5, 3), lambda: kl.SeparableConv2D(4, 3, strides=2, padding="same")),
    ((3, 5), lambda: kl.EinsumDense("abc,cd->abd", output_shape=(3, 4), bias_axes="d")),
    ((3, 5), lambda: kl.EinsumDense("...x,xy->...y", output_shape=4)),
    ((3, 5), lambda: kl.EinsumDense("abc,bcde->ade", output_shape=(2, 4), bias_axes="de")),
    ((3, 4, 5), lambda: kl.EinsumDense("abcd,ecb->aed", output_shape=(6, 5), bias_axes="e")),
    ((4, 3, 2), lambda: kl.BatchNormalization()),
    ((4, 3, 2), lambda: kl.BatchNormalization(axis=1, scale=False)),
    ((4, 3, 2), lambda: kl.BatchNormalization(axis=-2, center=False)),
    ((4, 3), lambda: kl.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5])),
    ((4, 3), lambda: kl.Normalization(axis=None, mean=0.1, variance=2.0, invert=True)),
    ((4, 3), lambda: kl.Rescaling([1.0, 2.0, 0.5], offset=-0.5)),
    ((9, 2), lambda: kl.AveragePooling1D(3, strides=2, padding="same")),
    ((6, 5, 2), lambda: kl.AveragePooling2D((2, 3), strides=1)),
    ((6, 5, 2), lambda: kl.AveragePooling2D(2, padding="same")),
    ((4, 3, 4, 2), lambda: kl.AveragePooling3D(2, padding="same")),
    ((9, 2), lambda: kl.GlobalAveragePooling1D()),
    ((6, 5, 2), lambda: kl.GlobalAveragePooling2D(keepdims=True)),
    ((4, 3, 4, 2), lambda: kl.GlobalAveragePooling3D()),
    ((6, 5, 2), lambda: kl.Flatten()),
    ((6, 5, 2), lambda: kl.Reshape((4, -1))),
    ((3, 4, 2), lambda: kl.Permute((3, 1, 2))),
    ((5,), lambda: kl.RepeatVector(3)),
    ((5, 2), lambda: kl.ZeroPadding1D((1, 2))),
    ((4, 3, 2), lambda: kl.ZeroPadding2D(((1, 0), (2, 3)))),
    ((2, 3, 2, 2), lambda: kl.ZeroPadding3D(1)),
    ((5, 2), lambda: kl.Cropping1D((1, 2))),
    ((4, 6, 2), lambda: kl.Cropping2D(((1, 0), (2, 3)))),
    ((3, 4, 3, 2), lambda: kl.Cropping3D(1)),
    ((7, 6, 2), lambda: kl.CenterCrop(4, 3)),
    ((5, 2), lambda: kl.UpSampling1D(2)),
    ((4, 3, 2), lambda: kl.UpSampling2D((2, 3))),
    ((4, 3, 2), lambda: kl.UpSampling2D((3, 2), interpolation="bilinear")),
    ((2, 3, 2, 2), lambda: kl.UpSampling3D((2, 1, 2))),
    ((5,), lambda: kl.SpectralNormalization(kl.Dense(4))),
    ((3, 5), lambda: kl.TimeDistributed(kl.Dense(4))),
    ((2, 3, 5), lambda: kl.TimeDistributed(kl.TimeDistributed(kl.Dense(4)))),
    ((3, 9, 2), lambda: kl.TimeDistributed(kl.Conv1D(3, 3, padding="causal"))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.Conv2D(3, 3, strides=2, padding="same"))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.DepthwiseConv2D(3))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.SeparableConv2D(3, 2))),
    ((2, 3, 3, 2), lambda: kl.TimeDistributed(kl.Conv2DTranspose(3, 2, strides=2))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.AveragePooling2D(2))),
    ((2, 6, 5, 2), lambda: kl.TimeDistributed(kl.GlobalAveragePooling2D())),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.BatchNormalization(axis=1))),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.Flatten())),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.Permute((3, 1, 2)))),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.ZeroPadding2D(1))),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.Cropping2D(1))),
    ((2, 4, 3, 2), lambda: kl.TimeDistributed(kl.UpSampling2D(2))),
    ((3, 4), lambda: kl.TimeDistributed(kl.RepeatVector(2))),
]
for dimensions in (1, 2, 3):  # from Keras 3.13 on
    if hasattr(kl, f"AdaptiveAveragePooling{dimensions}D"):
        kind = getattr(kl, f"AdaptiveAveragePooling{dimensions}D")
        LAYERS.append(((*(4, 6, 2)[:dimensions], 3), lambda kind=kind, n=dimensions: kind((2, 3, 1)[:n])))

# Nothing outside training
PASSING = [
    ((5,), lambda: kl.Dropout(0.5)),
    ((5, 2), lambda: kl.SpatialDropout1D(0.5)),
    ((5, 3, 2), lambda: kl.SpatialDropout2D(0.5)),
    ((2, 5, 3, 2), lambda: kl.SpatialDropout3D(0.5)),
    ((5,), lambda: kl.AlphaDropout(0.5)),
    ((5,), lambda: kl.GaussianDropout(0.5)),
    ((5,), lambda: kl.GaussianNoise(0.5)),
    ((5,), lambda: kl.ActivityRegularization(0.1)),
    ((5,), lambda: kl.Identity()),
    ((6, 5, 3), lambda: kl.RandomFlip()),
    ((6, 5, 3), lambda: kl.RandomRotation(0.1)),
    ((6, 5, 3), lambda: kl.RandomZoom(0.1)),
    ((6, 5, 3), lambda: kl.RandomTranslation(0.1, 0.1)),
    ((6, 5, 3), lambda: kl.RandomContrast(0.1)),
    ((6, 5, 3), lambda: kl.RandomBrightness(0.1)),
]

# Handled elsewhere, tested with the activations: not linear
NOT_LINEAR = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "InputLayer"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"),
}
# Tested with several inputs below
MERGING = {"Add", "Subtract", "Average", "Concatenate"}
NO_LAYERS = {
    "Layer": "abstract",
    "Wrapper": "abstract",
    "GRUCell": "one step of a GRU",
    "LSTMCell": "one step of an LSTM",
    "SimpleRNNCell": "one step of a SimpleRNN",
    "StackedRNNCells": "one step of an RNN",
}


def named(cases):
    names = []
    for shape, make in cases:
        layer = make()
        inner = getattr(layer, "layer", None)
        kind = type(layer).__name__ + (f"({type(inner).__name__})" if inner is not None else "")
        names.append(f"{kind}-{'x'.join(map(str, shape))}-{len([n for n in names if n.startswith(kind)])}")
    return pytest.mark.parametrize(("shape", "make"), cases, ids=names)


def use(dtype):
    """Inputs and layers made from now on have this dtype."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


@pytest.fixture(autouse=True)
def float64():
    """Keras in float64, so that a difference of one rounding is 1e-16."""
    use("float64")
    keras.utils.set_random_seed(3)
    yield
    use("float32")


def check(model, close=1e-10):
    """Convert, compare the rate output with Keras', and return the graph."""
    graph = snnconv.convert(randomise(model))
    rng = np.random.default_rng(7)
    xs = [rng.normal(size=(4, *tensor.shape[1:])) for tensor in model.inputs]
    named = {node.name: x for node, x in zip(graph.inputs, xs, strict=True)}
    theirs = keras.tree.flatten(model(named if len(xs) > 1 else xs[0], training=False))
    ours = graph.rate_output(named)
    ours = list(ours.values()) if isinstance(ours, dict) else [ours]
    for our, their in zip(ours, theirs, strict=True):
        their = np.asarray(their)
        assert our.shape == their.shape
        np.testing.assert_allclose(our, their, rtol=0, atol=close * max(1, np.abs(their).max()))
    return graph


def functional(build, *shapes, **options):
    inputs = [keras.Input(shape, name=f"in{number}") for number, shape in enumerate(shapes)]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], build(*inputs), **options)


def kinds(graph):
    return [node.kind for node in graph.nodes]


@named(LAYERS + PASSING)
def test_rates_are_those_of_keras(shape, make):
    # TensorFlow has no pooling in three dimensions for float64 on a CPU, and always interpolates in float32
    single = "Pooling3D" in type(make()).__name__ or getattr(make(), "interpolation", "") == "bilinear"
    if single:
        use("float32")
    check(keras.Sequential([keras.Input(shape), make()]), 1e-5 if single else 1e-10)


@named(LAYERS)
def test_spikes_go_to_the_rates_and_both_runtimes_agree(shape, make):
    """input -> relu -> layer -> Dense -> relu -> Flatten -> Dense, run in spikes.

    A first neuron's count lags behind rate times time by less than one spike. The second neurons' voltages are then
    off by at most D, the largest sum of absolute weights from spikes to voltage, and with their own last spike their
    counts by at most 1 + D: in the output, (1 + D) · amplitude / T times the absolute weights of the last layer.
    """
    use("float32")
    linear = keras.Sequential([keras.Input(shape), make(), kl.Dense(3)])
    inputs = keras.Input(shape)
    x = linear(kl.ReLU(name="first")(inputs))
    end = kl.Dense(2, name="end")
    model = randomise(keras.Model(inputs, end(kl.Flatten()(kl.ReLU(name="second")(x)))))
    graph = snnconv.convert(model)
    assert list(graph.populations) == ["first", "second"]

    basis = np.eye(int(np.prod(shape)), dtype="float32").reshape(-1, *shape)
    weights = np.asarray(linear(basis)) - np.asarray(linear(0 * basis[:1]))
    off = 1 + np.abs(weights).sum(0).max()
    reach = np.abs(end.kernel.numpy()).sum(0).max()
    x = np.random.default_rng(5).uniform(0, 1, (2, *shape))
    rates = graph.rate_output(x)
    amplitude, dt = graph.populations["second"].amplitude, 0.001
    simulator = snnconv.Simulator(graph, dt=dt, dtype="float64")
    for n_steps in (60, 600):
        run = simulator.run(x, n_steps, record="all")
        assert np.abs(run.output.mean(1) - rates).max() <= off * reach * amplitude / (n_steps * dt)
        if n_steps == 60:
            loop = reference.run(graph, x, n_steps, dt, record="all")
            for name, spikes in loop.spikes.items():
                np.testing.assert_array_equal(run.spikes[name], spikes)
            assert loop.spikes["second"].any()


@st.composite
def windows(draw):
    """Shape of an input, and window, strides or dilation of a layer on it."""
    rank = draw(st.integers(1, 2))
    pick = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    strides, dilation = draw(st.sampled_from([(pick(1, 3), 1), (1, pick(1, 3))]))
    return (*pick(7, 9), 4), pick(1, 3), strides, dilation, draw(st.sampled_from(["valid", "same"]))


def of_rank(name, shape):
    return getattr(kl, name.format(len(shape) - 1))


@settings(max_examples=15)
@given(windows(), st.sampled_from([1, 2, 4]), st.booleans())
def test_any_convolution(case, groups, use_bias):
    shape, window, strides, dilation, padding = case
    layer = of_rank("Conv{}D", shape)(
        8, window, strides, padding, dilation_rate=dilation, groups=groups, use_bias=use_bias
    )
    check(keras.Sequential([keras.Input(shape), layer]))


@settings(max_examples=15)
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


@settings(max_examples=15)
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


@settings(max_examples=15)
@given(windows())
def test_any_average_pooling(case):
    shape, window, strides, _, padding = case
    layer = of_rank("AveragePooling{}D", shape)(window, strides, padding)
    check(keras.Sequential([keras.Input(shape), layer]))


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lambda x, y: kl.Add()([x, y]), [(4, 3), (4, 3)]),
        (lambda x, y, z: kl.Add()([x, y, z]), [(4, 3), (1, 3), (4, 1)]),
        (lambda x, y: kl.Add()([x, y]), [(4, 3), (3,)]),
        (lambda x, y: kl.Subtract()([x, y]), [(4, 3), (4, 3)]),
        (lambda x, y: kl.Subtract()([y, x]), [(4, 3), (1, 3)]),
        (lambda x, y: kl.Average()([x, y, x]), [(4, 3), (4, 3)]),
        (lambda x, y: kl.Concatenate()([x, y]), [(4, 3), (4, 2)]),
        (lambda x, y: kl.Concatenate(axis=1)([x, y, x]), [(4, 3), (2, 3)]),
        (lambda x, y: x + y, [(4, 3), (4, 3)]),
        (lambda x, y: x - y, [(4, 3), (4, 1)]),
        (lambda x: x + x, [(4, 3)]),
        (lambda x: x + 2.0, [(4, 3)]),
        (lambda x: ops.add(np.arange(3.0), x), [(4, 3)]),
        (lambda x: x - np.ones((1, 4, 1)), [(4, 3)]),
        (lambda x: 1 - x, [(4, 3)]),
        (lambda x: x * 2.0, [(4, 3)]),
        (lambda x: ops.multiply(np.arange(12.0).reshape(4, 3), x), [(4, 3)]),
        (lambda x: x * np.arange(3.0), [(4, 1)]),
        (lambda x: x / np.array([1.0, 2.0, 4.0]), [(4, 3)]),
        (lambda x: ops.true_divide(x, 2), [(4, 3)]),
        (lambda x: -x, [(4, 3)]),
        (lambda x: ops.relu(x), [(4, 3)]),
        (lambda x: ops.reshape(x, (-1, 2, 6)), [(4, 3)]),
        (lambda x: ops.transpose(x, (0, 2, 1)), [(4, 3)]),
        (lambda x, y: ops.concatenate([x, y], axis=-1), [(4, 3), (4, 2)]),
        (lambda x: ops.mean(x, axis=(1, 2)), [(4, 3, 2)]),
        (lambda x: ops.mean(x, axis=2, keepdims=True), [(4, 3, 2)]),
        (lambda x: ops.mean(x, axis=-1), [(4, 3)]),
        (lambda x: ops.mean(x, axis=(-1, 1), keepdims=True), [(4, 3, 2)]),
        (lambda x: ops.sum(x, axis=1), [(4, 3)]),
        (lambda x: ops.squeeze(x, 1), [(1, 3)]),
        (lambda x: ops.expand_dims(x, -1), [(4, 3)]),
        (lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))), [(4, 3)]),
        (lambda x: x[:, 1], [(4, 3)]),
        (lambda x: x[:, 1:3, -1], [(4, 3)]),
        (lambda x: x[..., :2], [(4, 3)]),
        (lambda x: x[:, -3:-1, ..., 1:], [(4, 3, 2)]),
    ],
)
def test_signals_meet(build, shapes):
    check(functional(build, *shapes))


@pytest.mark.filterwarnings("ignore:.*structure of `inputs` doesn't match")
def test_models_are_called_with_dicts_and_lists():
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    two = keras.Model([b, a], kl.Concatenate(name="both")([kl.Dense(2)(a), kl.Dense(3)(b)]), name="two")
    named = keras.Model({"b": b, "a": a}, {"sum": kl.Add(name="sum")([kl.Dense(2)(a), kl.Dense(2)(b)])}, name="named")
    x, y = keras.Input((3,), name="x"), keras.Input((4,), name="y")
    out = kl.Concatenate()([two({"a": x, "b": y}), two([y, x]), named({"a": x, "b": y})["sum"]])
    check(keras.Model({"x": x, "y": y}, {"out": kl.Dense(2, name="out")(out), "x2": kl.Dense(1, name="x2")(x)}))


def test_a_layer_that_gives_two_outputs():
    shared = kl.Dense(3, name="shared")
    graph = check(functional(lambda x, y: [shared(x), shared(y)], (4,), (4,)))
    assert list(graph.outputs) == ["shared", "shared@2"]
    assert set(graph.outputs.values()) == {"shared", "shared@2"}


def test_neurons_and_activations_inside_a_time_distributed():
    layers = [kl.TimeDistributed(kl.Dense(4, activation="relu")), kl.TimeDistributed(kl.ReLU())]
    graph = check(keras.Sequential([keras.Input((3, 5)), *layers, kl.TimeDistributed(snnconv.layers.LIF(80.0))]), 1e-5)
    assert [view.shape for view in graph.populations.values()] == [(3, 4)] * 3


# What stands between an input and a population, and what is left of it: every gain in a kernel
FOLDED = [
    ((6, 5, 3), [lambda: kl.SeparableConv2D(4, 3)], "Conv Conv"),
    ((6, 5, 3), [lambda: kl.DepthwiseConv2D(3), kl.BatchNormalization], "Conv"),
    ((6, 5, 3), [kl.BatchNormalization, lambda: kl.DepthwiseConv2D(3, depth_multiplier=2)], "Conv"),
    ((4, 3, 3), [lambda: kl.Conv2DTranspose(4, 2, strides=2), kl.BatchNormalization], "ConvTranspose"),
    ((4, 3, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.UpSampling2D(2)], "Conv Upsample"),
    (
        (4, 3, 3),
        [lambda: kl.Conv2D(4, 2), lambda: kl.UpSampling2D(2, interpolation="bilinear"), kl.BatchNormalization],
        "Conv  Upsample",
    ),
    ((4, 4, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.Cropping2D(1), kl.BatchNormalization], "Conv Crop"),
    ((4, 3, 3), [lambda: kl.Conv2D(4, 2), lambda: kl.ZeroPadding2D(1)], "Conv Pad"),
    ((4, 3, 3), [lambda: kl.ZeroPadding2D(1), lambda: kl.Conv2D(4, 2, padding="same")], "Conv"),
    ((4, 3), [lambda: kl.Dense(4), lambda: kl.Permute((2, 1)), lambda: kl.BatchNormalization(axis=1)], "Dense Permute"),
    ((4, 3), [lambda: kl.Flatten(), kl.BatchNormalization, lambda: kl.Dense(5)], "Reshape Dense"),
]


@pytest.mark.parametrize(("shape", "layers", "left"), FOLDED, ids=[left for *_, left in FOLDED])
def test_gains_and_batch_statistics_end_up_in_kernels(shape, layers, left):
    lif = snnconv.layers.LIF(90.0)  # one gain for all, as each of these nodes can pass it
    graph = check(keras.Sequential([keras.Input(shape), *(make() for make in layers), lif]), 1e-5)
    assert kinds(graph) == ["Input", *left.split(), "Population"]


def test_a_gain_after_a_sum_scales_every_branch_and_shifts_one():
    def build(x):
        y = kl.Add()([kl.Conv2D(3, 2, name="a")(x), kl.Conv2D(3, 2, use_bias=False, name="b")(x)])
        return snnconv.layers.LIF([50.0, 100.0, 150.0], name="lif")(kl.BatchNormalization(name="norm")(y))

    graph = check(functional(build, (5, 4, 2)))
    assert not [node for node in graph.nodes if isinstance(node, Affine)]
    gain = graph.populations["lif"].gain
    for name in "ab":
        ratio = graph[name].kernel / graph[name].trained["kernel"]
        np.testing.assert_allclose(ratio / gain, np.broadcast_to((ratio / gain)[:1, :1, :1], ratio.shape), rtol=1e-12)
    assert graph["b"].bias is None


def test_a_gain_after_a_concatenation_is_split():
    def build(x):
        parts = [kl.Dense(2, name="a")(x), kl.Dense(3, name="b")(x), kl.Dense(1, name="c")(x)]
        return snnconv.layers.LIF([50.0, 60.0, 70.0, 80.0, 90.0, 100.0], name="lif")(kl.Concatenate()(parts))

    graph = check(functional(build, (4,)))
    assert kinds(graph) == ["Input", "Dense", "Dense", "Dense", "Concatenate", "Population"]
    gain = graph.populations["lif"].gain
    np.testing.assert_allclose(graph["b"].kernel, graph["b"].trained["kernel"] * gain[2:5], rtol=1e-12)


def test_a_branch_with_another_reader_keeps_its_gain_outside():
    def build(x):
        y = kl.Dense(3, name="read_twice")(x)
        return kl.Concatenate()([snnconv.layers.LIF(name="lif")(kl.Add()([y, kl.Dense(3)(x)])), y])

    graph = check(functional(build, (4,)))
    np.testing.assert_array_equal(graph["read_twice"].kernel, graph["read_twice"].trained["kernel"])
    assert [node.name for node in graph.nodes if isinstance(node, Affine)] == ["lif.gain"]


@settings(max_examples=30)
@given(st.data())
def test_folding_through_any_chain_keeps_the_rates(data):
    """Layers that move numbers, with batch normalisation anywhere between them."""
    inputs = keras.Input((4, 4, 4))
    x = inputs
    makers = [
        lambda: kl.Conv2D(4, 2, padding="same"), lambda: kl.Conv2DTranspose(4, 2), lambda: kl.DepthwiseConv2D(2),
        lambda: kl.Permute((2, 3, 1)), lambda: kl.Cropping2D(((0, 1), (1, 0))),
        lambda: kl.ZeroPadding2D(((0, 1), (0, 0))),
        lambda: kl.UpSampling2D((1, 2)), lambda: kl.UpSampling2D((2, 1)),
        lambda: kl.AveragePooling2D(2, 1, "same"), lambda: kl.Dense(4), kl.ReLU,
        lambda: kl.Reshape((-1, 4, 4)) if x.shape[2] == 2 else kl.Identity(),
    ]  # fmt: skip
    for make in data.draw(st.lists(st.sampled_from(makers), min_size=1, max_size=4)):
        assume(min(x.shape[1:]) > 1)
        before, x = x, make()(x)
        for axis in data.draw(st.lists(st.sampled_from([1, 2, 3]), max_size=1)):
            x = kl.BatchNormalization(axis=axis)(x)
        if x.shape == before.shape and data.draw(st.booleans()):
            x = kl.Add()([x, before])
        if data.draw(st.booleans()):
            x = kl.Concatenate()([x, kl.BatchNormalization()(x)])
    check(keras.Model(inputs, kl.Dense(2)(kl.Flatten()(x))), 1e-9)


def sequence(*layers, shape=(6, 5, 4)):
    return keras.Sequential([keras.Input(shape), *layers])


def fixed_batch(build):
    inputs = keras.Input(batch_shape=(1, 4))
    return keras.Model(inputs, build(inputs))


REFUSALS = [
    (lambda: sequence(kl.LayerNormalization(name="norm")), r"'norm' \(LayerNormalization\).*statistic.*BatchNormaliz"),
    (lambda: sequence(kl.GroupNormalization(2, name="norm")), r"'norm' \(GroupNormalization\).*BatchNormalization"),
    (
        lambda: functional(lambda x, y: kl.Multiply(name="times")([x, y]), (3,), (3,)),
        r"'times' \(Multiply\) has no spiking equivalent: it multiplies signals.*Add or conc.*handles\(Mul",
    ),
    (lambda: functional(lambda x, y: x * y, (3,), (3,)), r"\(Multiply\) multiplies two signals"),
    (lambda: functional(lambda x, y: x / y, (3,), (3,)), r"Divide\) divides by a signal"),
    (lambda: functional(lambda x: 1 / x, (3,)), r"Divide\) divides by a signal"),
    (lambda: functional(lambda x: ops.sin(x), (3,)), r"\(Sin\) is a function of keras\.ops.*Those that convert"),
    (lambda: functional(lambda x: ops.reshape(x, (2, -1)), (4,)), r"\(Reshape\) m"),
    (lambda: functional(lambda x: ops.transpose(x), (4,)), r"\(Transpose\) moves the axis of the samples"),
    (lambda: functional(lambda x: ops.mean(x, axis=0), (4,)), r"\(Mean\) runs over the samples"),
    (lambda: functional(lambda x: ops.expand_dims(x, 0), (4,)), r"\(ExpandDims\) moves or fixes the axis of the samp"),
    (
        lambda: fixed_batch(lambda x: ops.concatenate([x, np.ones((1, 2))], axis=1)),
        r"\(Concatenate\) joins a signal with a constant",
    ),
    (lambda: functional(lambda x: ops.concatenate([x, x], axis=0), (4,)), r"\(Concatenate\) joins samples"),
    (lambda: functional(lambda x: ops.pad(x, 1), (4,)), r"\(Pad\) pads with.*\(1, 1\) samples"),
    (
        lambda: functional(lambda x: ops.pad(x, ((0, 0), (1, 1)), constant_values=2.0), (4,)),
        r"\(Pad\) pads with mode='constant', constant_values=2.0",
    ),
    (lambda: functional(lambda x: x[:, ::2], (4,)), r"\(GetItem\) takes .* Only slices of step 1"),
    (lambda: functional(lambda x: x[0], (4,)), r"\(GetItem\) takes"),
    (lambda: functional(lambda x: x + np.full(4, np.nan), (4,)), r"\(Add\) has NaN or infinity in its constant"),
    (lambda: functional(lambda x: x + np.ones((3, 4)), (4,)), r"\(Add\) has a constant of shape \(3, 4\) beside"),
    (
        lambda: sequence(kl.EinsumDense("abc,bcd->abd", output_shape=(4, 6), name="e"), shape=(4, 5)),
        r"'e' \(EinsumDense\) has the equation 'abc,bcd->abd', whose kernel is not the same",
    ),
    (
        lambda: sequence(kl.TimeDistributed(kl.LSTM(3), name="time")),
        r"'time' \(TimeDistributed\) holds a layer of type LSTM, which does not convert inside",
    ),
    (lambda: sequence(kl.TimeDistributed(kl.Conv3D(2, 1), name="t"), shape=(2, 3, 3, 3, 2)), r"'t'.*in 4 dimensions"),
    (lambda: sequence(kl.UpSampling2D(2, interpolation="bicubic", name="up")), r"'up'.*interpolation='bicubic'"),
    (lambda: sequence(kl.CenterCrop(9, 9, name="crop")), r"'crop' \(CenterCrop\) enlarges images of 6×5"),
    (lambda: sequence(kl.LSTM(3, name="lstm"), shape=(6, 4)), r"'lstm' \(LSTM\).*remember by themselves"),
    (lambda: sequence(kl.Lambda(lambda x: x, name="code")), r"'code' \(Lambda\).*cannot be looked into"),
    (
        lambda: sequence(kl.Conv2D(2, 3), shape=(None, None, 3)),
        r"has the open shape \(None, None, 3\).*full input shape",
    ),
    *(
        (
            lambda make=make: sequence(make(data_format="channels_first", name="first")),
            r"'first'.*channels_first.*'channe",
        )
        for make in (
            lambda **options: kl.Conv2D(2, 3, **options),
            lambda **options: kl.DepthwiseConv2D(3, **options),
            lambda **options: kl.SeparableConv2D(2, 3, **options),
            lambda **options: kl.Conv2DTranspose(2, 3, **options),
            lambda **options: kl.AveragePooling2D(2, **options),
            kl.GlobalAveragePooling2D,
            kl.Flatten,
            lambda **options: kl.ZeroPadding2D(1, **options),
            lambda **options: kl.Cropping2D(1, **options),
            lambda **options: kl.UpSampling2D(2, **options),
        )
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSALS)
def test_what_cannot_be_converted_is_refused_with_advice(make, message):
    with pytest.raises(ConversionError, match=message):
        snnconv.convert(make())


def test_quantized_layers_are_refused():
    use("float32")
    dense = kl.Dense(3, name="dense")
    model = sequence(dense)
    dense.quantize("int8")
    with pytest.raises(ConversionError, match=r"'dense' \(Dense\) is quantized to int8"):
        snnconv.convert(model)


def test_every_layer_of_keras_is_converted_or_refused():
    public = {
        value.__name__: value for value in vars(kl).values() if isinstance(value, type) and issubclass(value, kl.Layer)
    }
    unknown = [name for name, kind in public.items() if not is_handled(kind) and not is_refused(kind)]
    assert sorted(set(unknown) - NOT_LINEAR - set(NO_LAYERS)) == [], "convert these, or refuse them with advice"


def test_every_linear_layer_that_converts_is_tested():
    tested = {type(make()) for _, make in LAYERS + PASSING}
    handled = {
        value.__name__
        for value in vars(kl).values()
        if isinstance(value, type) and issubclass(value, kl.Layer) and is_handled(value) and value not in tested
    }
    missing = {name for name in handled - NOT_LINEAR - MERGING if not name.startswith("Random")}
    assert missing <= {"TimeDistributed", "AugMix", "CutMix", "MixUp", "RandAugment"}
