"""Rounding: bounds around rates, and the distance from them."""

import keras
import numpy as np
import pytest
from keras import layers as kl

from snnconv.conversion.precision import ROUNDING, largest, outside, rates_around, rounding
from snnconv.graph import Population
from snnconv.neurons import LIF

LAYER = Population(
    name="lif", inputs=("x",), shape=(4,), neuron=LIF(), neuron_bias=np.full(4, 0.5), gain=np.ones(4), trained={}
)


def test_bounds_hold_every_rate_whose_current_is_off_by_rounding():
    x = np.random.default_rng(0).normal(1, 2, (50, 4))
    low, high = rates_around(LAYER, x, ROUNDING)
    off = np.random.default_rng(1).uniform(-1, 1, x.shape) * ROUNDING * np.abs(x + 0.5).max()
    assert outside(LAYER.neuron.rate(x + off + 0.5), low, high) == 0


def test_at_threshold_the_bounds_are_far_apart():
    low, high = rates_around(LAYER, np.full((1, 4), 0.5), ROUNDING)  # J = 1, where the rate rises infinitely steep
    assert (low == 0).all()
    assert (high / LAYER.neuron.amplitude > 4).all(), "4 Hz at J = 1.0001"


def test_the_largest_distance_and_value_of_nothing_are_0():
    nothing = np.zeros((0, 4))
    assert largest(nothing) == outside(nothing, nothing, nothing) == 0
    assert largest(np.array([1.0, -3.0])) == 3
    assert outside(np.array([0.0, 2.0, 5.5]), np.array(1.0), np.array(5.0)) == 1


@pytest.mark.parametrize(("policy", "least"), [("float32", ROUNDING), ("mixed_float16", 20 * 2**-11)])
def test_half_precision_rounds_more(policy, least):
    inside = keras.Sequential([keras.Input((3,)), kl.Dense(2, dtype=policy)])
    model = keras.Sequential([keras.Input((3,)), inside, kl.Dense(2)])
    assert rounding(model) == pytest.approx(least)
