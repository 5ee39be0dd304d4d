"""Damaged files: an error of ours with one line that says so, or a network that can be used; nothing else, ever.

Copies are read in a process of their own, with limited memory and time, since the C library of HDF5 can crash or hang.
"""

import keras
import pytest
from keras import layers as kl

import snnconv

from ..helpers.damaged_copies import check
from ..helpers.networks import randomise

DEFAULT, ALL = 50, 334  # copies of each of the three files; all of them are 1,002


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network with convolution, batch normalisation and both kinds of neuron, in each kind of file."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            kl.Conv2D(3, 3, name="conv"),
            kl.BatchNormalization(name="norm"),
            snnconv.layers.LIF(name="lif"),
            kl.AveragePooling2D(2, name="pool"),
            kl.Flatten(name="flat"),
            kl.Dense(4, activation="relu", name="hidden"),
            kl.Dense(2, name="out"),
        ],
        name="small",
    )
    folder = tmp_path_factory.mktemp("files")
    randomise(model).save(folder / "model.h5")
    model.save(folder / "model.keras")
    snnconv.convert(model, synapse=0.01).save(folder / "graph.snn.h5")
    return folder


FILES = ["model.h5", "model.keras", "graph.snn.h5"]


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_damaged_files(folder, name):
    check(folder, name, 0, DEFAULT)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_damaged_files(folder, name):
    check(folder, name, DEFAULT, ALL)
