"""Fused functions: values and gradients are those of the function that was compiled."""

from typing import Any

import numpy as np
import pytest

from snnconv.layers import keras_ops
from snnconv.neurons import LIF
from snnconv.training.unrolled.fused import fused

tf: Any = pytest.importorskip("tensorflow")


def step(J, state):
    spikes, after = LIF().step(J, state, 0.001, keras_ops)
    return spikes + after["voltage"] * J, after


def test_values_and_gradients_are_those_of_the_function():
    J = tf.constant(np.random.default_rng(0).normal(20, 20, (5, 3)))
    state = {"voltage": tf.fill((5, 3), tf.constant(0.3, "float64")), "refractory": tf.zeros((5, 3), "float64")}
    found = []
    for function in (step, fused(step)):
        with tf.GradientTape() as tape:
            tape.watch((J, state))
            value, after = function(J, state)
            value, after = function(J, after)
            total = tf.reduce_sum(value * J)
        found.append((value, after, tape.gradient(total, (J, state["voltage"]))))
    for one, other in zip(*map(tf.nest.flatten, found), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-9)
