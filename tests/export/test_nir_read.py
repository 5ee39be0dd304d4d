"""NIR files of other programs: understood, refused, or damaged."""

from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv.errors import ModelFileError
from snnconv.runtime import reference

from ..helpers.small_graphs import graph_of


def write_nir(path, nodes, edges=None):
    names = list(nodes)
    edges = list(pairwise(names)) if edges is None else edges
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False))


def lif(n, tau=0.02, r=1.0, threshold=1.0, leak=0.0, reset=0.0):
    parameters = (np.broadcast_to(value, n).astype("float64") for value in (tau, r, leak, threshold, reset))
    return nir.LIF(*parameters)


def test_a_file_of_another_program_is_understood(tmp_path):
    """Per-neuron r and threshold, no metadata, and gzip: NumPy by NIR's equations gives the same spikes."""
    rng = np.random.default_rng(0)
    weight, r, threshold = rng.normal(size=(4, 6)), rng.uniform(1, 3, 4), rng.uniform(0.5, 2, 4)
    nodes = {
        "input": nir.Input(np.array([6])),
        "fc": nir.Linear(weight),
        "lif": lif(4, r=r, threshold=threshold),
        "output": nir.Output(np.array([4])),
    }
    write_nir(tmp_path / "x.nir", nodes)
    graph = snnconv.read_nir(tmp_path / "x.nir", importer_dt=0.001, dt=0.001)
    x = rng.normal(size=(3, 6)) * 3
    v, expected = np.zeros((3, 4)), []
    for _ in range(200):
        v = v + 0.001 / 0.02 * (-v + r * (x @ weight.T))
        expected.append(v > threshold)
        v = np.where(expected[-1], 0, v)
    expected = np.stack(expected, 1)
    assert expected.any()
    result = reference.run(graph, x, 200, 0.001, record="lif")
    np.testing.assert_array_equal(result.spikes["lif"], expected)
    np.testing.assert_array_equal(result.output, expected)  # a spike is 1 in NIR


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"a": nir.I(np.ones(3)), "b": nir.Delay(np.ones(3))}, r"I \('a'\); Delay \('b'\). It reads Input"),
        ({"a": lif(3, reset=-0.1)}, "v_reset of 'a' is not 0"),
        ({"a": lif(3, tau=np.array([0.1, 0.2, 0.3]))}, "'a' has neurons of different tau"),
        ({"a": lif(3, tau=1e-5)}, "tau of 'a' must be above importer_dt"),
        ({"a": lif(3, threshold=0.0)}, "v_threshold of 'a' must be above 0"),
        ({"a": nir.Linear(np.ones((2, 4)))}, "does not fit its input"),
        ({"a": nir.Conv1d(3, np.ones((2, 1, 3)), 1, 0, 1, 1, np.zeros(2))}, "does not fit its input"),
    ],
)
def test_what_has_no_equal_here_is_refused(tmp_path, nodes, message):
    write_nir(tmp_path / "x.nir", {"input": nir.Input(np.array([3])), **nodes, "output": nir.Output(np.array([3]))})
    with pytest.raises(ModelFileError, match=message):
        snnconv.read_nir(tmp_path / "x.nir")


def test_a_recurrent_graph_is_refused(tmp_path):
    nodes = {
        "input": nir.Input(np.array([3])),
        "a": lif(3),
        "w": nir.Linear(np.eye(3)),
        "output": nir.Output(np.array([3])),
    }
    write_nir(tmp_path / "x.nir", nodes, [("input", "a"), ("a", "w"), ("w", "a"), ("a", "output")])
    with pytest.raises(ModelFileError, match="is recurrent.* 'a' -> 'w' -> 'a'|is recurrent.* 'w' -> 'a' -> 'w'"):
        snnconv.read_nir(tmp_path / "x.nir")


def damaged(contents, n):
    """Copies of a file that are cut off or have other bytes."""
    rng = np.random.default_rng(0)
    for number in range(n):
        copy = bytearray(contents)
        if number % 4 == 0:
            copy = copy[: rng.integers(len(copy))]
        for place in rng.integers(len(copy) or 1, size=number % 4 * 3):
            copy[place] = rng.integers(256)
        yield bytes(copy)


def test_no_damage_brings_about_anything_but_our_error(tmp_path):
    path = tmp_path / "x.nir"
    export.export(graph_of("synapse"), path, "nir", n_steps=1)
    n_refused = 0
    for copy in damaged(path.read_bytes(), 60):
        path.write_bytes(copy)
        try:
            snnconv.read_nir(path)
        except ModelFileError:
            n_refused += 1
    assert n_refused > 20


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "x.nir"
    with pytest.raises(ModelFileError, match="there is no file"):
        snnconv.read_nir(path)
    path.write_text("no HDF5")
    with pytest.raises(ModelFileError, match="damaged, or not an HDF5 file"):
        snnconv.read_nir(path)
    graph_of("dense").save(tmp_path / "x.h5")
    path.write_bytes((tmp_path / "x.h5").read_bytes())
    with pytest.raises(ModelFileError, match="does not hold a NIR graph"):
        snnconv.read_nir(path)
    for change, message in [
        (lambda file: file.pop("node/nodes/op/weight"), "'op' .Affine. has no 'weight'"),
        (lambda file: file.pop("node/nodes/op"), "names 'op', which is no node"),
        (lambda file: file.pop("node/edges"), "there is no 'edges'"),
        (lambda file: file.pop("node/nodes/output_y"), "names 'output_y', which is no node"),
    ]:
        export.export(graph_of("dense"), path, "nir")
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ModelFileError, match=message):
            snnconv.read_nir(path)
