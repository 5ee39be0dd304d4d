"""The LIF in whole steps: its definition, its layer, and that integers change it by the rounding of numbers alone."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from sklearn.datasets import load_digits

import snnconv
from snnconv import export, layers, neurons, quantize
from snnconv.errors import ConversionError, ExportError, ParameterError
from snnconv.neurons import LIF, NEURONS, SteppedLIF, numpy_ops
from snnconv.runtime import reference, tensorflow_ops

from ..helpers.integer_networks import Line

SETTINGS = [
    SteppedLIF(),
    SteppedLIF(tau_ref=0.0),
    SteppedLIF(tau_ref=0.0026, min_voltage=-1.0),
    SteppedLIF(tau_rc=0.05, tau_ref=0.0073, amplitude=1.0, dt=5e-4),
    SteppedLIF(tau_rc=0.004, tau_ref=0.001, min_voltage=-math.inf, leak_bits=5),
]
EACH = pytest.mark.parametrize("neuron", SETTINGS, ids=repr)


def run(neuron, J, xp=np, dtype="float64"):
    """Spikes and voltages (n_steps, n_neurons)."""
    state = neuron.initial_state(J.shape[1:], 0.0, dtype, xp)
    spikes, voltages = [], []
    for current in J:
        spiked, state = neuron.step(current, state, neuron.dt, xp)
        spikes.append(np.asarray(spiked))
        voltages.append(np.asarray(state["voltage"]))
    return np.array(spikes), np.array(voltages)


def by_definition(neuron, J):
    """The same, one neuron and one step at a time, with the leak and the whole steps written out."""
    one = 2**neuron.leak_bits
    leak = round((1 - math.exp(-neuron.dt / neuron.tau_rc)) * one) / one
    spikes, voltages = np.zeros(J.shape), np.zeros(J.shape)
    for unit in range(J.shape[1]):
        v, rest = 0.0, 0
        for step, current in enumerate(J[:, unit]):
            if rest:
                rest -= 1
            else:
                v += leak * (current - v)
                if v > 1:
                    spikes[step, unit], v, rest = 1, 0.0, round(neuron.tau_ref / neuron.dt)
                else:
                    v = max(v, neuron.min_voltage)
            voltages[step, unit] = v
    return spikes, voltages


class TestNeuron:
    @EACH
    @pytest.mark.parametrize("kind", ["static", "varying"])
    def test_spikes_and_voltages_are_those_of_the_definition(self, neuron, kind):
        rng = np.random.default_rng(3)
        J = np.broadcast_to(rng.uniform(-1, 8, 40), (300, 40)) if kind == "static" else rng.normal(2, 4, (300, 40))
        spikes, voltages = run(neuron, J)
        expected = by_definition(neuron, J)
        assert spikes.sum() > 100
        np.testing.assert_array_equal(spikes, expected[0])
        np.testing.assert_array_equal(voltages, expected[1])

    @EACH
    def test_at_constant_current_every_interval_is_that_of_the_rate(self, neuron):
        J = np.random.default_rng(4).uniform(1.02, 40, 60)
        spikes, _ = run(neuron, np.broadcast_to(J, (600, 60)))
        n_steps = np.rint(neuron.amplitude / neuron.dt / neuron.rate(J))
        for unit in range(60):
            times = np.flatnonzero(spikes[:, unit]) + 1
            assert times[0] == n_steps[unit] - neuron.refractory_steps  # nothing to rest from before the first one
            assert set(np.diff(times)) == {n_steps[unit]}
        np.testing.assert_allclose(neuron.amplitude / neuron.dt / n_steps, neuron.rate(J), rtol=1e-12)

    @given(
        neuron=st.builds(
            SteppedLIF, tau_rc=st.floats(3e-3, 0.1), tau_ref=st.floats(0, 0.01), leak_bits=st.integers(9, 16)
        ),
        J=st.lists(st.floats(-5, 50), min_size=1, max_size=20),
    )
    def test_the_rate_is_a_staircase_around_its_smooth_curve(self, neuron, J):
        J = np.sort(np.array(J))
        rate = neuron.rate(J)
        assert np.all(np.diff(rate) >= 0)
        assert np.all((rate > 0) == (J > 1))
        assert np.all(rate <= neuron.amplitude * neuron.highest_rate * (1 + 1e-12))
        # Rounding a time up moves an interval by 0 to 1 step from its length, half a step to either side of the middle;
        # 1e-6 of a step is for the rounding of logarithms of currents just above 1.
        fires = J > 1 + 1e-9
        intervals = neuron.amplitude / rate[fires] - neuron.amplitude / neuron.smooth().rate(J[fires])
        assert np.all(np.abs(intervals) <= 0.5 * neuron.dt * (1 + 1e-6))

    def test_the_smooth_curve_goes_through_the_middle(self):
        neuron = SteppedLIF()
        J = np.linspace(1.5, 6, 100_001)
        shift = neuron.amplitude / neuron.rate(J) - neuron.amplitude / neuron.smooth().rate(J)
        assert abs(shift.mean()) < 0.1 * neuron.dt  # half a step without the shift of tau_ref

    @EACH
    @pytest.mark.parametrize("xp", [numpy_ops, ops, tensorflow_ops], ids=["numpy_ops", "keras.ops", "tensorflow_ops"])
    def test_is_the_same_in_every_namespace(self, neuron, xp):
        J = np.random.default_rng(5).normal(2, 4, (200, 50)).astype("float32")
        spikes, voltages = run(neuron, J, dtype="float32")
        same = run(neuron, J if xp is numpy_ops else tf.constant(J), xp, "float32")
        np.testing.assert_array_equal(same[0], spikes)
        np.testing.assert_array_equal(same[1], voltages)
        rates = np.asarray(neuron.rate(tf.constant(J.astype("float64")), xp)) if xp is not numpy_ops else None
        if rates is not None:
            np.testing.assert_array_equal(rates, neuron.rate(J.astype("float64")))

    @pytest.mark.parametrize("intercept", [-0.5, 0.0, 0.7])
    def test_tuning_is_that_of_the_smooth_curve(self, intercept):
        neuron = SteppedLIF()
        gain, bias = neuron.gain_bias([50.0, 200.0, 330.0], intercept)
        np.testing.assert_allclose(neuron.smooth().rate(gain + bias) / neuron.amplitude, [50, 200, 330], rtol=1e-9)
        rates, intercepts = neuron.max_rates_intercepts(gain, bias)
        np.testing.assert_allclose(rates, [50, 200, 330], rtol=1e-9)
        np.testing.assert_allclose(intercepts, intercept, atol=1e-9)
        assert np.all(neuron.rate(gain * (intercept - 1e-6) + bias) == 0)

    @pytest.mark.parametrize("factor", [0.5, 4.0])  # powers of 2, which round nothing
    def test_scaled_rates_are_the_same_neuron_in_shorter_steps(self, factor):
        neuron = SteppedLIF(min_voltage=-1.0)
        fast, current = neuron.scale_rates(factor)
        J = np.random.default_rng(6).normal(2, 4, (300, 40))
        assert (current, fast.dt) == (1, neuron.dt / factor)
        np.testing.assert_array_equal(fast.rate(J), neuron.rate(J))
        np.testing.assert_array_equal(run(fast, J)[0], run(neuron, J)[0])

    @EACH
    def test_kind_and_parameters_are_enough_to_rebuild_it(self, neuron):
        assert NEURONS[neuron.kind](**neuron.parameters()) == neuron
        assert neuron.max_spikes_per_step == 1

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"tau_rc": 0.0}, r"SteppedLIF: tau_rc must be a finite number above 0"),
            ({"tau_ref": -1.0}, r"SteppedLIF: tau_ref must be 0 or more\. Received -1"),
            ({"min_voltage": 0.5}, r"SteppedLIF: min_voltage must be 0 or less\. Received 0\.5"),
            ({"leak_bits": 3}, r"SteppedLIF: leak_bits must be a whole number from 4 to 20\. Received 3"),
            ({"leak_bits": 4.5}, r"leak_bits must be a whole number"),
            ({"leak_bits": 4, "tau_rc": 0.1}, r"the leak of tau_rc = 0\.1 s in steps of 0\.001 s is 0"),
            ({"dt": 1.0}, r"in steps of 1 s is 1\. Choose dt below tau_rc"),
        ],
    )
    def test_errors(self, parameters, message):
        with pytest.raises(ParameterError, match=message):
            SteppedLIF(**parameters)

    def test_max_rates_end_at_a_spike_every_refractory_period_and_step(self):
        with pytest.raises(ParameterError, match=r"max_rates must be below 333\.333 Hz, a spike every 3 steps of 1 ms"):
            SteppedLIF().gain_bias([100.0, 340.0], 0.0)

    def test_other_steps_are_refused(self):
        with pytest.raises(ParameterError, match=r"made for, dt=0\.001 s\. Received dt=0\.002 s"):
            SteppedLIF().step(np.ones(1), SteppedLIF().initial_state((1,)), 0.002)


class TestLayer:
    def test_gives_the_staircase_and_learns_with_the_smooth_slope(self):
        layer = layers.SteppedLIF(150.0, tau_ref=0.003, amplitude=0.02, gradient_smoothing=0.1)
        x = np.linspace(-1, 3, 201, dtype="float32")[:, None]
        layer.build((None, 1))
        for training in (False, True):
            with tf.GradientTape() as tape:
                tensor = tf.constant(x)
                tape.watch(tensor)
                output = layer(tensor, training=training)
            J = ops.convert_to_numpy(layer.current(x)).astype("float64")
            # float32 moves a current that lies on the edge of a stair to the next one
            assert np.mean(~np.isclose(output, layer.neuron.rate(J), rtol=1e-5)) < 0.02
            if training:
                smooth, h = layer.neuron.smooth(0.1), 1e-6
                slope = float(layer.gain.numpy()[0]) * (smooth.rate(J + h) - smooth.rate(J - h)) / (2 * h)
                # float32, and the central difference
                np.testing.assert_allclose(tape.gradient(output, tensor), slope, rtol=1e-3, atol=1e-5)

    def test_config_and_saved_models_come_back(self, tmp_path):
        layer = layers.SteppedLIF(
            (50.0, 80.0), -0.5, tau_rc=0.03, tau_ref=0.004, amplitude=0.02, min_voltage=-1.0, dt=0.002, leak_bits=10,
            gradient_smoothing=0.05, noise=3.0, seed=4, name="hidden",
        )  # fmt: skip
        again = layers.SteppedLIF.from_config(layer.get_config())
        assert again.neuron == layer.neuron == neurons.SteppedLIF(0.03, 0.004, 0.02, -1.0, 0.002, 10)
        assert again.get_config() == layer.get_config()
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4), layer, keras.layers.Dense(2)])
        model.save(tmp_path / "m.keras")
        x = np.random.default_rng(0).random((3, 5)).astype("float32")
        np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), model(x))
        graph = snnconv.convert(tmp_path / "m.keras", verbose=False)
        assert graph.populations["hidden"].neuron == layer.neuron

    def test_trained_for_a_few_steps_it_gives_their_mean(self):
        layer = layers.SteppedLIF(200.0, spiking=True, n_steps=12)
        x = np.linspace(-1, 2, 7, dtype="float32")[:, None]
        layer.build((None, 1))
        J = ops.convert_to_numpy(layer.current(x)).astype("float64")
        counts = run(layer.neuron, np.broadcast_to(J, (12, *J.shape)))[0].sum(0)
        expected = counts * layer.neuron.amplitude / 0.012
        np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-6)  # float32


@pytest.fixture(scope="module")
def trained():
    """scikit-learn's digits, 64-64-10, by layer of neurons: the graph, test images and their classes."""
    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target
    found = {}
    for kind in (layers.LIF, layers.SteppedLIF):
        keras.utils.set_random_seed(0)
        first, second = kind(name="first"), kind(name="second")
        stack = [keras.layers.Dense(64), first, keras.layers.Dense(64), second, keras.layers.Dense(10)]
        model = keras.Sequential([keras.Input((64,)), *stack])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(4e-3), loss, jit_compile=False)
        model.fit(x[:1400], y[:1400], batch_size=32, epochs=6, verbose=0)
        found[kind.__name__] = snnconv.convert(model, verbose=False)
    return found, x[1400:], y[1400:]


