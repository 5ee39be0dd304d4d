"""The doctor: a network with each illness, and a healthy one."""

import dataclasses
import json

import numpy as np
import pytest

import snnconv
from snnconv.errors import HealthWarning, InputError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.graph.report import LayerReport
from snnconv.neurons import IF, LIF, Follower
from snnconv.neurons.piecewise_linear import PiecewiseLinear
from snnconv.text.advice import as_options
from snnconv.tuning.doctor.doctor import notable
from snnconv.tuning.doctor.examination import Layer

from ..helpers.command import fails, run

UNITS = 20
X = np.random.default_rng(0).uniform(0.3, 0.8, (32, UNITS))
X[np.arange(32), np.arange(32) % UNITS] = 1.0  # the answer, beyond doubt


def neurons(name, source, neuron, scale=100.0, kernel=None):
    """Dense and neurons: by default one to one, at 100 Hz for an input of 1."""
    kernel = np.eye(UNITS) * scale if kernel is None else kernel
    return (
        Dense(name=f"{name}.dense", inputs=(source,), shape=(UNITS,), kernel=kernel),
        Population(
            name=name,
            inputs=(f"{name}.dense",),
            shape=(UNITS,),
            neuron=neuron,
            neuron_bias=np.zeros(()),
            gain=np.ones(()),
        ),
    )


def network(first=None, second=None, *, scales=(100.0, 100.0), kernels=(None, None)):
    """Two layers of 20 neurons, and 20 classes; the class is the largest input."""
    nodes = (
        Input(name="x", shape=(UNITS,)),
        *neurons("first", "x", first or IF(max_spikes=1), scales[0], kernels[0]),
        *neurons("second", "first", second or IF(max_spikes=1), scales[1], kernels[1]),
        Dense(name="out", inputs=("second",), shape=(UNITS,), kernel=np.eye(UNITS)),
    )
    return SpikingGraph(nodes, {"y": "out"})


def kinds(findings):
    return [(finding.kind, finding.layer) for finding in findings]


def test_nothing_is_found_in_a_healthy_network():
    y = network().rate_output(X).argmax(-1)
    assert snnconv.doctor(network(), X, y, n_steps=400) == []
    assert snnconv.doctor(network(), n_steps=100) == []  # on random numbers


def test_silent_neurons_and_why():
    some = np.eye(UNITS) * 100
    some[:, 5:] = 0
    (found,) = snnconv.doctor(network(kernels=(None, some)), X)
    assert (found.kind, found.layer) == ("silent", "second")
    assert found.numbers == {"silent": 0.75, "silent_in_rates": 0.75, "n_samples": 32}
    assert "75% of the neurons spike on none of 32 samples" in found.what
    assert "silent in rates too" in found.remedy
    assert snnconv.doctor(network(kernels=(None, some)), X[:8]) == []  # too few samples to say so


def test_silence_that_comes_of_short_runs():
    findings = snnconv.doctor(network(), X, n_steps=5)
    assert kinds(findings)[:2] == [("silent", "first"), ("silent", "second")]
    assert "run longer" in findings[0].remedy


def test_saturated_neurons():
    lif = LIF(tau_ref=0.01, amplitude=0.01)
    (found,) = snnconv.doctor(network(first=lif, scales=(1000.0, 100.0)), X, n_steps=200)
    assert (found.kind, found.layer) == ("saturated", "first")
    assert found.numbers["ceiling"] == pytest.approx(100)
    assert found.numbers["saturated"] > 0.9


def test_activations_above_the_ceiling():
    found = snnconv.doctor(network(scales=(1500.0, 100.0)), X, n_steps=200)
    assert kinds(found) == [("above_ceiling", "first"), ("above_ceiling", "second")]
    assert found[0].numbers["highest_rate"] == pytest.approx(1500)
    assert 'scale_firing_rates={"first": 0.66}' in found[0].remedy
    scaled = snnconv.passes.fold_affine(snnconv.passes.scale_firing_rates(network(scales=(1500.0, 100.0)), 0.66))
    assert snnconv.doctor(scaled, X, n_steps=200) == []  # the remedy helps
    assert snnconv.doctor(network(scales=(1500.0, 100.0)), X, n_steps=400, dt=0.0005) == []  # so does the other


def test_many_spikes_in_a_step():
    several = IF(min_voltage=-np.inf)
    found = snnconv.doctor(network(first=several, scales=(8000.0, 100.0 / 80)), X, n_steps=200)
    assert kinds([each for each in found if each.kind == "many_spikes"]) == [("many_spikes", "first")]
    assert "its busiest neurons need 8 spikes in a step" in found[0].what
    assert 'scale_firing_rates={"first": 0.12}' in found[0].remedy
    for few in (network(first=several, scales=(3000.0, 100.0)), network(scales=(8000.0, 100.0))):
        assert "many_spikes" not in {each.kind for each in snnconv.doctor(few, X, n_steps=200)}


