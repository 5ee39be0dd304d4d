"""Layers that cannot be converted are refused with advice, and every layer of Keras is one or the other."""

import inspect
import sys

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

import snnconv
from snnconv.conversion.trace.registry import is_handled, is_refused, operation_refusal
from snnconv.errors import ConversionError

from ..helpers.linear_layers import LAYERS, PASSING, functional, use

pytestmark = pytest.mark.usefixtures("float64")

# Handled elsewhere, tested with the activations: not linear
NOT_LINEAR = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "InputLayer"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("LayerNormalization", "RMSNormalization", "GroupNormalization", "UnitNormalization", "Embedding"),
    *("Multiply", "Maximum", "Minimum", "Dot"),
    *("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupedQueryAttention"),
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


def sequence(*layers, shape=(6, 5, 4)):
    return keras.Sequential([keras.Input(shape), *layers])


def fixed_batch(build, n=1):
    inputs = keras.Input(batch_shape=(n, 4))
    return keras.Model(inputs, build(inputs))


REFUSALS = [
    (lambda: functional(lambda x: ops.ceil(x), (3,)), r"\(Ceil\), a function of keras\.ops, .*whole numbers"),
    (lambda: functional(lambda x: ops.reshape(x, (2, -1)), (4,)), r"\(Reshape\) m"),
    (lambda: functional(lambda x: ops.transpose(x), (4,)), r"\(Transpose\) moves the axis of the samples"),
    (lambda: functional(lambda x: ops.mean(x, axis=0), (4,)), r"\(Mean\) runs over the samples"),
    (lambda: functional(lambda x: ops.expand_dims(x, 0), (4,)), r"\(ExpandDims\) moves or fixes the axis of the samp"),
    (
        lambda: fixed_batch(lambda x: ops.concatenate([x, np.ones((2, 2))], axis=1), 2),
        r"\(Concatenate\) joins a signal \(4,\) with a constant of shape",
    ),
    (lambda: functional(lambda x: ops.concatenate([x, x], axis=0), (4,)), r"\(Concatenate\) joins samples"),
    (lambda: functional(lambda x: ops.pad(x, 1), (4,)), r"\(Pad\) pads with.*\(1, 1\) samples"),
    (
        lambda: functional(lambda x: ops.pad(x, ((0, 0), (1, 1)), constant_values=2.0), (4,)),
        r"\(Pad\) pads with mode='constant', constant_values=2.0",
    ),
    (lambda: functional(lambda x: x[:, 4:], (4,)), r"\(GetItem\) takes .* Only slices and"),
    (lambda: functional(lambda x: x[0], (4,)), r"\(GetItem\) takes"),
    (lambda: functional(lambda x: x + np.full(4, np.nan), (4,)), r"\(Add\) has NaN or infinity in its constant"),
    (lambda: functional(lambda x: x + np.ones((3, 4)), (4,)), r"\(Add\) has a constant of shape \(3, 4\) beside"),
    (
        lambda: sequence(kl.EinsumDense("abc,bcd->abd", output_shape=(4, 6), name="e"), shape=(4, 5)),
        r"'e' \(EinsumDense\) has the equation 'abc,bcd->abd', whose kernel is not the same",
    ),
    (
        lambda: sequence(kl.TimeDistributed(kl.LSTM(3, name="inner"), name="time")),
        r"'inner' \(LSTM\) does not convert inside a TimeDistributed",
    ),
    (lambda: sequence(kl.TimeDistributed(kl.Conv3D(2, 1), name="t"), shape=(2, 3, 3, 3, 2)), r"'t'.*in 4 dimensions"),
    (lambda: sequence(kl.UpSampling2D(2, interpolation="bicubic", name="up")), r"'up'.*interpolation='bicubic'"),
    (lambda: sequence(kl.CenterCrop(9, 9, name="crop")), r"'crop' \(CenterCrop\) enlarges images of 6×5"),
    (
        lambda: sequence(kl.Conv2D(2, 3), shape=(None, None, 3)),
        r"has the open shape \(None, None, 3\).*input_shape=\(224, 224, 3\) \(--input-shape 224,224,3\)",
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


def test_every_function_of_keras_ops_that_takes_tensors_is_converted_or_refused_with_a_reason():
    """Functions that take tensors record an operation, of the class that is named after them."""
    unknown = []
    for name, function in vars(ops).items():
        public = inspect.isfunction(function) and not name.startswith("_")
        classes = vars(sys.modules[function.__module__]) if public else {}
        kinds = [
            kind for key, kind in classes.items() if key.lower() == name.replace("_", "") and isinstance(kind, type)
        ]
        if any(issubclass(kind, keras.Operation) and not is_handled(kind) for kind in kinds):
            unknown += [name] if operation_refusal(name) is None else []
    windows = {"bartlett", "blackman", "hamming", "hanning", "kaiser"}  # of a length, which is no tensor
    others = set(unknown) - windows - {"abs"}  # abs records Absolute
    assert sorted(others) == [], "convert these, or refuse them with a reason"


def test_every_linear_layer_that_converts_is_tested():
    tested = {type(make()) for _, make in LAYERS + PASSING}
    handled = {
        value.__name__
        for value in vars(kl).values()
        if isinstance(value, type) and issubclass(value, kl.Layer) and is_handled(value) and value not in tested
    }
    with_memory = {kind.__name__ for kind in vars(kl).values() if hasattr(kind, "get_initial_state")}
    missing = {
        name
        for name in handled - NOT_LINEAR - MERGING - with_memory - {"Bidirectional", "Masking"}
        if not name.startswith("Random")
    }
    assert missing <= {"TimeDistributed", "Lambda", "AugMix", "CutMix", "MixUp", "RandAugment"}