class TestNetwork:
    def test_four_bits_cost_fewer_spikes_than_eight_of_a_lif(self, trained):
        graphs, x, y = trained
        n_steps, differing, accuracy = 60, {}, {}
        for name, graph in graphs.items():
            expected = reference.run(graph, x, n_steps, record="all.spikes")
            accuracy[name, 32] = np.mean(expected.output.mean(1).argmax(-1) == y)
            for bits in (8, 4):
                found = quantize.run(quantize.quantize(graph, bits), x, n_steps, record="all.spikes")
                accuracy[name, bits] = np.mean(found.output.sum(1).argmax(-1) == y)
                differing[name, bits] = [np.mean(found.spikes[each] != expected.spikes[each]) for each in found.spikes]
        for layer in range(2):
            assert differing["SteppedLIF", 8][layer] < differing["LIF", 8][layer] / 2
            assert differing["SteppedLIF", 4][layer] < differing["LIF", 4][layer]
        # 397 images: 1.5 points are six of them
        assert accuracy["SteppedLIF", 4] > max(accuracy["SteppedLIF", 8], accuracy["LIF", 8]) - 0.015
        assert accuracy["SteppedLIF", 32] > 0.85

    def test_with_fine_weights_the_integers_give_the_float_networks_spikes(self, trained):
        """Inputs in sixteenths are exact; what is left is 2^-16 of a weight, and the rounding of the leak to one of a
        threshold of 2^17 at each step."""
        graphs, x, _ = trained
        code = quantize.Analog(bits=8, high=255 / 16)
        integers = quantize.quantize(graphs["SteppedLIF"], 16, threshold_bits=12, input=code)
        expected = reference.run(graphs["SteppedLIF"], x[:40], 60, record="all.spikes")
        found = quantize.run(integers, x[:40], 60, record="all.spikes")
        for name, spikes in found.spikes.items():
            assert np.mean(spikes != expected.spikes[name]) < 1e-3
        assert not [line for line in integers.approximations if "refractory" in line or "tau_rc" in line]

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_simulator_gives_the_spikes_of_the_numpy_loop(self, trained, dtype):
        graphs, x, _ = trained
        graph = snnconv.passes.add_synapses(graphs["SteppedLIF"], 0.005)
        expected = reference.run(graph, x[:20], 50, dtype=dtype, record="all.spikes")
        found = snnconv.Simulator(graph, dtype=dtype).run(x[:20], 50, record="all.spikes")
        for name, spikes in found.spikes.items():
            # sums in another order: in float32 a few voltages in a million are at the threshold within their rounding
            assert np.mean(spikes != expected.spikes[name]) <= (2e-4 if dtype == "float32" else 0)

    def test_the_rate_output_is_that_of_keras_and_graphs_come_back_from_files(self, trained, tmp_path):
        graphs, x, _ = trained
        graph = graphs["SteppedLIF"]
        graph.save(tmp_path / "m.h5")
        again = snnconv.load(tmp_path / "m.h5")
        assert again.populations["first"].neuron == SteppedLIF()
        np.testing.assert_array_equal(again.rate_output(x), graph.rate_output(x))

    @pytest.mark.parametrize("kind", ["hdf5", "npz", "json"])
    def test_files_hold_it_exactly(self, trained, kind, tmp_path):
        assert "exact" in str(export.export(trained[0]["SteppedLIF"], tmp_path / "out", kind, n_steps=5))

    @pytest.mark.parametrize("kind", ["nengo", "nir", "lava"])
    def test_targets_without_it_say_so(self, trained, kind, tmp_path):
        with pytest.raises(ExportError, match=r"the SteppedLIF neurons of 'first'.*'second'\. Train with LIF .*layers"):
            export.export(trained[0]["SteppedLIF"], tmp_path / "out", kind, n_steps=5, approximate=True)

    def test_a_run_in_other_steps_is_refused_with_the_populations_name(self, trained):
        graph, x, _ = trained[0]["SteppedLIF"], *trained[1:]
        message = r"population 'first': SteppedLIF neurons run in .* dt=0\.001 s\. Received dt=0\.002 s"
        for attempt in (
            lambda: snnconv.Simulator(graph, dt=0.002),
            lambda: reference.run(graph, x, 5, 0.002),
            lambda: quantize.quantize(graph, dt=0.002),
            lambda: export.export(graph, "never", "json", 0.002),
        ):
            with pytest.raises(ParameterError, match=message):
                attempt()


