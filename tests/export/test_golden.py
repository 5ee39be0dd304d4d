"""The choice of golden samples: weights whose inputs are silent in all of them are few."""

import json

import numpy as np

from snnconv.export import export
from snnconv.export.golden import golden_vectors
from snnconv.export.integers import OPTIONS, to_integers
from snnconv.export.target import Settings
from snnconv.graph.inputs import Inputs
from snnconv.neurons import LIF

from ..helpers.integer_networks import Line


def network(n_in=12):
    rng = np.random.default_rng(0)
    line = Line((n_in,)).dense("d", rng.normal(0, 1, (n_in, 6))).neurons("n", LIF(), np.full(6, 3.0))
    return line.dense("out", rng.normal(size=(6, 2))).graph()


def golden(x, **changed):
    graph = network(x.shape[1])
    options = {option.name: option.default for option in OPTIONS} | changed
    settings = Settings(0.001, Inputs({"x": x}, {"x": x.shape[1:]}), 20, options)
    return golden_vectors(to_integers(graph, settings), settings)


def test_samples_are_chosen_for_the_weights_that_they_reach():
    """Samples 5 and 7 have the inputs between them that the first ones lack."""
    x = np.zeros((8, 12))
    x[:, 0] = 1
    x[5, :8], x[7, 8:] = 1, 1
    found = golden(x, golden=2)
    np.testing.assert_array_equal(found.codes, np.round(x[[5, 7]] * 255))
    assert found.covered > 0.95


def test_made_up_samples_stand_in_where_the_given_ones_are_silent():
    x = np.zeros((4, 12))
    x[:, 0] = 1
    found = golden(x)
    assert found.covered > 0.95
    assert (found.codes[:2, 1:] == 0).all()  # half of them are given ones
    assert found.codes[2:, 1:].any()


def test_every_layer_has_golden_voltages_and_the_manifest_the_widths(tmp_path):
    export(network(), tmp_path / "net", "params", n_steps=5)
    stored = np.load(tmp_path / "net" / "golden.npz")
    assert {"spikes/n", "voltages/n"} <= set(stored)
    widths = json.loads((tmp_path / "net" / "MANIFEST.json").read_text("utf-8"))["bits_of_mem"]
    files = {path.relative_to(tmp_path / "net").as_posix() for path in (tmp_path / "net" / "mem").iterdir()}
    assert set(widths) == files
    assert widths["mem/n_kernel.mem"] == 8
