"""What makes the runtime fast, each against the plain way of doing it."""

import dataclasses
import math
import pickle
import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.errors import InputError, ParameterError
from snnconv.graph import Affine, Dense, Filter, Input, Population, Reshape, SpikingGraph
from snnconv.graph.passes import commute_synapses, move_biases
from snnconv.neurons import IF, LIF, numpy_ops
from snnconv.neurons.spike_train import spikes_between
from snnconv.runtime import reference, sparse_ops, tensorflow_ops

from ..helpers.networks import random_cnn

NAMESPACES = pytest.mark.parametrize("xp", [numpy_ops, tensorflow_ops], ids=["numpy", "tensorflow"])


@pytest.fixture(scope="module")
def cnn():
    return snnconv.convert(random_cnn(), scale_firing_rates={"hidden": 2.0}, verbose=False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(0, 2, (5, 12, 12, 2))


def dense_network(sizes, neuron, seed=0, synapse=None):
    """Dense layers with spikes between them, at a few per cent of spikes."""
    rng = np.random.default_rng(seed)
    nodes, last = [Input(name="x", shape=(sizes[0],))], "x"
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        kernel = rng.normal(0, 2.5 / math.sqrt(n_in), (n_in, n_out)).astype("float32")
        nodes.append(Dense(name=f"dense{k}", inputs=(last,), shape=(n_out,), kernel=kernel, bias=np.full(n_out, 0.9)))
        last = f"dense{k}"
        if k < len(sizes) - 2:
            bias = np.zeros(())
            last = f"lif{k}"
            nodes.append(
                Population(name=last, inputs=(f"dense{k}",), shape=(n_out,), neuron=neuron, neuron_bias=bias, gain=bias)
            )
            if synapse is not None:
                nodes.append(Filter(name=f"{last}.synapse", inputs=(last,), shape=(n_out,), synapse=synapse))
                last = f"{last}.synapse"
    return SpikingGraph(tuple(nodes), {"y": last})


# Packed states


@NAMESPACES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_packing_loses_nothing(xp, dtype, data):
    width = int(dtype[-2:])
    tau_ref = data.draw(st.sampled_from([0.0, 0.001, 0.002, 0.03]))
    min_voltage = data.draw(st.sampled_from([0.0, -0.5, -math.inf]))
    neuron = LIF(0.02, tau_ref, min_voltage=min_voltage)
    currents = data.draw(st.lists(st.floats(-1e6, 1e6, width=width), min_size=12, max_size=12))
    state = neuron.initial_state((3,), dtype=dtype, xp=xp)
    for step in range(4):
        J = np.array(currents[3 * step : 3 * step + 3], dtype)
        spikes, state = neuron.step(J if xp is numpy_ops else tf.constant(J), state, 0.001, xp)
        again, unpacked = neuron.unpack(neuron.pack(spikes, state, xp), xp)
        np.testing.assert_array_equal(again, spikes)
        np.testing.assert_array_equal(unpacked["voltage"], state["voltage"])
        # a neuron that has just spiked and is not refractory keeps a trace, which no share of a step is as fine as
        np.testing.assert_allclose(unpacked["refractory"], state["refractory"], rtol=0, atol=1e-18)


def test_neurons_that_do_not_pack_say_so_and_run_all_the_same():
    """A long refractory period leaves no room between the voltages and the lifted states."""
    long = LIF(tau_rc=0.005, tau_ref=0.02)
    assert LIF().packs("float32")
    assert not long.packs("float32")
    with pytest.raises(NotImplementedError, match="IF neurons do not pack"):
        IF().pack(np.zeros(1), {"voltage": np.zeros(1)})
    graph = dense_network((5, 8, 6, 2), long)
    x = np.random.default_rng(0).normal(0, 3, (2, 60, 5))
    expected = reference.run(graph, x, 60, record="all")
    result = snnconv.Simulator(graph, dtype="float64").run(x, 60, record="all")
    for name, spikes in expected.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(result.spikes[name], spikes)


# Spikes under constant current


def loop(neuron, J, state, n_steps, dt):
    spikes = []
    for _ in range(n_steps):
        counted, state = neuron.step(J, state, dt)
        spikes.append(counted)
    return np.stack(spikes), state


@pytest.mark.parametrize("dt", [0.001, 0.0003])
@pytest.mark.parametrize(("tau_rc", "tau_ref"), [(0.02, 0.002), (0.02, 0.001), (0.005, 0.0135)])
@pytest.mark.parametrize("min_voltage", [0.0, -0.5])
def test_spike_trains_are_those_of_the_loop(dt, tau_rc, tau_ref, min_voltage):
    neuron = LIF(tau_rc, tau_ref, min_voltage=min_voltage)
    rng = np.random.default_rng(0)
    J = np.concatenate([rng.uniform(-2, 10, 4000), rng.uniform(1, 1.001, 500), [1.0, -0.0, 1e4]])
    state = {"voltage": rng.uniform(min_voltage, 1, J.shape), "refractory": np.zeros_like(J)}
    _, state = loop(neuron, rng.permutation(J), state, 5, dt)  # some neurons are refractory now
    assert neuron.has_spike_train(dt)
    assert (state["refractory"] > 0).any()
    assert neuron.spike_train(J, state, dt).J is J
    expected, last = loop(neuron, J, state, 300, dt)
    train = neuron.spike_train(J, state, dt, numpy_ops)
    spikes = spikes_between(np.arange(301.0), *train.phases(), numpy_ops)
    # rounding of 1e-16 decides only where a crossing falls on the end of a step, which random currents do not hit
    np.testing.assert_array_equal(spikes, expected)
    after = train.state_after(300)
    for variable, value in last.items():
        np.testing.assert_allclose(after[variable], value, atol=1e-9)


def test_there_is_no_spike_train_where_a_step_outlasts_the_refractory_period():
    assert not LIF(tau_ref=0.0005).has_spike_train(0.001)
    assert not LIF(tau_ref=0.0).has_spike_train(0.001)
    with pytest.raises(NotImplementedError, match="IF neurons need a loop"):
        IF().spike_train(np.ones(1), {}, 0.001)


def test_spike_trains_in_float32_are_near_the_truth_as_the_loop_in_float32_is():
    """Both move a few crossings at the end of a step over it; neither loses or adds a spike."""
    neuron = LIF()
    J = np.random.default_rng(1).uniform(0.5, 8, 20_000)
    truth, _ = loop(neuron, J, neuron.initial_state(J.shape), 400, 0.001)
    single = J.astype("float32")
    state = neuron.initial_state(J.shape, dtype="float32")
    looped, _ = loop(neuron, single, state, 400, 0.001)
    train = neuron.spike_train(single, state, 0.001, numpy_ops)
    closed = spikes_between(np.arange(401, dtype="float32"), *train.phases(), numpy_ops)
    assert closed.dtype == "float32"
    assert np.abs(np.cumsum(closed - truth, 0)).max() <= 1
    # measured: 14 and 6 of 1.1 million spikes one step off
    assert max((closed != truth).sum(), (looped != truth).sum()) < 5e-5 * truth.sum()


def test_simulators_use_spike_trains_and_give_the_spikes_of_the_loop(cnn, images):
    """Recorded voltages need the loop over time; without them the first population has none, in float32."""
    names = [f"{name}.spikes" for name in cnn.populations]
    simulator = snnconv.Simulator(cnn)
    result = simulator.run(images, 120, record=names)
    (stepper,) = simulator._engines[0]._steppers.values()
    assert list(stepper._trains) == ["lif1"]
    expected = reference.run(cnn, images, 120, record=names)
    for name, spikes in expected.spikes.items():
        # float32: a spike may come one step off, but none is lost or added
        assert np.abs(np.cumsum(result.spikes[name], 1, int) - np.cumsum(spikes, 1, int)).max() <= 1
        assert (result.spikes[name] != spikes).sum() <= 1e-3 * spikes.sum()
    first = simulator.run(images, 50, record=names)
    second = simulator.run(images, 70, record=names, state=first.state)
    again = np.concatenate([first.spikes["lif1"], second.spikes["lif1"]], 1)
    assert (again != expected.spikes["lif1"]).sum() <= 1e-3 * again.sum()


def test_rates_do_not_count_padding(cnn, images):
    simulator = snnconv.Simulator(cnn, chunk_steps=32)
    result = simulator.run(images, 50, record=["lif1.rates", "lif1.spikes"])
    np.testing.assert_allclose(result.rates["lif1"], result.spikes["lif1"].sum(1) / 0.05)


# Sparse products


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
@pytest.mark.parametrize(("density", "n_columns"), [(0.0, 256), (0.02, 256), (0.6, 256), (0.02, 16), (1.0, 100)])
def test_sparse_products_equal_dense_ones(density, n_columns, dtype, monkeypatch):
    monkeypatch.setattr(sparse_ops.os, "cpu_count", lambda: 3)
    rng = np.random.default_rng(0)
    x = (rng.random((5, 60, 64)) < density) * rng.choice([-1, 1, 2], (5, 60, 64))
    x = x.astype(dtype)
    kernel = rng.normal(size=(64, n_columns)).astype("float64" if dtype == "float64" else "float32")
    product = tf.function(sparse_ops.matmul)(tf.constant(x), tf.constant(kernel))
    # sums of 64 numbers near 1, in another order
    np.testing.assert_allclose(product, x @ kernel, atol=1e-13 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("neuron", "dt", "most"), [(LIF(), 0.001, 1), (IF(amplitude=0.2), 0.2, 2)], ids=["LIF", "IF"])
def test_sparse_products_are_taken_where_few_neurons_spike(neuron, dt, most, dtype):
    graph = dense_network((30, 200, 300, 300, 4), neuron)
    x = np.random.default_rng(0).normal(size=(4, 30))
    simulator = snnconv.Simulator(graph, dt, dtype)
    record = ["lif0.spikes", "lif1.spikes", "lif1.rates"]
    result, dense = simulator.run(x, 40, record), snnconv.Simulator(graph, dt, dtype, sparse=False).run(x, 40, record)
    assert result.spikes["lif0"].max() >= most
    assert result.spikes["lif1"].sum() > 100
    np.testing.assert_array_equal(result.spikes["lif1"], dense.spikes["lif1"])
    np.testing.assert_array_equal(result.rates["lif1"], dense.rates["lif1"])
    np.testing.assert_allclose(result.output, dense.output, atol=1e-4)
    (stepper,) = simulator._engines[0]._steppers.values()
    text = str(stepper.chunk.function.get_concrete_function(*_arguments(stepper, x, dtype)).graph.as_graph_def())
    assert text.count('op: "SparseMatrixMatMul"') == 2, "for 300 columns; 4 are too few"
    kept = {name: stepper._dtype(node) for name, node in simulator._engines[0].model._by_name.items()}
    in_bytes = [name for name in graph.populations if kept[name] == tf.bool]
    assert in_bytes == (["lif0", "lif1"] if isinstance(neuron, LIF) else [])


def _arguments(stepper, x, dtype):
    held = {"x": tf.constant(np.resize(x, (stepper._program.batch_size, x.shape[1])), dtype)}
    constant, trains, state = stepper.before(held, None)
    return constant, trains, {}, state, tf.constant(0), tf.constant(1)


def test_break_even_rises_with_the_width():
    assert sparse_ops.break_even(27) < 0 < sparse_ops.break_even(128) < sparse_ops.break_even(512) < 1 / 3


def test_spikes_that_others_take_too_stay_numbers():
    """A branch that adds spikes up needs them as numbers, and so does an output."""
    graph = dense_network((30, 200, 300, 4), LIF())
    spikes = Affine(name="twice", inputs=("lif0",), shape=(200,), scale=np.full((), 2.0))
    for extra in ({"outputs": {"y": "dense2", "z": "lif0"}}, {"nodes": (*graph.nodes, spikes)}):
        changed = dataclasses.replace(graph, **extra)
        model = snnconv.Simulator(changed)._engines[0].model
        assert not model.fits_bool(model._by_name["lif0"])
        assert not model.fits_bool(model._by_name["lif1"]), "4 columns"
    assert not snnconv.Simulator(graph, precision="bfloat16")._engines[0].model.fits_bool(graph["lif0"])


# Biases


def test_neurons_add_the_bias_of_a_dense_layer_that_feeds_them_alone():
    graph = dense_network((30, 20, 10, 4), LIF())
    moved = move_biases(graph)
    assert [moved[name].bias is None for name in ("dense0", "dense1", "dense2")] == [True, True, False]
    x = np.random.default_rng(0).normal(size=(4, 30))
    ours, theirs = reference.run(moved, x, 50, record="all"), reference.run(graph, x, 50, record="all")
    for name in graph.populations:
        np.testing.assert_array_equal(ours.voltages[name], theirs.voltages[name])


def test_a_bias_stays_where_neurons_have_their_own():
    graph = dense_network((30, 20, 4), LIF())
    own = dataclasses.replace(graph["lif0"], neuron_bias=np.full(20, 0.1))
    graph = dataclasses.replace(graph, nodes=tuple(own if node.name == "lif0" else node for node in graph.nodes))
    assert move_biases(graph)["dense0"].bias is not None


# The state after a run


def test_the_state_is_computed_when_it_is_looked_at(cnn, images, monkeypatch):
    simulator = snnconv.Simulator(cnn, batch_size=2)
    result = simulator.run(images, 20)
    (stepper,) = simulator._engines[0]._steppers.values()
    after, calls = stepper.after, []
    monkeypatch.setattr(stepper, "after", lambda *arguments: calls.append(1) or after(*arguments))
    assert list(result.state) == [node.name for node in simulator._engines[0].model.stateful]
    assert len(result.state) == len(list(result.state))
    assert "lif1" in result.state
    assert not calls
    voltage = result.state["lif1"]["voltage"]
    assert voltage.shape == (5, *cnn.populations["lif1"].shape)
    assert len(calls) == 3, "one for each batch"
    assert result.state["lif1"]["voltage"] is voltage
    with pytest.raises(KeyError, match="nowhere"):
        result.state["nowhere"]
    again = pickle.loads(pickle.dumps(result.state))
    assert type(again) is dict
    np.testing.assert_array_equal(again["lif1"]["voltage"], voltage)


# Synapses on the cheaper side


@pytest.mark.parametrize("sizes", [(6, 20, 8, 3), (6, 8, 20, 3)], ids=["narrowing", "widening"])
def test_synapses_move_behind_kernels_that_give_less(sizes):
    graph = dense_network(sizes, LIF(), synapse=snnconv.synapses.Lowpass(0.005))
    moved = commute_synapses(graph)
    shapes = {node.name: node.shape for node in moved.nodes if isinstance(node, Filter)}
    assert shapes == {"lif0.synapse": (8,), "lif1.synapse": (3,)}
    x = np.random.default_rng(0).normal(size=(3, 50, 6))
    before, after = (reference.run(each, x, 50, record="all") for each in (graph, moved))
    for name, spikes in before.spikes.items():
        assert spikes.any()
        np.testing.assert_array_equal(after.spikes[name], spikes)
    np.testing.assert_allclose(after.output, before.output, atol=1e-12)


def test_a_bias_stays_behind_the_synapse():
    graph = dense_network((6, 20, 8, 3), LIF(), synapse=snnconv.synapses.Lowpass(0.005))
    moved = commute_synapses(graph)
    assert moved["dense1"].bias is None
    np.testing.assert_array_equal(moved["lif1"].neuron_bias, graph["dense1"].bias)
    assert isinstance(moved[moved.outputs["y"]], Affine), "the output's bias has no population to go to"


def test_synapses_pass_reshapes_but_stay_before_branches():
    spikes = Population(
        name="lif", inputs=("x",), shape=(2, 3), neuron=LIF(), neuron_bias=np.zeros(()), gain=np.ones(())
    )
    synapse = Filter(name="synapse", inputs=("lif",), shape=(2, 3), synapse=snnconv.synapses.Lowpass(0.01))
    flat = Reshape(name="flat", inputs=("synapse",), shape=(6,))
    dense = Dense(name="dense", inputs=("flat",), shape=(2,), kernel=np.ones((6, 2)))
    nodes = (Input(name="x", shape=(2, 3)), spikes, synapse, flat, dense)
    moved = commute_synapses(SpikingGraph(nodes, {"y": "dense"}))
    assert [node.name for node in moved.nodes] == ["x", "lif", "flat", "dense", "synapse"]
    assert moved.outputs == {"y": "synapse"}
    branching = SpikingGraph(nodes, {"y": "dense", "filtered": "synapse"})
    assert commute_synapses(branching).nodes == branching.nodes


# One step per call


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_add_up_to_a_run(cnn, images, dtype):
    simulator = snnconv.Simulator(cnn, dtype=dtype)
    x = np.random.default_rng(0).uniform(0, 3, (2, 30, 12, 12, 2))
    expected = simulator.run(x, 30)
    outputs = np.stack([simulator.step(x[:, step]) for step in range(30)], 1)
    np.testing.assert_allclose(outputs, expected.output, atol=1e-5 if dtype == "float32" else 1e-11)
    later = simulator.run(images[:2], 20, state=simulator.state)
    whole = simulator.run(np.concatenate([x, np.repeat(images[:2, None], 20, 1)], 1), 50)
    np.testing.assert_allclose(later.output, whole.output[:, 30:], atol=1e-5 if dtype == "float32" else 1e-11)


def test_steps_compile_once_and_start_anew_after_reset(cnn, images):
    simulator = snnconv.Simulator(cnn, initial_voltage="uniform", seed=1)
    with pytest.raises(ParameterError, match="no state before the first step"):
        simulator.state  # noqa: B018
    first = [simulator.step(images) for _ in range(10)]
    with pytest.raises(InputError, match="goes on with 5 samples. Received 2"):
        simulator.step(images[:2])
    simulator.reset()
    second = [simulator.step(images) for _ in range(10)]
    np.testing.assert_array_equal(first, second)
    assert simulator._stream._advance.function.experimental_get_tracing_count() == 1
    simulator.reset()
    assert simulator.step(images[:2]).shape == (2, 5)


# What it costs


def test_another_number_of_steps_compiles_anew_only_where_much_would_be_padding(cnn, images):
    simulator = snnconv.Simulator(cnn)
    expected = reference.run(cnn, images, 100)
    for n_steps, n_compiled in ((100, 1), (95, 1), (100, 1), (10, 2), (9, 2)):
        result = simulator.run(images, n_steps)
        assert len(simulator._engines[0]._steppers) == n_compiled
        # float32 against float64: the last layer adds up twenty neurons, one of whose spikes may come a step off
        assert np.median(np.abs(result.output - expected.output[:, :n_steps])) < 1e-5


def test_calls_grow_with_samples_and_steps_and_nothing_else(cnn, monkeypatch):
    from snnconv.runtime.stepper import Stepper

    calls = {"before": 0, "chunk": 0}
    original = Stepper.__init__

    def counting(self, *arguments):
        original(self, *arguments)
        for name in calls:
            monkeypatch.setattr(self, name, _counted(calls, name, getattr(self, name)))

    monkeypatch.setattr(Stepper, "__init__", counting)
    simulator = snnconv.Simulator(cnn, batch_size=4, chunk_steps=10)
    x = np.zeros((16, 12, 12, 2))
    for n, n_steps in ((4, 20), (16, 20), (16, 40)):
        calls.update(before=0, chunk=0)
        simulator.predict(x[:n], n_steps)
        assert calls == {"before": n // 4, "chunk": n // 4 * n_steps // 10}


def _counted(calls, name, function):
    def call(*arguments):
        calls[name] += 1
        return function(*arguments)

    return call


def test_memory_does_not_grow_with_the_steps():
    """Ten times the steps in the same process. Kept at every step, the second run's values would take 1.6 GB more."""
    program = """
        import resource
        import numpy as np
        from tests.runtime.test_stepper import dense_network
        from snnconv.neurons import LIF
        import snnconv

        simulator = snnconv.Simulator(dense_network((20, 2000, 50, 3), LIF()), memory=32 << 20)
        x = np.ones((128, 20))
        peaks = []
        for n_steps in (160, 1600):
            simulator.predict(x, n_steps)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(*peaks)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=120
    )
    short, long = map(float, done.stdout.split())
    # MiB. What the allocator keeps for itself varies by a few chunks.
    assert long - short < 100
