"""The TensorFlow runtime against the NumPy loop, and what both promise."""

import math

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF
from snnconv.runtime import reference
from snnconv.runtime.batches import MEMORY, sizes

from ..helpers.activations import differing
from ..helpers.networks import forum_model, random_cnn, randomise


def populations(graph):
    return dict.fromkeys(graph.populations, 0)


def test_float64_equals_the_loop_on_static_input(cnn, images, loop):
    result = snnconv.Simulator(cnn, dtype="float64").run(images, 120, record="all")
    assert differing(result, loop) == populations(cnn)
    assert all(spikes.sum() > 100 for spikes in loop.spikes.values())
    # the products add up in another order
    np.testing.assert_allclose(result.output, loop.output, atol=1e-11)
    for name in cnn.populations:
        np.testing.assert_allclose(result.voltages[name], loop.voltages[name], atol=1e-9)
        np.testing.assert_array_equal(result.rates[name], loop.rates[name])


def test_float64_equals_the_loop_on_input_that_varies(cnn):
    x = np.random.default_rng(4).uniform(0, 3, (3, 80, 12, 12, 2))
    result = snnconv.Simulator(cnn, dtype="float64").run(x, 80, record="all")
    expected = reference.run(cnn, x, 80, record="all")
    assert differing(result, expected) == populations(cnn)
    np.testing.assert_allclose(result.output, expected.output, atol=1e-11)


def test_float64_equals_the_loop_behind_synapses(images):
    graph = snnconv.convert(
        random_cnn(), synapse={"lif1": 0.005, "lif2": snnconv.synapses.Alpha(0.003), "hidden": 0.01}
    )
    result = snnconv.Simulator(graph, dtype="float64").run(images, 100, record="all")
    expected = reference.run(graph, images, 100, record="all")
    assert differing(result, expected) == populations(graph)
    np.testing.assert_allclose(result.output, expected.output, atol=1e-11)


def test_float32_differs_at_ties_only(cnn, images, loop, record_property):
    """Rounding moves a crossing by less than a step: a spike may come one step off, but none is lost or added."""
    result = snnconv.Simulator(cnn).run(images, 120, record="all")
    different = differing(result, loop)
    record_property("differing_spikes", different)
    for name, spikes in result.spikes.items():
        ours, theirs = np.cumsum(spikes, 1, int), np.cumsum(loop.spikes[name], 1, int)
        assert np.abs(ours - theirs).max() <= 1
        assert different[name] <= 1e-3 * theirs[:, -1].sum()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("batch_size", "chunk_steps"), [(1, 1), (2, 7), (4, 120), (8, 50), (3, 500)])
