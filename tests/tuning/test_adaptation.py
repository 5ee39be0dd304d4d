"""Changes between conversion and run: one rule of what they need, and their order."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl
from snnconv.passes import add_synapses, fold_affine, scale_firing_rates

import snnconv
from snnconv.errors import ConfigError, ConversionWarning, ParameterError
from snnconv.graph import Filter
from snnconv.neurons.synapses import Lowpass
from snnconv.training.config import ConversionConfig, load_settings
from snnconv.tuning.adaptation import Adaptation
from snnconv.tuning.search.setting import apply

X = np.random.default_rng(0).random((40, 6))


@pytest.fixture(scope="module")
def graph():
    keras.utils.set_random_seed(0)
    layers = [
        kl.Dense(8),
        snnconv.layers.LIF(name="first"),
        kl.Dense(5),
        snnconv.layers.LIF(name="second"),
        kl.Dense(3),
    ]
    return snnconv.convert(keras.Sequential([keras.Input((6,)), *layers]), verbose=False)


def synapses(graph):
    return [node.synapse for node in graph.nodes if isinstance(node, Filter)]


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        (
            "arguments",
            "with other time constants than trained, gains and biases must be refit: pass refit=x, some samples.",
        ),
        ("keys", "tau_ref needs refit: a file of inputs, or true for training data."),
        ("options", "--tau-rc and --tau-ref need --refit FILE, with inputs to refit gains and biases to."),
    ],
)
def test_time_constants_need_samples_to_refit_to(given_as, message):
    with pytest.raises(ParameterError) as caught:
        Adaptation(scale=2.0, tau_ref=0.001).check(given_as)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ("arguments", "refit=x is for scale_firing_rates, tau_rc or tau_ref. Pass one of them."),
        ("keys", "refit is for scale_firing_rates, tau_rc or tau_ref. Give one of them."),
        ("options", "--refit is for --scale-firing-rates, --tau-rc or --tau-ref. Give one of them."),
    ],
)
def test_samples_to_refit_to_need_a_change(given_as, message):
    with pytest.raises(ParameterError) as caught:
        Adaptation(refit=X, synapse=0.01).check(given_as)
    assert str(caught.value) == message


@pytest.mark.parametrize("changes", [{"calibrate_steps": 4}, {"spikes": "binary"}])
@pytest.mark.parametrize(
    ("given_as", "end"),
    [
        ("arguments", "Pass the samples to do it with: calibrate=x."),
        ("keys", "which needs calibrate: a file of inputs, or true."),
        ("options", "Name the samples to do it with: --calibrate FILE."),
    ],
)
def test_calibration_needs_samples(given_as, end, changes):
    with pytest.raises(ParameterError, match="say how to calibrate") as caught:
        Adaptation(**changes).check(given_as)
    assert str(caught.value).endswith(end)


def test_convert_does_not_ignore_steps_to_calibrate_for():
    model = keras.Sequential([keras.Input((6,)), kl.Dense(3)])
    with pytest.raises(ParameterError, match="calibrate_steps and spikes say how to calibrate"):
        snnconv.convert(model, calibrate_steps=4, verbose=False)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale": 2.0},
        {"scale": 1.0, "refit": X},
        {"tau_rc": 0.01, "refit": X},
        {"calibrate": X, "synapse": 0.01},
    ],
)
def test_what_can_be_done_passes(changes):
    assert Adaptation(**changes).check() is None


def test_the_message_of_a_config_names_its_file_and_section(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[conversion]\ntau_rc = 0.01\nrefit = false\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert str(caught.value).startswith(f"{path}: [conversion] tau_rc needs refit: a file")


def test_a_config_gives_its_changes_with_the_names_of_samples():
    options = ConversionConfig(synapse=0.01, tau_rc=0.02, refit=Path("x.npy"), calibrate=False, calibrate_steps=7)
    found = options.adaptation
    assert vars(found) == vars(Adaptation(synapse=0.01, tau_rc=0.02, refit=Path("x.npy"), calibrate_steps=7))


def test_no_change_gives_the_very_graph(graph):
    assert Adaptation().apply(graph, 0.001) is graph
    assert Adaptation(scale=1.0).apply(graph, 0.001) is graph


def test_rates_are_scaled_before_synapses_come(graph):
    found = Adaptation(scale=2.0, synapse=0.004).apply(graph, 0.001)
    expected = add_synapses(fold_affine(scale_firing_rates(graph, 2.0)), 0.004)
    assert [node.name for node in found.nodes] == [node.name for node in expected.nodes]
    outputs = [snnconv.reference.run(each, X[:2], 10, 0.001).output for each in (found, expected)]
    np.testing.assert_array_equal(*outputs)


def test_refit_neurons_keep_their_time_constants(graph):
    found = Adaptation(scale=2.0, refit=X, tau_ref=0.001).apply(graph, 0.001)
    for name, view in found.populations.items():
        assert view.neuron.tau_rc == graph.populations[name].neuron.tau_rc
        assert view.neuron.tau_ref == 0.001
        assert view.neuron.amplitude == pytest.approx(graph.populations[name].neuron.amplitude / 2)


@pytest.mark.parametrize("chosen", [{"scale": 1.0}, {"synapse": 0.003}, {"scale": 1.5, "refit": X}])
def test_calibration_leaves_a_speed_that_was_chosen(graph, chosen):
    before = Adaptation(**chosen).apply(graph, 0.001)
    after = Adaptation(**chosen, calibrate=X, calibrate_steps=8).apply(graph, 0.001)
    for name, view in after.populations.items():
        assert view.neuron.tau_rc == before.populations[name].neuron.tau_rc
    assert synapses(after) == synapses(before)


def test_a_setting_replaces_the_synapses_that_a_graph_has(graph):
    own = add_synapses(graph, 0.01)
    found = synapses(apply(own, 2.0, 0.003))
    assert found == [Lowpass(0.003)] * len(graph.populations)
    assert not synapses(apply(own))


@pytest.mark.parametrize(("scale", "most"), [(3, 2), (20, 10)])
def test_rates_scaled_beyond_the_refractory_period_stay_right(scale, most):
    """Neurons then spike several times in a step, and it is said; in shorter steps they spike once in each."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16), snnconv.layers.LIF(max_rates=200.0, amplitude=0.005, name="lif")]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(3)])
    x = np.random.default_rng(0).random((16, 8)).astype("float32")
    dt = 0.002 / scale
    message = (
        rf"population 'lif': scaled by {scale}, LIF neurons have a refractory period of {dt * 1e3:.2g} ms, below the "
        rf"step of 1 ms, and may spike up to {most} times in a step\. For hardware with one spike in a step: scale by "
        rf"at most 2, or run in steps of at most {dt * 1e3:.2g} ms"
    )
    with pytest.warns(ConversionWarning, match=message):
        graph = snnconv.convert(model, scale_firing_rates=scale, verbose=False)
    view, expected = graph.populations["lif"], graph.rate_output(x)
    assert (view.tau_rc, view.tau_ref, view.amplitude) == (0.02 / scale, dt, 0.005 / scale)
    np.testing.assert_allclose(expected, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)  # float32 against float64
    for step in (0.001, dt):
        result = snnconv.Simulator(graph, dt=step).run(x, round(0.3 / step), record="lif.spikes")
        error = np.linalg.norm(result.output.mean(1) - expected) / np.linalg.norm(expected)
        assert error < 0.005  # with one spike in a step of 1 ms it was 6 % and 70 %
        assert result.spikes["lif"].max() == (6 if (scale, step) == (20, 0.001) else 1)


def test_scales_that_steps_can_follow_are_not_warned_of():
    model = keras.Sequential([keras.Input((8,)), snnconv.layers.LIF(), keras.layers.Dense(3)])
    graph = snnconv.convert(model, scale_firing_rates=2.0, verbose=False)  # a warning would be an error here
    assert [view.tau_ref for view in graph.populations.values()] == [0.001]
