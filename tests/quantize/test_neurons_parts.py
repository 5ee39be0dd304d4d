"""LIF neurons in integers that rest parts of a step: nearer to the float neuron, and the same in every form."""

import numpy as np
import pytest

import snnconv
from snnconv import export
from snnconv import quantize as q
from snnconv.errors import ParameterError
from snnconv.neurons import LIF
from snnconv.quantize.simulator import IntegerSimulator

from ..helpers.circuits import needs_simulator, simulate
from ..helpers.integer_networks import Line, random_line, with_start

N_STEPS = 200


def alone(J, tau_ref):
    """One neuron for each current, which is its bias."""
    line = Line((1,)).dense("d", np.zeros((1, len(J)))).neurons("n", LIF(0.02, tau_ref), J)
    return line.dense("out", np.ones((len(J), 1))).graph()


@pytest.mark.parametrize("tau_ref", [0.0012, 0.002, 0.0034])
def test_more_parts_of_a_step_are_nearer_to_the_float_spikes(tau_ref):
    """Counts: a part of 1/16 step in an interval of more than two steps; spikes that move: fewer with more parts."""
    J, x = np.linspace(1.1, 6, 24), np.zeros((1, 1))
    graph = alone(J, tau_ref)
    expected = snnconv.reference.run(graph, x, N_STEPS, record="all.spikes").spikes["n"] > 0
    moved, counts = [], []
    for bits in (0, 2, 4):
        found = q.run(q.quantize(graph, 16, refractory_bits=bits), x, N_STEPS, record="all.spikes").spikes["n"] > 0
        moved.append(int((found != expected).sum()))
        counts.append(np.abs(found.sum(1) - expected.sum(1)).max() / expected.sum(1).max())
    assert moved[2] < moved[1] < moved[0]
    assert counts[2] < 0.04


def test_a_crossing_is_timed_within_its_step():
    """From 0 to 100 with a threshold of 75: a quarter of the step is over, and counts as rest."""
    arrays = {name: np.full(1, value, "int32") for name, value in (("threshold", 75), ("floor", 0), ("start", 0))}
    neuron = q.neurons.IntegerLIF(**arrays, leak=1, fraction_bits=12, refractory_steps=10, refractory_bits=2)
    state = {"voltage": np.zeros(1, "int64"), "refractory": np.zeros(1, "int64")}
    drive = np.full(1, 100)
    spikes, state = neuron.step(drive, state)
    assert (spikes[0], state["refractory"][0]) == (1, 10 - 1)
    for left in (5, 1):
        spikes, state = neuron.step(drive, state)
        assert (spikes[0], state["refractory"][0], state["voltage"][0]) == (0, left, 0)
    spikes, state = neuron.step(drive, state)  # three quarters of a step are left: 75, which is not above the threshold
    assert (spikes[0], state["refractory"][0], state["voltage"][0]) == (0, 0, 75)


def test_files_and_tensorflow_have_the_same_neurons(tmp_path):
    graph = q.quantize(with_start(random_line(1, tau_ref=0.0025, synapse=True), 0.4), refractory_bits=3, n_steps=60)
    graph.save(tmp_path / "net.int.h5")
    x = np.random.default_rng(0).random((2, 7))
    expected = q.run(graph, x, 40, record="all")
    assert expected.spikes["n1"].any()
    read = q.load(tmp_path / "net.int.h5")
    assert read.settings.refractory_bits == 3
    others = (
        q.run(read, x, 40, record="all"),
        IntegerSimulator(graph, chunk_steps=7, jit=False).run(x, 40, record="all"),
    )
    for other in others:
        for kind in ("spikes", "voltages", "outputs"):
            for name, array in getattr(expected, kind).items():
                np.testing.assert_array_equal(getattr(other, kind)[name], array)


def test_parts_are_told_and_bounded():
    graph = q.quantize(random_line(0), refractory_bits=2)
    assert any("is 2 steps, in parts of 1/4 from the crossing on" in line for line in graph.approximations)
    assert "passed = the odd numbers n below 8 with" in "\n".join(graph.populations["n1"].neuron.equations())
    with pytest.raises(ParameterError, match="refractory_bits must be a whole number from 0 to 4. Received 5"):
        q.quantize(random_line(0), refractory_bits=5)


def test_the_program_in_c_has_them(tmp_path):
    verdict = export.export(random_line(1, tau_ref=0.0025), tmp_path / "net", "c", n_steps=60, refractory_bits=3)
    assert any("its self-test passes (4 samples of 60 steps)" in note for note in verdict.notes)
    assert any("refractory periods to 8 parts of a step" in line for line in verdict.changes)


@pytest.mark.sampled(1)
@needs_simulator
@pytest.mark.parametrize(
    ("bits", "options"),
    [(2, {}), (3, {"tau_ref": 0.0025}), (1, {"min_voltage": -0.7}), (4, {"synapse": True, "tau_ref": 0.0014})],
    ids=str,
)
def test_the_circuit_has_them(bits, options, tmp_path):
    graph = random_line(bits, **options)
    x = np.random.default_rng(1).random((3, 7))
    export.export(graph, tmp_path / "net", "verilog", x=x, n_steps=60, golden=2, refractory_bits=bits)
    said, succeeded = simulate(tmp_path / "net")
    assert succeeded, said
    assert f".REFRACTORY_BITS({bits})" in (tmp_path / "net/rtl/snn_network.v").read_text()
