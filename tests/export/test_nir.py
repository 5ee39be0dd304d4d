"""NIR files: stepped as their readers step them they give the network's spikes, and they read back."""

import dataclasses
import math
import sys
from itertools import pairwise, product

import h5py
import nir
import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv.errors import ExportError, ModelFileError, ParameterError
from snnconv.export.nir.execute import execute
from snnconv.export.nir.file import read_file
from snnconv.export.nir.windows import symmetric
from snnconv.graph import Add, Affine, Dense, Filter, MaxPool, SpikingGraph
from snnconv.neurons import IF, LIF, Tanh, numpy_ops
from snnconv.neurons.synapses import Alpha, Lowpass
from snnconv.runtime import reference

from ..helpers.small_graphs import OPERATIONS, conv, graph_of, inputs_of, network, normal, op, with_neurons

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


@EACH_CASE
def test_every_operation_is_written_exactly(name, settings, tmp_path):
    graph = graph_of(name)
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=inputs_of(graph), n_steps=N_STEPS, **settings)
    assert verdict.exact, verdict
    assert verdict.measured.total.n_spikes > 50
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    assert verdict.measured.output_difference < 1e-9  # rounding of sums in another order


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


# --- what is not held


def test_what_nir_cannot_hold_is_refused_by_name_and_measured_if_allowed(tmp_path):
    graph = graph_of("dense", first=LIF(tau_ref=0.002, min_voltage=0.0))
    message = (
        r"target 'nir' cannot hold the refractory period of 'first'; the voltage floor of 'first'\. "
        r"Train with tau_ref=0 and min_voltage=float\('-inf'\)\. Or write it with --approximate"
    )
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir")
    assert not list(tmp_path.iterdir())
    verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=inputs_of(graph), n_steps=100)
    assert not verdict.exact
    first, second = verdict.measured.layers
    assert first.n_written > first.n_spikes
    assert 0 < first.share < 1
    assert 0 < second.share < 1
    assert read_file(tmp_path / "x.nir").metadata["not_held"] == "; ".join(map(str, verdict.approximated))
    assert "the refractory period of 'first' (left out)" in str(verdict)


@pytest.mark.parametrize("min_voltage", [None, 0.0, -math.inf])
def test_if_neurons_are_approximated_by_leaks_too_small_to_see(tmp_path, min_voltage):
    graph = graph_of("dense", first=IF(0.004, min_voltage=min_voltage))
    # 30 Hz and more, and never more than one spike in a step, so that only the reset differs
    x = np.random.default_rng(0).uniform(30, 400, (4, 5))
    with pytest.raises(ExportError, match="the IF neurons of 'first'"):
        export.export(graph, tmp_path / "x.nir", "nir")
    for settings in PROFILES:
        verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=x, n_steps=50, **settings)
        first = verdict.measured.layers[0]
        spikes = reference.run(graph, x, 50, record="first").spikes["first"]
        # resetting to 0 loses less than one step's current per spike; the first spike of each neuron is the same
        v, reset_to_zero = np.zeros_like(x), np.zeros_like(spikes)
        for step in range(50):
            v = v + (x + graph["first"].neuron_bias) * 0.001
            reset_to_zero[:, step] = v > 1
            v = np.where(v > 1, 0, v)
        assert first.n_spikes == spikes.sum()
        assert first.n_written == reset_to_zero.sum()


def test_an_alpha_synapse_is_two_lowpasses(tmp_path):
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Alpha(0.005)),
        Dense(name="op", inputs=("filter",), shape=(4,), kernel=normal(5, 4)),
    ]
    graph = network(nodes, (5,), "op", (4,))
    with pytest.raises(ExportError, match="the Alpha synapse of 'filter'"):
        export.export(graph, tmp_path / "x.nir", "nir")
    verdict = export.export(graph, tmp_path / "x.nir", "nir", approximate=True, x=inputs_of(graph))
    assert verdict.measured.layers[0].share == 0
    assert verdict.measured.output_difference < 0.1


def synapse_graph(bias):
    """Neurons behind a synapse, with and without a constant current, and no synapse before the output."""
    nodes = [
        Filter(name="filter", inputs=("first",), shape=(5,), synapse=Lowpass(0.005)),
        Dense(name="op", inputs=("filter",), shape=(4,), kernel=normal(5, 4) * 2, bias=normal(4) * bias),
    ]
    graph = network(nodes, (5,), "op", (4,))
    nodes = [
        dataclasses.replace(node, neuron_bias=node.neuron_bias * bias) if node.name == "second" else node
        for node in graph.nodes
    ]
    return graph.replace(nodes)


@pytest.mark.parametrize("settings", PROFILES, ids=str)
def test_synapses_in_the_neurons_are_exact_without_biases(settings, tmp_path):
    graph = synapse_graph(bias=0)
    x = inputs_of(graph)
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=x, n_steps=N_STEPS, synapse_node="CubaLIF", **settings)
    assert verdict.exact, verdict
    assert all(layer.n_spikes for layer in verdict.measured.layers)
    written = nir.read(tmp_path / "x.nir")
    assert not any(isinstance(node, nir.LI) for node in written.nodes.values())
    neurons, dt = written.nodes["second"], settings.get("importer_dt", 1e-4)
    assert isinstance(neurons, nir.CubaLIF)
    np.testing.assert_allclose(neurons.r, neurons.tau_mem / dt)  # its readers insist on both
    np.testing.assert_allclose(neurons.w_in, neurons.tau_syn / dt)
    read = snnconv.read_nir(tmp_path / "x.nir")
    expected, received = (reference.run(each, x, N_STEPS, record="all") for each in (graph, read))
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(received.spikes[name], spikes)


