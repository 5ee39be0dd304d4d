"""Sizes that a model leaves open, and numbers of samples that it fixes."""

import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops
from snnconv.verification import verify

import snnconv
from snnconv.conversion.trace import input_shapes, keras_values, shapes_from
from snnconv.errors import ConversionError

from ..helpers.linear_layers import functional
from ..helpers.networks import randomise


def open_model():
    convolution = kl.Conv2D(3, 3, activation="relu", padding="same", name="conv")
    return keras.Sequential([keras.Input((None, None, 2)), convolution, kl.GlobalAveragePooling2D(), kl.Dense(2)])


def test_open_sizes_are_those_that_are_asked_for():
    model = randomise(open_model())
    x = np.random.default_rng(0).random((3, 6, 5, 2), "float32")
    for given in ((6, 5, 2), [6, 5, 2], {model.inputs[0]._keras_history.operation.name: (6, 5, 2)}):
        graph = snnconv.convert(model, input_shape=given)
        assert graph.populations["conv"].shape == (6, 5, 3)
        np.testing.assert_allclose(graph.rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_open_sizes_are_those_of_the_samples():
    model = randomise(open_model())
    x = np.random.default_rng(0).random((40, 4, 5, 2), "float32")
    assert verify(model, x[:3], 20).passed
    assert snnconv.explain(model, x=x[:2]).layers[0].shape == (4, 5, 3)
    assert snnconv.convert(model, calibrate=x, calibrate_steps=10).inputs[0].shape == (4, 5, 2)
    assert list(shapes_from(model, x[:, None]).values()) == [(4, 5, 2)]  # with an axis of steps
    assert shapes_from(model, None) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"open shape \(None, None, 2\).*input_shape=\(224, 224, 2\) \(--input-shape 224,224,2\)"),
        ((6, 5, 3), r"has the shape \(None, None, 2\). input_shape is \(6, 5, 3\)"),
        ((6, 2), r"input_shape is \(6, 2\)"),
        ((0, 5, 2), r"input_shape is \(0, 5, 2\)"),
        (("6", 5, 2), "input_shape is"),
        ({"other": (6, 5, 2)}, "input_shape names 'other'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ConversionError, match=message):
        snnconv.convert(open_model(), input_shape=given)


def test_open_sizes_of_several_inputs():
    model = functional(lambda x, y: kl.Concatenate()([kl.GlobalMaxPooling1D()(x), y]), (None, 2), (3,))
    assert input_shapes(model, {"in0": (7, 2)}) == {"in0": (7, 2), "in1": (3,)} == input_shapes(model, (7, 2))
    xs = [np.zeros((4, 9, 2)), np.zeros((4, 3))]
    assert shapes_from(model, xs) == shapes_from(model, dict(zip(("in0", "in1"), xs, strict=True))) == {"in0": (9, 2)}


@pytest.mark.parametrize("shape", [(2, 12), (2, -1), (-1, 12)])
@pytest.mark.parametrize("suffix", [None, ".h5", ".keras"])
def test_a_reshape_may_name_the_number_of_samples(shape, suffix, tmp_path):
    inputs = keras.Input(batch_shape=(2, 4, 3))
    model = randomise(keras.Model(inputs, kl.Dense(2)(ops.reshape(kl.ReLU()(inputs), shape))))
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    path = model
    if suffix is not None:
        path = tmp_path / f"model{suffix}"
        model.save(path)
    np.testing.assert_allclose(snnconv.convert(path).rate_output(x), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_values_of_a_model_for_a_number_of_samples_are_computed_so_many_at_a_time():
    inputs = keras.Input(batch_shape=(3, 4))
    model = randomise(keras.Model(inputs, kl.Dense(2, name="dense")(ops.reshape(inputs, (3, 4)))))
    x = np.random.default_rng(0).random((5, 4), "float32")
    values, (output,) = keras_values(model, [x])
    np.testing.assert_allclose(
        output, x @ np.asarray(model.layers[-1].kernel) + np.asarray(model.layers[-1].bias), 1e-5
    )
    np.testing.assert_array_equal(values["dense"], output)


@pytest.mark.full
def test_what_tensorflow_cannot_compute_on_a_processor_is_told_with_the_way_out():
    code = """
        import keras, snnconv
        from snnconv.errors import ConversionError
        first = keras.layers.Conv2D(3, 3, data_format="channels_first", name="first")
        try:
            snnconv.convert(keras.Sequential([keras.Input((2, 8, 8)), first]), verbose=False)
        except ConversionError as error:
            print(error)
    """
    options = {"capture_output": True, "text": True, "check": True}
    said = {
        value: subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": value}, **options
        ).stdout
        for value in ("0", "1")
    }
    assert "layer 'first'" in said["0"]
    assert "TF_ENABLE_ONEDNN_OPTS=1" in said["0"]
    assert said["1"] == ""
