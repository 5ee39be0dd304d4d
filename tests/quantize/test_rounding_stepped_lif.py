"""Networks of `SteppedLIF` neurons: integers change them by the rounding of numbers alone."""

import dataclasses

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import snnconv
from snnconv import export, layers, quantize
from snnconv.errors import ConversionError, ExportError, ParameterError
from snnconv.neurons import LIF, SteppedLIF
from snnconv.runtime import reference

from ..helpers.integer_networks import Line


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
        model.fit(x[:1400], y[:1400], batch_size=32, epochs=12, verbose=0)
        found[kind.__name__] = snnconv.convert(model, verbose=False)
    return found, x[1400:], y[1400:]


@pytest.mark.full
class TestNetwork:
    @pytest.mark.full
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
    assert set(own) <= {"tau_rc", "tau_ref", "amplitude", "min_voltage", "smoothing", "max_spikes"}
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
    rate_values = snnconv.SpikingGraph.rate_values

    def convert(factor):
        def changed(graph, *given):
            nodes = [
                dataclasses.replace(node, kernel=node.kernel * factor) if node.kind == "Dense" else node
                for node in graph.nodes
            ]
            return rate_values(graph.replace(nodes), *given)

        monkeypatch.setattr(snnconv.SpikingGraph, "rate_values", changed)
        return snnconv.convert(model, verbose=False)

    convert(1.001)
    with pytest.raises(ConversionError, match="differs from Keras"):
        convert(1.2)
