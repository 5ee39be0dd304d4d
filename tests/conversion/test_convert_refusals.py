"""What cannot be converted is named; a wrong conversion does not get through."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ConversionWarning, ModelFileError
from snnconv.graph import SpikingGraph

from ..helpers.networks import forum_model, sequential


class Doubled(kl.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = kl.Dense(3)

    def call(self, x):
        return self.dense(x)


def called_on(layer, shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sequential((6,), Doubled(3, name="twice")), r"'twice' \(Doubled\) has no spiking.*subclass of Dense"),
        (
            lambda: sequential((6, 4), kl.Resizing(3, 3, name="resized")),
            r"layer 'resized' \(Resizing\) has no spiking equivalent.*handles",
        ),
        (lambda: sequential((None, 4), kl.Dense(3)), r"has the open shape \(None, 4\)"),
        (lambda: keras.Sequential([kl.Dense(3)], name="bare"), r"model 'bare' is not built"),
        (lambda: Subclassed(), r"\(Subclassed\) has a call of its own"),
        (lambda: called_on(lambda x: keras.ops.ceil(x), (4,)), r"\(Ceil\), a function of keras.ops"),
        (
            lambda: called_on(lambda x: kl.Concatenate(axis=0, name="cat")([x, x]), (4,)),
            r"'cat' \(Concatenate\) joins samples",
        ),
        (lambda: "not/there.h5", "there is no file 'not/there.h5'"),
        (lambda: 3, "takes a Keras model or the path of one. Received int"),
    ],
)
def test_what_cannot_be_converted_is_named(make, message):
    with pytest.raises((ConversionError, ModelFileError), match=message):
        snnconv.convert(make())


def test_nan_in_weights_is_refused():
    model = forum_model()
    kernel, bias = model.get_layer("dense").get_weights()
    kernel[3, 2] = np.nan
    model.get_layer("dense").set_weights([kernel, bias])
    with pytest.raises(ConversionError, match=r"layer 'dense' \(Dense\) has NaN or infinity in its kernel"):
        snnconv.convert(model)


def test_a_difference_that_rounding_makes_is_told_and_not_refused():
    """A sum less the same sum in another order: in Keras' float32 that is what rounding left, and 0 in the graph."""

    def cancelling(scale):
        inputs = keras.Input((6,))
        first, second = kl.Dense(4), kl.Dense(4, use_bias=False)
        turned = kl.Dense(6, use_bias=False)
        model = keras.Model(inputs, kl.Subtract()([first(inputs), second(turned(inputs))]))
        kernel = np.random.default_rng(0).normal(size=(6, 4)) * scale
        turned.set_weights([np.eye(6)[::-1]])
        first.set_weights([kernel, np.ones(4)])
        second.set_weights([kernel[::-1]])
        return model

    with pytest.warns(ConversionWarning, match=r"differs from Keras' by .*That is rounding: Keras' own answer changes"):
        snnconv.convert(cancelling(1e6), verbose=False)
    snnconv.convert(cancelling(1.0), verbose=False)


@pytest.mark.parametrize("option", ["synapse", "scale_firing_rates"])
def test_options_that_name_no_population_are_refused(option):
    with pytest.raises(ConversionError, match=f"{option} names 'nobody', which is no population. There are: .*'lif'"):
        snnconv.convert(forum_model(), **{option: {"nobody": 1.0}})


def test_a_wrong_conversion_does_not_get_through():
    """The comparison with Keras catches a converter that computes something else."""

    class Shifted(kl.Layer):
        def call(self, x):
            return x + 1

    @snnconv.handles(Shifted)
    def forget_the_shift(layer, build, x):
        return x

    with pytest.raises(ConversionError, match=r"the rate output '.*' differs from Keras' by"):
        snnconv.convert(called_on(Shifted(), (4,)))

    @snnconv.handles(Shifted)
    def shift(layer, build, x):
        return build.affine(x, 1.0, 1.0)

    graph = snnconv.convert(called_on(Shifted(), (4,)))
    np.testing.assert_allclose(graph.rate_output(np.zeros((1, 4))), 1)


def test_an_output_that_is_no_number_is_a_fault_and_not_rounding(monkeypatch):
    rates = SpikingGraph.rate_values
    monkeypatch.setattr(
        SpikingGraph, "rate_values", lambda *given: {name: x * np.nan for name, x in rates(*given).items()}
    )
    with pytest.raises(ConversionError, match=r"differs from Keras' by nan%.*a fault of snnconv"):
        snnconv.convert(forum_model(), verbose=False)
