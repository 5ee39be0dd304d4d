"""Fused functions: values and gradients are those of the function that was compiled."""

import keras
import numpy as np
import pytest
from keras import ops

from snnconv.layers import keras_ops
from snnconv.neurons import LIF
from snnconv.training.unrolled.fused import fused

tf = pytest.importorskip("tensorflow")


def step(J, state):
    spikes, after = LIF().step(J, state, 0.001, keras_ops)
    return spikes + after["voltage"] * J, after


def test_values_and_gradients_are_those_of_the_function():
    J = tf.constant(np.random.default_rng(0).normal(1, 2, (5, 3)))
    state = {"voltage": tf.fill((5, 3), tf.constant(0.3, "float64")), "refractory": tf.zeros((5, 3), "float64")}
    found = []
    for function in (step, fused(step)):
        with tf.GradientTape() as tape:
            tape.watch((J, state))
            value, after = function(J, state)
            value, after = function(J, after)
            total = ops.sum(value * J)
        found.append((value, after, tape.gradient(total, (J, state["voltage"]))))
    assert float(ops.max(ops.abs(found[0][2][0]))) > 0
    keras.tree.map_structure(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-12), *found)
