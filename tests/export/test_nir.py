"""NIR files: stepped as their readers step them they give the network's spikes, and they read back."""

import dataclasses
import math
from itertools import product

import h5py
import nir
import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv.export.nir.execute import execute
from snnconv.export.nir.file import read_file
from snnconv.export.nir.windows import symmetric
from snnconv.neurons import numpy_ops
from snnconv.runtime import reference

from ..helpers.small_graphs import OPERATIONS, conv, graph_of, inputs_of, network

N_STEPS = 60


EACH_OPERATION = pytest.mark.parametrize("name", OPERATIONS)


PROFILES = [{}, {"resistance": "tau/dt"}, {"importer_dt": 0.002}]


EACH_CASE = pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {}) for name in OPERATIONS),
        *((name, settings) for name in ("dense", "conv2d same", "synapse") for settings in PROFILES[1:]),
    ],
)


# --- what is written


@pytest.mark.sampled(3)
@EACH_CASE
def test_every_operation_is_written_exactly(name, settings, tmp_path):
    graph = graph_of(name)
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=inputs_of(graph), n_steps=N_STEPS, **settings)
    assert verdict.exact, verdict
    assert verdict.measured.total.n_spikes > 50
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    assert verdict.measured.output_difference < 1e-9  # rounding of sums in another order


@pytest.mark.sampled(3)
@EACH_CASE
def test_every_file_reads_back_to_the_same_spikes(name, settings, tmp_path):
    graph = graph_of(name)
    x = inputs_of(graph)
    export.export(graph, tmp_path / "x.nir", "nir", n_steps=1, **settings)
    read = snnconv.read_nir(tmp_path / "x.nir")
    expected, received = (reference.run(each, x, N_STEPS, record="all") for each in (graph, read))
    np.testing.assert_allclose(received.output, expected.output, rtol=1e-9, atol=1e-9)
    for layer, spikes in expected.spikes.items():
        found = received.spikes[layer]
        assert found.sum() == spikes.sum() > 0
        if found.shape == spikes.shape:  # what was written as a matrix comes back flat
            np.testing.assert_array_equal(found, spikes)
    assert list(read.outputs) == ["y"]
    assert read.readouts["y"].activation == "softmax"
    np.testing.assert_allclose(read.rate_output(x), graph.rate_output(x), rtol=1e-9, atol=1e-12)


@pytest.mark.sampled(3)
@EACH_OPERATION
def test_nir_itself_reads_every_file_with_type_checks(name, tmp_path):
    export.export(graph_of(name), tmp_path / "x.nir", "nir", n_steps=1)
    read = nir.read(tmp_path / "x.nir", type_check=True)
    written = read_file(tmp_path / "x.nir")
    assert {name: type(node).__name__ for name, node in read.nodes.items()} == {
        name: node.type for name, node in written.nodes.items()
    }
    assert sorted(read.edges) == sorted(written.edges)
    for name, node in written.nodes.items():
        for key, value in node.parameters.items():
            if key not in ("shape", "input_type"):
                np.testing.assert_array_equal(getattr(read.nodes[name], key), value)
    metadata = next(node.metadata for node in read.nodes.values() if isinstance(node, nir.LIF))
    assert metadata["dt"] == 0.001
    assert metadata["neuron.tau_rc"] == 0.02
    assert metadata["neuron.amplitude"] == 0.004
    assert metadata["neuron.min_voltage"] == -np.inf
    assert metadata["layer"] in ("first", "second")
    assert read.metadata["importer_dt"] == 1e-4


def test_our_executor_steps_the_equations_of_nir(tmp_path):
    """One neuron, stepped by hand."""
    graph = graph_of("dense")
    export.export(graph, tmp_path / "x.nir", "nir")
    read = nir.read(tmp_path / "x.nir")
    (feeding,) = (source for source, target in read.edges if target == "first")
    layer, neuron = read.nodes[feeding], read.nodes["first"]
    x = inputs_of(graph, 1)
    current = layer.weight @ x[0] + layer.bias
    v, expected = np.zeros(5), []
    for _ in range(N_STEPS):
        v = v + 1e-4 / neuron.tau * (neuron.v_leak - v + neuron.r * current)
        expected.append(v > neuron.v_threshold)
        v = np.where(expected[-1], neuron.v_reset, v)
    spikes, _ = execute(read_file(tmp_path / "x.nir"), {"input_x": x}, N_STEPS, 1e-4)
    np.testing.assert_array_equal(spikes["first"][0], expected)