def test_a_leak_of_other_bits_is_said():
    line = Line((2,)).dense("d", np.eye(2) * 2).neurons("n", SteppedLIF(leak_bits=12)).dense("out", np.eye(2))
    fine, coarse = (quantize.quantize(line.graph(), 8, fraction_bits=bits) for bits in (14, 8))
    neuron = line.graph().populations["n"].neuron
    assert fine.populations["n"].leak / 2**14 == neuron.leak
    assert not [each for each in fine.approximations if "tau_rc" in each]
    assert [each for each in coarse.approximations if each.startswith("n: tau_rc is 20.83 ms in place of 19.98 ms")]


def test_a_lif_becomes_the_same_integers():
    """But for the notes: the two are one neuron to the hardware."""
    own = {field.name: 0.0 for field in dataclasses.fields(LIF)}
    assert set(own) <= {"tau_rc", "tau_ref", "amplitude", "min_voltage", "smoothing"}
    found = []
    for neuron in (LIF(), SteppedLIF()):
        line = Line((2,)).dense("d", [[2.0, -1.0], [0.5, 3.0]]).neurons("n", neuron, 0.2).dense("out", np.eye(2))
        found.append(quantize.quantize(line.graph(), 6))
    for ours, theirs in zip(*(each.nodes[1:] for each in found), strict=True):
        for name, array in ours.arrays().items():
            np.testing.assert_array_equal(array, theirs.arrays()[name])
    assert found[0].populations["n"].leak == found[1].populations["n"].leak


def test_conversion_allows_for_rounding_to_the_next_stair_and_for_no_more(monkeypatch):
    """Kernels wrong by 0.1 % move some rates to the next stair, as rounding does in large networks."""
    keras.utils.set_random_seed(2)
    stack = [keras.layers.Dense(100), layers.SteppedLIF(), keras.layers.Dense(100), layers.SteppedLIF()]
    model = keras.Sequential([keras.Input((50,)), *stack, keras.layers.Dense(5)])
    rate_output = snnconv.SpikingGraph.rate_output

    def convert(factor):
        def changed(graph, x):
            nodes = [
                dataclasses.replace(node, kernel=node.kernel * factor) if node.kind == "Dense" else node
                for node in graph.nodes
            ]
            return rate_output(graph.replace(nodes), x)

        monkeypatch.setattr(snnconv.SpikingGraph, "rate_output", changed)
        return snnconv.convert(model, verbose=False)

    convert(1.001)
    with pytest.raises(ConversionError, match="differs from Keras"):
        convert(1.2)
