"""LIF neurons that spike several times in a step: as in continuous time, in every runtime and for every target."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv import export, passes, quantize
from snnconv.errors import ConversionError, ConversionWarning, ExportError, ParameterError
from snnconv.export import verify_folder
from snnconv.neurons import IF, LIF

from ..helpers.integer_networks import Line

DT = 0.001


def total(neuron, J, dt, n_steps):
    """Spikes so far after each step, under currents (steps, neurons)."""
    state = neuron.initial_state(J.shape[1:])
    counts = []
    for step in range(n_steps):
        spikes, state = neuron.step(J[step], state, dt)
        counts.append(spikes)
    return np.cumsum(counts, 0), np.max(counts)


@given(tau_rc=st.floats(2e-4, 0.1), share=st.floats(0.02, 3), highest=st.floats(1.5, 50), seed=st.integers(0, 99))
def test_counts_are_those_of_the_rate_equation(tau_rc, share, highest, seed):
    """At a constant current the count is within one spike of rate times time, whatever the step."""
    tau_ref = min(share * DT, 80 * tau_rc)
    neuron = LIF(tau_rc, tau_ref, 1.0, max_spikes=math.ceil(DT / tau_ref))
    J = np.random.default_rng(seed).uniform(0.5, highest, (1, 40)).repeat(200, 0)
    found, most = total(neuron, J, DT, 200)
    wanted = neuron.rate(J[0]) * DT * np.arange(1, 201)[:, None]
    assert (np.abs(found - wanted) <= 1 + 1e-9 * wanted).all()  # roundings of the time of a spike, 1e-16 of it each
    assert most <= neuron.max_spikes
    assert neuron.keeps_time(DT)


def test_short_steps_with_one_spike_count_alike_under_currents_that_change():
    neuron = LIF(0.02 / 7, 0.002 / 7, max_spikes=4)
    J = np.random.default_rng(0).normal(1.5, 2.0, (300, 50))
    found, most = total(neuron, J, DT, 300)
    fine, _ = total(dataclasses.replace(neuron, max_spikes=1), J.repeat(10, 0), DT / 10, 3000)  # tau_ref spans a step
    assert most == 2
    assert found[-1].min() > 20
    np.testing.assert_array_equal(found, fine[9::10])


def test_one_spike_in_a_step_loses_the_rest_and_several_do_not():
    assert LIF().keeps_time(DT)
    assert not LIF(tau_ref=DT / 3).keeps_time(DT)
    assert LIF(tau_ref=DT / 3, max_spikes=3).keeps_time(DT)
    assert not LIF(tau_ref=0.0, max_spikes=32).keeps_time(DT)
    with pytest.raises(ParameterError, match="LIF: max_spikes must be a whole number above 0. Received 0"):
        LIF(max_spikes=0)
    assert "again in what is left of the step, up to 3 times" in LIF(max_spikes=3).equations.step


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(0)
    line = Line((6,))
    for number in (1, 2):
        line.dense(f"d{number}", rng.normal(0, 0.4, (6, 6)))
        line.neurons(f"n{number}", LIF(0.002, 0.0002, 0.002), rng.normal(3, 0.5, 6))
    line.dense("out", rng.normal(size=(6, 3)))
    return passes.allow_several_spikes(line.graph("fast"), DT)


X = np.random.default_rng(1).uniform(-1, 1, (4, 6))


def test_every_runtime_gives_the_same_spikes(graph):
    expected = snnconv.reference.run(graph, X, 60, record="all")
    assert graph.populations["n1"].max_spikes == 5
    assert expected.spikes["n1"].max() == 2
    found = snnconv.Simulator(graph, dtype="float64").run(X, 60, record="all.spikes")
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name], spikes)
    # float32, without voltages: the first population in closed form, in which a spike may move by a step
    closed = snnconv.Simulator(graph).run(X, 60, record="all.spikes").spikes["n1"]
    assert np.abs(closed.sum(1) - expected.spikes["n1"].sum(1)).max() <= 1
    assert np.abs(closed.astype(int) - expected.spikes["n1"]).mean() < 0.01


def test_what_is_written_reads_back(graph, tmp_path):
    graph.save(tmp_path / "fast.snn.h5")
    again = snnconv.load(tmp_path / "fast.snn.h5")
    assert again.populations["n1"].neuron == graph.populations["n1"].neuron
    assert export.export(graph, tmp_path / "c", "c", x=X, n_steps=40, numbers="double").exact
    assert all(check.passed for check in verify_folder(tmp_path / "c"))


@pytest.mark.parametrize("target", ["nir", "lava", "nengo"])
def test_targets_with_one_spike_a_step_say_so(graph, target, tmp_path):
    with pytest.raises(ExportError, match=r"the several spikes in a step of 'n1'.*scaled less"):
        export.export(graph, tmp_path / "out", target, n_steps=5)


def test_integers_say_so(graph, tmp_path):
    verdict = export.export(graph, tmp_path / "out", "params", x=np.abs(X), n_steps=20)
    assert "one spike in a step where the float network has several" in str(verdict)
    relu = Line((3,)).dense("d", np.eye(3)).neurons("n", IF(), np.zeros(3)).dense("out", np.eye(3)).graph()
    verdict = export.export(relu, tmp_path / "relu", "params", n_steps=4)
    assert "one spike in a step where the float network has several" in str(verdict)
    lines = quantize.quantize(graph, n_steps=20).approximations
    assert "n1: at most one spike per step; the float network allows several, a calibrated one does not." in lines


def test_a_step_that_loses_time_is_warned_of(graph):
    lossy = graph.replace(
        dataclasses.replace(node, neuron=LIF(0.002, 0.0002, 0.002)) if node.name == "n1" else node
        for node in graph.nodes
    )
    message = (
        r"population 'n1': the refractory period of 0\.2 ms ends inside the step of 1 ms, and LIF neurons with at most "
        r"one spike in a step lose what is left of it, so that rates come out too low: at 100 Hz by some 4\.0%\. Run "
        r"in steps of at most 0\.2 ms, .*allow_several_spikes\(graph, dt=0\.001\)"
    )
    for run in (snnconv.Simulator, lambda graph: snnconv.reference.run(graph, X, 2)):
        with pytest.warns(ConversionWarning, match=message) as caught:
            run(lossy)
        assert len(caught) == 1
        run(passes.allow_several_spikes(lossy, DT))  # a warning would be an error here


def test_what_no_number_of_spikes_keeps_is_told_without_that_advice(graph):
    neuron = dataclasses.replace(LIF(), tau_ref=1e-6)
    fast = graph.replace(
        dataclasses.replace(node, neuron=neuron) if node.name == "n1" else node for node in graph.nodes
    )
    found = passes.allow_several_spikes(fast, DT)
    assert found.populations["n1"].max_spikes == 64
    with pytest.warns(ConversionWarning, match=r"at most 64 spikes in a step lose .* too low\. Run in steps .* ms\.$"):
        snnconv.Simulator(found)
    rests = graph.replace(
        dataclasses.replace(node, neuron=LIF(tau_ref=0.0)) if node.name == "n1" else node for node in graph.nodes
    )
    assert passes.allow_several_spikes(rests, DT).populations["n1"].max_spikes == 16


def test_graphs_stay_as_they_are_where_nothing_is_lost(graph):
    assert passes.allow_several_spikes(graph, DT / 5).populations["n1"].max_spikes == 5
    slow = graph.replace(dataclasses.replace(node, neuron=LIF()) if node.name == "n1" else node for node in graph.nodes)
    assert passes.allow_several_spikes(slow, DT).populations["n1"].neuron == LIF()
    assert passes.allow_several_spikes(slow, 0.01, ["n2"]).populations["n1"].neuron == LIF()


@pytest.mark.parametrize("names", ["typo", ["n1", "typo"]])
def test_names_that_are_none_of_the_graph_are_refused(graph, names):
    with pytest.raises(ConversionError, match=r"allow_several_spikes names 'typo', which is no population"):
        passes.allow_several_spikes(graph, DT, names)
    assert passes.allow_several_spikes(graph, DT, "n1").populations["n1"].max_spikes > 1


def test_a_whole_number_of_another_type_will_do(graph):
    J, state = np.full(3, 5.0), {"voltage": np.zeros(3), "refractory": np.zeros(3)}
    spikes, _ = LIF(tau_ref=1e-4, max_spikes=2.0).step(J, state, 0.02)
    np.testing.assert_array_equal(spikes, LIF(tau_ref=1e-4, max_spikes=2).step(J, state, 0.02)[0])