@pytest.mark.parametrize("resistance", ["1", "tau/dt"])
def test_the_two_profiles_are_as_documented(resistance, tmp_path):
    graph = graph_of("dense")
    export.export(graph, tmp_path / "x.nir", "nir", resistance=resistance, importer_dt=5e-4)
    read = nir.read(tmp_path / "x.nir")
    share = -math.expm1(-0.001 / 0.02)
    tau = 5e-4 / share
    np.testing.assert_allclose(read.nodes["second"].tau, tau)
    np.testing.assert_allclose(read.nodes["second"].r, 1 if resistance == "1" else tau / 5e-4)
    scale = 0.004 / 0.001 * (1 if resistance == "1" else share)
    np.testing.assert_allclose(read.nodes["op"].weight, scale * graph["op"].kernel.T)
    bias = graph["second"].neuron_bias * (1 if resistance == "1" else share)
    np.testing.assert_allclose(read.nodes["op"].bias, bias)


def test_rows_behind_a_flatten_are_in_the_order_of_channels_first(tmp_path):
    shape, (pool,) = OPERATIONS["average pool"]
    graph = network([pool], shape, "op", pool.shape)
    export.export(graph, tmp_path / "x.nir", "nir")
    read = nir.read(tmp_path / "x.nir")
    rows = graph["out"].kernel.reshape(*pool.shape, 3) * 4.0  # amplitude / dt
    np.testing.assert_allclose(read.nodes["out"].weight, np.moveaxis(rows, 2, 0).reshape(-1, 3).T)
    flatten = read.nodes["second_flat"]
    assert (flatten.start_dim, flatten.end_dim) == (-3, -1)  # with or without an axis of samples in front
    assert isinstance(read.nodes["op"], nir.Conv2d)


def test_float32_halves_the_file_and_says_what_that_changes(tmp_path):
    graph = graph_of("conv2d same")
    for dtype in ("float32", "float64"):
        verdict = export.export(graph, tmp_path / f"{dtype}.nir", "nir", dtype=dtype)
        with h5py.File(tmp_path / f"{dtype}.nir") as file:
            assert {file[f"node/nodes/op/{key}"].dtype.name for key in ("weight", "bias")} == {dtype}
            assert file["node/nodes/second/tau"].dtype.name == dtype
        assert verdict.measured.total.share < 1e-3  # where a voltage meets the threshold


def test_windows_of_every_kind_become_square_ones():
    """The same outputs, or None; and None only where no window does: an even and an odd one without strides."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 8, 4))
    paddings = [((0, 0), (0, 0)), ((0, 1), (0, 1)), ((1, 1), (0, 1)), ((2, 0), (1, 1))]
    for window, strides, padding, dilation, groups in product(
        product((1, 2, 3), repeat=2), [(1, 1), (2, 2), (3, 2)], paddings, [(1, 1), (2, 1)], (1, 2)
    ):
        node = dataclasses.replace(
            conv(window, 4, 6, (), strides=strides, padding=padding, dilation=dilation, groups=groups),
            kernel=rng.normal(size=(*window, 4 // groups, 6)),
        )
        square = symmetric(node, (9, 8))
        if square is None:
            sizes = [(n - 1) * d + 1 - sum(pad) for n, d, pad in zip(window, dilation, padding, strict=True)]
            assert 1 in strides
            assert (sizes[0] - sizes[1]) % 2
            continue
        assert square.kernel.shape[0] == square.kernel.shape[1]
        assert all(before == after for before, after in square.padding)
        # sums in another order
        np.testing.assert_allclose(square.apply(x, xp=numpy_ops), node.apply(x, xp=numpy_ops), atol=1e-12)
