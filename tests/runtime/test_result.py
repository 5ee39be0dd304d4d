"""The result of a run: outputs by name, records, and what is made of them."""

import dataclasses

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.neurons import LIF
from snnconv.quantize import quantize
from snnconv.runtime.result import Result

N, N_STEPS = 3, 20


def network(outputs=("y",)) -> SpikingGraph:
    """4 -> LIF(5), and as many dense layers of 2 as there are outputs."""
    rng = np.random.default_rng(0)
    nodes = [
        Input(name="x", shape=(4,)),
        Dense(name="dense", inputs=("x",), shape=(5,), kernel=rng.normal(size=(4, 5)), bias=np.ones(5)),
        Population(name="lif", inputs=("dense",), shape=(5,), neuron=LIF(), neuron_bias=np.ones(5), gain=np.ones(())),
    ]
    for label in outputs:
        nodes.append(Dense(name=f"to {label}", inputs=("lif",), shape=(2,), kernel=rng.normal(size=(5, 2))))
    return SpikingGraph(tuple(nodes), {label: f"to {label}" for label in outputs})


def x() -> np.ndarray:
    return np.random.default_rng(1).random((N, 4))


def run_simulator(graph):
    return snnconv.Simulator(graph).run(x(), N_STEPS, "lif")


def run_reference(graph):
    return snnconv.reference.run(graph, x(), N_STEPS, record="lif")


def run_integers(graph):
    return snnconv.quantize.run(quantize(graph, 8, n_steps=N_STEPS), x(), N_STEPS, record="lif")


def run_integer_simulator(graph):
    return snnconv.IntegerSimulator(quantize(graph, 8, n_steps=N_STEPS)).run(x(), N_STEPS, "lif")


@pytest.mark.parametrize("run", [run_simulator, run_reference, run_integers, run_integer_simulator])
def test_outputs_are_by_name_in_every_runtime(run):
    one = run(network())
    assert list(one.outputs) == ["y"]
    assert one.output is one.outputs["y"]
    assert one.output.shape == (N, N_STEPS, 2)
    assert one.n_samples == N


@pytest.mark.parametrize("run", [run_simulator, run_reference])
def test_several_outputs_are_a_dict(run):
    result = run(network(("y", "z")))
    assert list(result.outputs) == ["y", "z"]
    assert isinstance(result.output, dict)
    for label, array in result.output.items():
        assert array is result.outputs[label]
        assert array.shape == (N, N_STEPS, 2)


@pytest.mark.parametrize("run", [run_simulator, run_reference])
def test_it_says_what_it_holds(run):
    result = run(network())
    assert repr(result) == f"<result of 20 steps of 1 ms: output ({N}, 20, 2), recorded ['lif']>"
    html = result._repr_html_()
    for text in ("Result of 3 samples", "20 steps of 1 ms", ">output<", ">(3, 20, 2)<", "spikes, voltages, rates"):
        assert text in html


def test_several_outputs_are_named_in_the_table():
    html = run_reference(network(("left", "right")))._repr_html_()
    assert ">left<" in html
    assert ">right<" in html


def test_rates_are_counted_from_spikes_where_they_were_not_recorded():
    result = run_reference(network())
    counted = dataclasses.replace(result, rates={}).measured_rates("lif")
    np.testing.assert_allclose(counted, result.rates["lif"], rtol=1e-12)  # sums of counts, divided once
    with pytest.raises(InputError, match=r"rates of 'lif' were not recorded. Run with record=\['lif'\]"):
        Result(result.outputs, N_STEPS, 0.001).measured_rates("lif")


def test_times_are_the_ends_of_steps():
    np.testing.assert_allclose(Result({}, 3, 0.01).times, [0.01, 0.02, 0.03], rtol=1e-15)  # one product each


def test_a_run_goes_on_from_the_state_of_a_result():
    graph = network()
    whole = run_simulator(graph)
    first = snnconv.Simulator(graph).run(x(), 8)
    rest = snnconv.Simulator(graph).run(x(), N_STEPS - 8, state=first.state)
    joined = np.concatenate([first.outputs["y"], rest.outputs["y"]], 1)
    # spikes are the same; sums of up to 5 of them are in float32
    np.testing.assert_allclose(joined, whole.outputs["y"], rtol=1e-5, atol=1e-5)