def test_results_do_not_depend_on_batch_size_or_chunk_length(cnn, images, loop, batch_size, chunk_steps):
    n_steps = 20 if chunk_steps == 1 else 120
    simulator = snnconv.Simulator(cnn, dtype="float64", batch_size=batch_size, chunk_steps=chunk_steps)
    result = simulator.run(images, n_steps, record="all")
    for name, spikes in result.spikes.items():
        np.testing.assert_array_equal(spikes, loop.spikes[name][:, :n_steps])
    np.testing.assert_allclose(result.output, loop.output[:, :n_steps], atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_runs_in_a_row_are_one_long_run(cnn, images, dtype):
    simulator = snnconv.Simulator(cnn, dtype=dtype)
    whole = simulator.run(images, 200, record="all")
    first = simulator.run(images, 100, record="all")
    second = simulator.run(images, 100, record="all", state=first.state)
    np.testing.assert_array_equal(np.concatenate([first.output, second.output], 1), whole.output)
    for name in cnn.populations:
        np.testing.assert_array_equal(np.concatenate([first.spikes[name], second.spikes[name]], 1), whole.spikes[name])
    for node, variables in whole.state.items():
        for variable, value in variables.items():
            np.testing.assert_array_equal(second.state[node][variable], value)


def test_the_loop_streams_too_and_shares_its_state_with_the_simulator(cnn, images, loop):
    first = snnconv.Simulator(cnn, dtype="float64").run(images, 70)
    second = reference.run(cnn, images, 50, record="all", state=first.state)
    for name, spikes in second.spikes.items():
        np.testing.assert_array_equal(spikes, loop.spikes[name][:, 70:])


def test_a_run_compiles_once(cnn, images):
    simulator = snnconv.Simulator(cnn, chunk_steps=30)
    for n_steps in (60, 100, 31):
        simulator.run(images, n_steps)
        simulator.run(images[:4] * 2, n_steps)
    steppers = list(simulator._engines[0]._steppers.values())
    assert len(steppers) == 2, "one for each batch size: 8 for 5 samples, 4 for 4"
    assert [stepper.chunk.function.experimental_get_tracing_count() for stepper in steppers] == [1, 1]


def test_uniform_initial_voltages_follow_the_seed_alone(cnn, images):
    def spikes(seed, batch_size):
        simulator = snnconv.Simulator(cnn, dtype="float64", initial_voltage="uniform", seed=seed, batch_size=batch_size)
        return simulator.run(images, 40, record="all")

    first, second, other = spikes(0, 5), spikes(0, 2), spikes(1, 5)
    assert differing(first, second) == populations(cnn)
    assert all(differing(first, other).values())
    expected = reference.run(cnn, images, 40, initial_voltage="uniform", seed=0, record="all")
    assert differing(first, expected) == populations(cnn)


def test_initial_voltage_as_a_number():
    graph = single_neuron(LIF(), bias=[1.5])
    early = reference.run(graph, np.zeros((1, 1)), 50, initial_voltage=0.9, record="neuron")
    late = reference.run(graph, np.zeros((1, 1)), 50, record="neuron")
    assert early.spikes["neuron"][0, :, 0].argmax() < late.spikes["neuron"][0, :, 0].argmax()
    fast = snnconv.Simulator(graph, initial_voltage=0.9).run(np.zeros((1, 1)), 50, record="neuron")
    np.testing.assert_array_equal(fast.spikes["neuron"], early.spikes["neuron"])


def single_neuron(neuron, bias):
    nodes = (
        Input(name="input", shape=(1,)),
        Dense(name="dense", inputs=("input",), shape=(len(bias),), kernel=np.ones((1, len(bias)))),
        Population(
            name="neuron",
            inputs=("dense",),
            shape=(len(bias),),
            neuron=neuron,
            neuron_bias=np.asarray(bias, "float64"),
            gain=np.ones(()),
        ),
    )
    return SpikingGraph(nodes, {"output": "neuron"})


def test_a_population_as_output_gives_spikes_of_height_amplitude_over_dt():
    graph = single_neuron(LIF(amplitude=0.25), bias=[3.0])
    for dt in (0.001, 0.0005):
        result = snnconv.Simulator(graph, dt=dt).run(np.zeros((1, 1)), 100, record="neuron")
        np.testing.assert_allclose(np.unique(result.output), [0, 0.25 / dt], rtol=1e-6)
        np.testing.assert_array_equal(result.output > 0, result.spikes["neuron"] > 0)


def test_mean_output_tends_to_the_rate():
    graph = single_neuron(LIF(amplitude=0.01), bias=[1.1, 1.5, 2.0, 5.0])
    rate = graph.rate_output(np.zeros((1, 1)))
    mean = snnconv.Simulator(graph).predict(np.zeros((1, 1)), 4000)
    # at constant current the count is within one of rate times time
    np.testing.assert_allclose(mean, rate, atol=0.01 / (4000 * 0.001) + 1e-6)


def test_several_spikes_in_a_step():
    graph = single_neuron(IF(amplitude=1.0), bias=[2500.0, 100.0])
    result = snnconv.Simulator(graph).run(np.zeros((2, 1)), 100, record="neuron")
    assert set(np.unique(result.spikes["neuron"][..., 0])) == {2, 3}
    np.testing.assert_array_equal(
        result.spikes["neuron"],
        reference.run(graph, np.zeros((2, 1)), 100, dtype="float32", record="all").spikes["neuron"],
    )


@pytest.mark.parametrize("min_voltage", [None, 0.0, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_numbers_bring_both_runtimes_to_the_threshold_alike(min_voltage, dtype):
    """A compiler that fuses product and sum rounds once where NumPy rounds twice, and misses these ties."""
    graph = single_neuron(IF(amplitude=1.0, min_voltage=min_voltage), bias=[0.0, 50.0])
    x = np.random.default_rng(0).integers(-5, 20, (3, 400, 1)) * 50.0
    fast = snnconv.Simulator(graph, dtype=dtype).run(x, 400, record="neuron")
    slow = reference.run(graph, x, 400, dtype=dtype, record="neuron")
    np.testing.assert_array_equal(fast.spikes["neuron"], slow.spikes["neuron"])
    np.testing.assert_array_equal(fast.voltages["neuron"], slow.voltages["neuron"])


def test_several_inputs_and_outputs():
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(2)
    a, b = keras.Input((6,), name="a"), keras.Input((4,), name="b")
    x = snnconv.layers.LIF(name="lif")(kl.Dense(10, name="first")(kl.Concatenate(name="join")([a, b])))
    model = keras.Model([a, b], [kl.Dense(3, name="left")(x), kl.Dense(2, activation="sigmoid", name="right")(x)])
    graph = snnconv.convert(randomise(model))
    rng = np.random.default_rng(0)
    xs = {"a": rng.random((4, 6)), "b": rng.random((4, 30, 4))}
    result = snnconv.Simulator(graph, dtype="float64").run(xs, 30, record="lif")
    expected = reference.run(graph, [xs["a"], xs["b"]], 30, record="lif")
    assert differing(result, expected) == {"lif": 0}
    assert {label: value.shape for label, value in result.output.items()} == {"left": (4, 30, 3), "right": (4, 30, 2)}
    for label, value in result.output.items():
        np.testing.assert_allclose(value, expected.output[label], atol=1e-11)
    assert set(snnconv.Simulator(graph).predict(xs, 30)) == {"left", "right"}
    with pytest.raises(InputError, match="several outputs: y must map"):
        snnconv.Simulator(graph).evaluate(xs, np.zeros(4), 30)


def test_recording_by_name_and_kind(cnn, images):
    simulator = snnconv.Simulator(cnn)
    result = simulator.run(images, 10, record=["lif1.spikes", "lif2", "hidden.rates"])
    assert set(result.spikes) == {"lif1", "lif2"}
    assert set(result.voltages) == {"lif2"}
    assert set(result.rates) == {"lif2", "hidden"}
    assert result.spikes["lif1"].dtype == np.uint8
    np.testing.assert_allclose(result.rates["lif2"], result.spikes["lif2"].sum(1) / 0.01)


def test_chunks_bound_the_memory_and_leave_no_padding_where_they_can():
    graph = snnconv.convert(forum_model())
    assert sizes(graph, 10_000, 100, "float32", None, None) == (256, 100)
    wide = single_neuron(LIF(), bias=[1.0] * 500_000)
    batch, chunk = sizes(wide, 10_000, 1_000, "float32", None, None)
    assert batch * chunk * (500_000 + 500_000) * 4 <= MEMORY, "what a layer takes and gives"
    assert 1_000 % chunk == 0
    # growing n_steps does not grow the chunk
    assert sizes(wide, 10_000, 10_000, "float32", None, None) == (batch, chunk)
    assert sizes(graph, 3, 100, "float32", None, None)[0] == 4
    assert sizes(graph, 300, 100, "float32")[0] == 160, "two batches, and a size of which there are few"
    assert sizes(graph, 300, 100, "float32", 37, 11) == (37, 11)


def test_batches_are_cut_with_little_padding():
    graph = snnconv.convert(forum_model())
    found = {n: sizes(graph, n, 100, "float32")[0] for n in range(9, 2000)}
    assert all(math.ceil(n / batch) * batch <= 1.25 * n for n, batch in found.items())
    assert len(set(found.values())) < 24