LOSSY = pytest.mark.filterwarnings("ignore:population 'first'. the refractory period")  # a run says it as well


@LOSSY
def test_rates_lost_behind_short_refractory_periods():
    lif = LIF(tau_ref=0.0002, tau_rc=0.02, amplitude=0.004)
    found = snnconv.doctor(network(first=lif, scales=(8.0, 100.0)), X, n_steps=200)
    assert ("lost_rate", "first") in kinds(found)
    assert 0.05 < found[0].numbers["lost"] < 0.5
    assert ("lost_rate", "first") not in kinds(
        snnconv.doctor(network(first=lif, scales=(8.0, 100.0)), X, n_steps=1000, dt=0.0002)
    )


@LOSSY
def test_the_estimate_of_lost_rates_is_near_what_is_lost():
    lif = LIF(tau_ref=0.0002, tau_rc=0.02, amplitude=0.004)
    graph = network(first=lif, scales=(8.0, 100.0))
    found = next(f for f in snnconv.doctor(graph, X, n_steps=500) if f.kind == "lost_rate")
    rates = snnconv.Simulator(graph).run(X, 500, record="first.rates").rates["first"]
    expected = graph.rate_values(X)["first"] / lif.amplitude
    assert 1 - rates.sum() / expected.sum() == pytest.approx(found.numbers["lost"], abs=0.05)


def test_layers_that_are_orders_apart():
    (found,) = snnconv.doctor(network(scales=(500.0, 2.0)), X, n_steps=4000)
    assert (found.kind, found.layer) == ("unscaled", "second")
    assert found.numbers["ratio"] == pytest.approx(50)
    assert "second up" in found.remedy


def test_too_few_steps_for_the_rates():
    found = snnconv.doctor(network(scales=(20.0, 100.0)), X, n_steps=60)
    assert ("few_spikes", "first") in kinds(found)
    numbers = next(f.numbers for f in found if f.kind == "few_spikes")
    assert numbers["steps_for_one"] == pytest.approx(1000 / (20 * np.median(X)), abs=1)
    assert numbers["median_spikes"] < 1


def test_negative_spikes():
    leaky = PiecewiseLinear(negative_slope=0.5)
    (found,) = snnconv.doctor(network(first=leaky), np.where(np.arange(UNITS) % 4, X, -X), n_steps=200)
    assert (found.kind, found.layer) == ("negative_spikes", "first")
    assert found.numbers["negative"] == pytest.approx(0.25)
    assert snnconv.doctor(network(first=leaky), X, n_steps=200) == []  # where none is sent, none is found


def test_lost_accuracy():
    graph = network(scales=(3000.0, 100.0))
    y = graph.rate_output(X).argmax(-1)
    found = snnconv.doctor(graph, X, y, n_steps=100)[-1]
    assert (found.kind, found.layer) == ("lost_accuracy", None)
    assert found.numbers["rate_accuracy"] == 1
    assert found.numbers["spiking_accuracy"] < 0.5
    assert "Rates are off most in" in found.what
    with pytest.raises(InputError, match="one class number for each of the 32 samples"):
        snnconv.doctor(graph, X, y[:5])


def test_a_few_wrong_answers_may_be_chance():
    graph = network()
    y = graph.rate_output(X).argmax(-1)
    close = X.copy()
    close[:2] = 0.5  # all classes alike: the answer is a matter of rounding
    close[:2, 3] += 1e-6
    y[:2] = 3
    assert "lost_accuracy" not in dict(kinds(snnconv.doctor(graph, close, y, n_steps=400)))


def test_neighbours_are_found_through_everything_between():
    from snnconv.tuning.doctor.doctor import examine

    from ..helpers.small_graphs import graph_of, inputs_of

    graph = graph_of("residual")
    found = examine(graph, graph.check_inputs(inputs_of(graph), "float32"), 10, 0.001)
    assert [(a.name, b.name) for a, b in found.neighbours] == [("first", "second")]


def test_a_ceiling_is_the_lower_of_both():
    view = network(first=LIF(tau_ref=0.004)).populations["first"]
    layer = Layer(view, np.zeros((1, 1)), np.zeros((1, 1)))
    assert (layer.ceiling(0.001), layer.step_ceiling(0.001), layer.ceiling(0.01)) == (250, 1000, 100)
    view = network(first=IF()).populations["first"]
    assert dataclasses.replace(layer, view=view).ceiling(0.001) == np.inf


