"""Files of integer graphs: neurons that contradict their kind are refused, and files of earlier versions are read."""

import h5py
import numpy as np
import pytest

from snnconv.errors import ModelFileError
from snnconv.quantize import load, quantize, run

from ..helpers.integer_networks import random_line, with_start


def written(path, **settings):
    graph = quantize(with_start(random_line(1, **settings), 0.25))
    graph.save(path)
    return graph


def test_an_initial_voltage_comes_back_as_the_integer_that_it_was(tmp_path):
    graph, read = written(tmp_path / "n.int.h5"), load(tmp_path / "n.int.h5")
    for ours, theirs in zip(read.populations.values(), graph.populations.values(), strict=True):
        assert (ours.start > 0).all()
        np.testing.assert_array_equal(ours.start, theirs.start)
        assert ours.initial_voltage == 0.25


def test_a_file_from_before_initial_voltages_starts_at_zero(tmp_path):
    written(tmp_path / "n.int.h5")
    with h5py.File(tmp_path / "n.int.h5", "a") as file:
        for name in ("n1", "n2"):
            del file[f"nodes/{name}"].attrs["initial_voltage"]
    read = load(tmp_path / "n.int.h5")
    assert not any(layer.start.any() for layer in read.populations.values())
    assert run(read, np.zeros((1, 7)), 5).output.shape == (1, 5, 3)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("IF", "leak", 3),
        ("IF", "refractory_steps", 2),
        ("LIF", "is_rectified", True),
        ("LIF", "neuron", "Odd"),
        ("LIF", "leak", 0),
        ("LIF", "initial_voltage", np.inf),
    ],
)
def test_numbers_that_the_kind_does_not_have_are_refused(kind, field, value, tmp_path):
    written(tmp_path / "n.int.h5", neuron=kind)
    with h5py.File(tmp_path / "n.int.h5", "a") as file:
        file["nodes/n1"].attrs[field] = value
    with pytest.raises(ModelFileError, match="numbers and shapes of node 'n1' do not fit together"):
        load(tmp_path / "n.int.h5")


@pytest.mark.parametrize(("field", "dtype"), [("ceiling", "int32"), ("threshold", "float64"), ("floor", "int64")])
def test_arrays_that_the_kind_does_not_have_are_refused(field, dtype, tmp_path):
    written(tmp_path / "n.int.h5")
    with h5py.File(tmp_path / "n.int.h5", "a") as file:
        array = np.asarray(file[f"nodes/n1/{field}"]) - 1
        del file[f"nodes/n1/{field}"]
        file[f"nodes/n1/{field}"] = array.astype(dtype)
    with pytest.raises(ModelFileError, match="numbers and shapes of node 'n1' do not fit together"):
        load(tmp_path / "n.int.h5")
