"""A convolutional network, images for it, and its run by the NumPy loop."""

import numpy as np
import pytest

import snnconv
from snnconv.runtime import reference

from ..helpers.networks import random_cnn


@pytest.fixture(scope="module")
def cnn():
    return snnconv.convert(random_cnn(), scale_firing_rates={"hidden": 2.0}, verbose=False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(0, 2, (5, 12, 12, 2))


@pytest.fixture(scope="module")
def loop(cnn, images):
    return reference.run(cnn, images, 120, record="all")
