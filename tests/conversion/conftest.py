"""Keras in double precision."""

import keras
import pytest

from ..helpers.linear_layers import use


@pytest.fixture
def float64():
    """Keras in float64, so that a difference of one rounding is 1e-16."""
    use("float64")
    keras.utils.set_random_seed(3)
    yield
    use("float32")