def test_the_command(tmp_path):
    ill, well = tmp_path / "ill.snn.h5", tmp_path / "well.snn.h5"
    network(scales=(1500.0, 100.0)).save(ill)
    network().save(well)
    np.savez(tmp_path / "xy.npz", x=X, y=network().rate_output(X).argmax(-1))
    options = ("--data", tmp_path / "xy.npz", "--steps", 400)
    assert "Nothing found" in run("doctor", well, *options)
    printed = run("doctor", ill, *options, code=1)
    assert "first: above ceiling" in printed
    found = json.loads(run("doctor", ill, *options, "--json", code=1))
    assert [finding["layer"] for finding in found["findings"][:2]] == ["first", "second"]
    np.save(tmp_path / "moving.npy", np.zeros((2, 400, UNITS)))
    fails("must have shape", "doctor", well, "--data", tmp_path / "moving.npy", "--steps", 400)


# --- warnings


def test_convert_warns_of_silent_layers_with_a_remedy():
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((UNITS,)), kl.Dense(30, activation="relu", name="hidden"), kl.Dense(3)])
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel, bias - 50.0 * (np.arange(30) > 5)])
    with pytest.warns(
        HealthWarning, match=r"hidden.*: 9\d% of the neurons spike on none of 32 samples\. .*train with"
    ) as w:
        snnconv.convert(model, calibrate=X, calibrate_steps=20, verbose=False)
    assert len(w) == 1
    assert w[0].filename == __file__
    snnconv.convert(model, verbose=False)  # without data there is no doctor


def as_calibrated(graph):
    """The same with voltages before the first step that calibration gives."""
    return graph.replace(
        dataclasses.replace(node, initial_voltage=0.5) if isinstance(node, Population) else node for node in graph.nodes
    )


def test_what_calibration_cut_off_is_no_ailment():
    graph = network(scales=(1500.0, 100.0))
    assert {kind for kind, _ in kinds(snnconv.doctor(graph, X))} == {"above_ceiling"}
    assert not snnconv.doctor(as_calibrated(graph), X)
    found = kinds(snnconv.doctor(as_calibrated(network(scales=(20_000.0, 100.0))), X))
    assert ("large_error", "first") in found  # nearly all was cut off
    assert not {"above_ceiling", "saturated", "lost_rate"} & {kind for kind, _ in found}


def test_what_calibration_cut_off_functions_of_means_is_no_ailment():
    graph = network(first=Follower(max_spikes=1), scales=(1500.0, 100.0))
    assert ("above_ceiling", "first") not in kinds(snnconv.doctor(graph, X))


def test_the_elements_of_a_sequence_have_one_finding():
    """The cell is there once for every element; all of its populations send negative spikes."""
    graph = network(first=Follower(amplitude=1.0), second=Follower(amplitude=1.0))
    lines = (LayerReport("memory", "LSTM"), LayerReport("out", "Dense"))
    names = {"first": "memory.0", "second": "memory"}
    nodes = (
        dataclasses.replace(
            node, name=names.get(node.name, node.name), inputs=tuple(names.get(n, n) for n in node.inputs)
        )
        for node in graph.nodes
    )
    found = snnconv.doctor(dataclasses.replace(graph.replace(nodes), report=lines), -X)
    (finding,) = [each for each in found if each.kind == "negative_spikes"]
    assert finding.layer == "memory.0"
    assert finding.what.endswith("So it is with memory.")
    assert finding.numbers["n_populations"] == 2
    apart = [each.layer for each in snnconv.doctor(graph, -X) if each.kind == "negative_spikes"]
    assert apart == ["first", "second"]


def test_answers_that_differ_from_the_rates_are_notable_without_labels():
    graph = network(scales=(3000.0, 100.0))
    found = notable(graph, X, 100)[-1]
    assert found.kind == "lost_accuracy"
    assert "answers are others than in rates" in found.what


def test_simulate_says_what_ails_the_network(tmp_path):
    graph = network(scales=(1500.0, 100.0))
    graph.save(tmp_path / "net.snn.h5")
    np.save(tmp_path / "x.npy", X)
    command = ("simulate", tmp_path / "net.snn.h5", "--steps", 100)
    printed = run(*command, "-i", tmp_path / "x.npy")
    with as_options():
        findings = notable(graph, X, 100)
    (expected,) = [each for each in findings if each.layer == "first"]
    assert "with --scale-firing-rates first=0.66" in expected.remedy
    assert f"Doctor: {expected}" in " ".join(printed.split())
    found = json.loads(run(*command, "-i", tmp_path / "x.npy", "--json"))["findings"]
    assert found == [each.to_dict() for each in findings]
    assert "Doctor" not in run(*command)  # random inputs say little
    varying = np.repeat(X[:, None], 100, 1)
    np.save(tmp_path / "varying.npy", varying)
    assert "Doctor" not in run(*command, "-i", tmp_path / "varying.npy")
