"""Layers and operations that become functions of running means, as networks of one of them between Dense layers."""

import keras
import numpy as np
from keras import layers as kl
from keras import ops

ONE = [
    ((6, 4), lambda: kl.LayerNormalization()),
    ((3, 4, 2), lambda: kl.LayerNormalization(axis=[1, -1])),
    ((6, 4), lambda: kl.LayerNormalization(axis=1, center=False)),
    ((6, 4), lambda: kl.LayerNormalization(rms_scaling=True)),
    ((6, 4), lambda: kl.RMSNormalization()),
    ((3, 2, 4), lambda: kl.GroupNormalization(2)),
    ((4, 3), lambda: kl.GroupNormalization(-1, axis=1, scale=False)),
    ((6, 4), lambda: kl.UnitNormalization()),
    ((6, 4), lambda: kl.UnitNormalization(axis=(1, 2))),
    ((6, 4), lambda: kl.Softmax(axis=1)),
    ((6, 4), lambda: kl.Softmax(axis=(1, 2))),
    ((6, 4), lambda: kl.ELU(0.7)),
]

JOINED = [
    lambda x, y: kl.Multiply()([x, y, x]),
    lambda x, y: kl.Multiply()([x, kl.GlobalAveragePooling1D(keepdims=True)(y)]),
    lambda x, y: kl.Maximum()([x, y]),
    lambda x, y: kl.Minimum()([x, y]),
    lambda x, y: kl.Dot(axes=(2, 2))([x, y]),
    lambda x, y: kl.Dot(axes=1, normalize=True)([x, y]),
    lambda x, y: kl.MultiHeadAttention(2, 3)(x, y),
    lambda x, y: kl.MultiHeadAttention(2, 3, value_dim=2, output_shape=3)(x, y, x),
    lambda x, y: kl.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True),
    lambda x, y: kl.MultiHeadAttention(2, 3)(x, y, attention_mask=np.tri(6, 6, 2)[None]),
    lambda x, y: kl.GroupQueryAttention(3, 4, 2)(x, y),
    lambda x, y: kl.GroupQueryAttention(3, 4, 2)(x, x, use_causal_mask=True),
    lambda x, y: kl.Attention(use_scale=True)([x, y]),
    lambda x, y: kl.Attention(score_mode="concat")([x, y, x], use_causal_mask=True),
    lambda x, y: kl.AdditiveAttention()([x, y]),
    lambda x, y: x * y,
    lambda x, y: x / (ops.exp(y) + 1),
    lambda x, y: 2 / (ops.square(x) + 1),
    lambda x, y: ops.maximum(x, y) + ops.minimum(x, 0.1) + ops.maximum(0.2, y),
    lambda x, y: ops.abs(x) + ops.sqrt(ops.square(y) + 1) + ops.clip(x, -0.2, 0.3) + x**3,
    lambda x, y: ops.sin(x) + ops.log(ops.exp(y) + 1) + ops.threshold(x, 0.1, -0.1) + ops.elu(y, 0.5),
    lambda x, y: ops.matmul(x, ops.swapaxes(y, 1, 2)),
    lambda x, y: ops.matmul(x, np.arange(8.0).reshape(4, 2)),
    lambda x, y: ops.einsum("bij,bik->bjk", x, y),
    lambda x, y: ops.softmax(x, axis=1) + ops.log_softmax(y),
    lambda x, y: ops.max(x, axis=1) + ops.min(y, axis=(1,)),
    lambda x, y: keras.activations.glu(x),
]

ACTIVATIONS = (
    *(
        "celu",
        "elu",
        "exponential",
        "gelu",
        "hard_shrink",
        "hard_silu",
        "hard_tanh",
        "log_sigmoid",
        "log_softmax",
        "mish",
    ),
    *("selu", "silu", "soft_shrink", "softmax", "sparse_plus", "squareplus", "tanh_shrink"),
)


def between(shape, layer):
    """input -> Dense -> layer -> Dense, with a last axis of the same size."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, kl.Dense(3, name="end")(layer(kl.Dense(shape[-1])(inputs))))


def joining(join):
    """Two Dense layers of one input of 6 places, joined."""
    inputs = keras.Input((6, 4))
    return keras.Model(inputs, join(kl.Dense(4)(inputs), kl.Dense(4)(inputs)))


NETWORKS = [
    *(lambda shape=shape, make=make: between(shape, make()) for shape, make in ONE),
    *(lambda join=join: joining(join) for join in JOINED),
    *(lambda name=name: between((6, 4), kl.Activation(name)) for name in ACTIVATIONS),
]