def test_biases_behind_a_synapse_in_the_neurons_are_an_approximation(tmp_path):
    graph = synapse_graph(bias=1)
    x = inputs_of(graph)
    message = r"the biases behind a synapse of 'second'\. Write it with --synapse-node LI\."
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir", synapse_node="CubaLIF")
    verdict = export.export(graph, tmp_path / "x.nir", "nir", x=x, synapse_node="CubaLIF", approximate=True)
    assert not verdict.exact
    # exactly this: the synapse filters the biases too
    nodes = {node.name: node for node in graph.nodes}
    bias = nodes["op"].bias + nodes["second"].neuron_bias
    changed = [
        *(nodes[name] for name in ("x", "first")),
        dataclasses.replace(nodes["op"], inputs=("first",), bias=bias),
        dataclasses.replace(nodes["filter"], inputs=("op",), shape=(4,)),
        dataclasses.replace(nodes["second"], inputs=("filter",), neuron_bias=np.zeros(4)),
        *(nodes[name] for name in ("flat", "out", "soft")),
    ]
    late, read = graph.replace(changed), snnconv.read_nir(tmp_path / "x.nir")
    expected, received = (reference.run(each, x, 100, record="second").spikes["second"] for each in (late, read))
    np.testing.assert_array_equal(received, expected)
    assert verdict.measured.layers[1].n_written == expected.sum() > 0


def test_a_synapse_before_an_output_or_a_mixture_needs_nodes_of_its_own(tmp_path):
    graph = synapse_graph(bias=0)
    last = Filter(name="last", inputs=("second",), shape=(4,), synapse=Lowpass(0.01))
    out = dataclasses.replace(graph["out"], inputs=("last",))
    behind = SpikingGraph((*graph.nodes[:-3], last, out), {"y": "out"})
    with pytest.raises(ExportError, match=r"the synapse before an output of 'last'.*left out"):
        export.export(behind, tmp_path / "x.nir", "nir", synapse_node="CubaLIF")
    both = Add(name="both", inputs=("filter", "first"), shape=(5,))
    mixed = [dataclasses.replace(node, inputs=("both",)) if node.name == "op" else node for node in graph.nodes]
    mixed = SpikingGraph((*mixed[:3], both, *mixed[3:]), {"y": "out"})
    assert export.export(mixed, tmp_path / "x.nir", "nir", x=inputs_of(graph)).exact
    with pytest.raises(ExportError, match="the different synapses before one CubaLIF of 'second'"):
        export.export(mixed, tmp_path / "x.nir", "nir", synapse_node="CubaLIF", approximate=True)


def test_max_pooling_and_other_neurons_have_no_approximation(tmp_path):
    nodes = [
        op(MaxPool, (2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0))),
        Affine(name="more", inputs=("op",), shape=(2, 2, 3), scale=np.ones(())),
    ]
    graph = with_neurons(network(nodes, (4, 4, 3), "more", (2, 2, 3)), second=Tanh())
    message = r"the max pooling of 'op'; the Tanh neurons of 'second'\. Convert with max_to_avg_pool=True"
    with pytest.raises(ExportError, match=message):
        export.export(graph, tmp_path / "x.nir", "nir", approximate=True)


def test_a_matrix_that_would_be_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["snnconv.export.nir.lower"], "MAX_MATRIX", 100)
    with pytest.raises(ExportError, match=r"the ConvTranspose of 'op'\. As a matrix it would have 1,944 weights"):
        export.export(graph_of("transposed"), tmp_path / "x.nir", "nir")


def test_options_are_checked(tmp_path):
    graph = graph_of("dense")
    for value in (0, -1, math.nan, math.inf):
        with pytest.raises(ParameterError, match="--importer-dt must be above 0 seconds"):
            export.export(graph, tmp_path / "x.nir", "nir", importer_dt=value)
    with pytest.raises(ParameterError, match="--resistance must be one of 1, tau/dt"):
        export.export(graph, tmp_path / "x.nir", "nir", resistance="2")


# --- what is read


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
        ({"a": nir.Scale(np.ones(3)), "b": nir.Delay(np.ones(3))}, r"Scale \('a'\); Delay \('b'\). It reads Input"),
        ({"a": lif(3, leak=0.1)}, "v_leak of 'a' is not 0"),
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
    with pytest.raises(ModelFileError, match="is recurrent"):
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
    graph_of("dense").save(path)
    with pytest.raises(ModelFileError, match="does not hold a NIR graph"):
        snnconv.read_nir(path)
    for change, message in [
        (lambda file: file.pop("node/nodes/op/weight"), "'op' .Affine. has no 'weight'"),
        (lambda file: file.pop("node/nodes/op"), "names 'op', which is no node"),
        (lambda file: file.pop("node/edges"), "there is no 'node/edges'"),
        (lambda file: file.pop("node/nodes/output_y"), "names 'output_y', which is no node"),
    ]:
        export.export(graph_of("dense"), path, "nir")
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ModelFileError, match=message):
            snnconv.read_nir(path)
