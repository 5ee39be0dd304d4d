"""A network with a run of it, and pictures that are closed behind every test."""

import sys

import numpy as np
import pytest

import snnconv

from ..helpers.networks import random_cnn

N_STEPS = 50


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((2, 12, 12, 2))


@pytest.fixture(scope="module")
def result(graph, x):
    return snnconv.reference.run(graph, x, N_STEPS, record=["hidden", "lif2.spikes", "lif1.rates"])


@pytest.fixture(autouse=True)
def _close():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
