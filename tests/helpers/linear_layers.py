"""Linear layers of Keras with the shapes of their inputs, and what they are checked against."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv

from .networks import randomise

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
