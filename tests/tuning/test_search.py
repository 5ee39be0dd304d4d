"""Tuning: readouts, the sweep, what is chosen, early stopping, files of settings and the command."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers as kl
from sklearn.datasets import load_digits

import snnconv
from snnconv.errors import ConfigError, InputError, ParameterError
from snnconv.graph import Filter
from snnconv.neurons.synapses import Alpha
from snnconv.training import config
from snnconv.tuning import Readout, Setting, apply, early_stopping
from snnconv.tuning.search.candidates import Candidates, expected_drop
from snnconv.tuning.search.result import efficient
from snnconv.tuning.search.setting import own_synapses, without_synapses, write_settings

from ..cli.test_app import fails, run

GRID = {"n_steps": 40, "scales": (1, 2), "synapses": (None, 0.004), "calibrate": ()}


@pytest.fixture(scope="module")
def digits():
    """Digits that no training saw, and a network trained for a second or two."""
    x, y = load_digits(return_X_y=True)
    x = x.astype("float32") / 16
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            kl.Dense(32),
            snnconv.layers.LIF(max_rates=200, amplitude=0.005, name="lif1"),
            kl.Dense(32),
            snnconv.layers.LIF(max_rates=200, amplitude=0.005, name="lif2"),
            kl.Dense(10),
        ],
        name="digits",
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.005
    model.fit(x[:1400], y[:1400], epochs=12, verbose=0)
    return model, snnconv.convert(model, verbose=False), x[1400:1600], y[1400:1600]


@pytest.fixture(scope="module")
def tuning(digits):
    _, graph, x, y = digits
    return snnconv.tune(graph, x, y, accuracy_drop=1.0, **GRID)


# --- readouts


def test_readouts_by_hand():
    output = np.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
    read = lambda readout: readout.read(output, 0.001)[0, :, 0]  # noqa: E731
    np.testing.assert_allclose(read(Readout()), [1, 2, 4])
    np.testing.assert_allclose(read(Readout("last")), [1, 3, 8])
    np.testing.assert_allclose(read(Readout(skip=1)), [np.nan, 3, 5.5])
    low = 1 - np.exp(-0.5)
    filtered = [low * 1, low * (1 - low) + low * 3]
    np.testing.assert_allclose(read(Readout("lowpass", tau=0.002))[:2], filtered)
    assert Readout(skip=1).n_counted(3).tolist() == [0, 1, 2]


def test_readouts_are_checked():
    with pytest.raises(ParameterError, match="'mean', 'last' or 'lowpass'. Received 'max'"):
        Readout("max")
    with pytest.raises(ParameterError, match="skip is for the readout 'mean'"):
        Readout("last", skip=3)
    with pytest.raises(ParameterError, match="tau, above 0 seconds, is for"):
        Readout("lowpass")


# --- networks of the sweep


def test_apply_takes_the_place_of_synapses_and_scales(digits):
    graph = digits[1]
    found = apply(apply(graph, 1.0, 0.01), 2.0, 0.004)
    assert [node.synapse.tau for node in found.nodes if isinstance(node, Filter)] == [0.004, 0.004]
    assert found.populations["lif1"].tau_rc == graph.populations["lif1"].tau_rc / 2
    np.testing.assert_allclose(found.rate_output(digits[2][:5]), graph.rate_output(digits[2][:5]))
    assert [node.name for node in without_synapses(found).nodes] == [node.name for node in graph.nodes]


def test_the_synapses_of_a_graph_are_known(digits):
    graph = digits[1]
    assert own_synapses(graph) == (None, False)
    assert own_synapses(apply(graph, 1, 0.01)) == (0.01, False)
    assert own_synapses(apply(graph, 1, {"lif1": 0.01})) == ({"lif1": 0.01}, False)
    assert own_synapses(snnconv.passes.add_synapses(graph, Alpha(0.01))) == (None, True)


# --- the search


def test_every_setting_is_what_simulator_and_energy_say_of_it(digits, tuning):
    _, graph, x, y = digits
    found = next(choice for choice in tuning.choices if choice.setting == Setting(2.0, 0.004, Readout(), 30, 0.001))
    network = apply(graph, 2.0, 0.004)
    assert found.accuracy == snnconv.Simulator(network).evaluate(x, y, 30)["accuracy"]
    account = snnconv.energy(network, x, 30, device="loihi")
    assert found.joules == pytest.approx(account.joules(account.devices[0]))
    assert found.spikes_per_neuron == pytest.approx(account.spikes / 64)


def test_the_chosen_setting_is_the_shortest_that_keeps_the_accuracy(tuning):
    enough = tuning.reference_accuracy - 0.01
    chosen = tuning.chosen
    assert tuning.is_within_drop
    assert chosen.accuracy >= enough
    assert chosen.setting.n_steps < 40
    for choice in tuning.choices:
        later = tuning.curves[
            (f"{choice.setting.scale_firing_rates:g}", choice.setting.synapse_text, str(choice.setting.readout))
        ]
        at = range(choice.setting.n_steps, 41, 2)  # 20 numbers of steps are looked at
        # what settles keeps the accuracy; of what keeps it, the lucky does not settle
        assert not choice.has_settled or all(later[step - 1] >= enough - 1e-9 for step in at)
        if choice.has_settled:
            assert (chosen.setting.n_steps, chosen.joules) <= (choice.setting.n_steps, choice.joules)


def test_cross_validation_knows_what_chance_chooses():
    """Of many settings that guess, some guess well on the samples they are chosen on, and on no others."""
    rng = np.random.default_rng(0)
    settings = tuple(Setting(1.0, None, Readout(), n_steps, 0.001) for n_steps in range(1, 301))
    right, in_rates = rng.random((300, 60)) < 0.5, np.ones(60, bool)
    curves = tuple(slice(number, number + 1) for number in range(300))
    found = Candidates(settings, right, in_rates, np.arange(300.0) + 1, np.ones(300), curves)
    assert right[found.best(0, "steps")].mean() > 0.65
    assert found.cross_validated(0, "steps", 0) < 0.6


def test_luck_with_the_samples_is_no_accuracy():
    """Settings that change answers at random, twice as often for worse as for better: few changes cost little.

    The one of each hundred that was luckiest does not look better to the estimate than the others.
    """
    rng = np.random.default_rng(0)
    n, shares = 400, np.repeat([0.01, 0.04, 0.16], 100)
    changed = rng.random((300, n)) < shares[:, None]
    worse = rng.random((300, n)) < 2 / 3
    lost, gained = (changed & worse).mean(1), (changed & ~worse).mean(1)
    found = expected_drop(lost, gained)
    for share in (0.01, 0.04, 0.16):
        own = shares == share
        luckiest = np.argmin(np.where(own, lost - gained, np.inf))
        assert abs(found[own].mean() - share / 3) < 0.003
        # what is left of luck is that in how many answers change at all
        assert abs(found[luckiest] - share / 3) < 0.35 * abs((lost - gained)[luckiest] - share / 3) + 0.002


def test_one_setting_alone_is_as_good_as_it_was_measured():
    np.testing.assert_allclose(expected_drop(np.array([0.05]), np.array([0.02])), [0.03])
    np.testing.assert_allclose(expected_drop(np.array([0.5]), np.array([0.2])), [0.3])
    np.testing.assert_allclose(expected_drop(np.zeros(2), np.zeros(2)), 0)


def test_calibrated_networks_are_tried_and_written(digits, tmp_path):
    _, graph, x, y = digits
    options = {"n_steps": 20, "scales": [1], "synapses": [None], "accuracy_drop": 3}
    found = snnconv.tune(graph, x, y, calibrate=[10], **options)
    assert found.n_samples == 150  # a quarter of 200 was calibrated with
    network = snnconv.calibrate(graph, x[:50], 10)
    setting = Setting(None, None, Readout(), 10, 0.001, 10, 50)
    choice = next(choice for choice in found.choices if choice.setting == setting)
    assert choice.accuracy == snnconv.Simulator(network).evaluate(x[50:], y[50:], 10)["accuracy"]
    assert choice.accuracy > next(c.accuracy for c in found.choices if c.setting == Setting(1.0, None, *setting_of(10)))
    assert "calibrated" in str(found)

    np.savez(tmp_path / "xy.npz", x=x, y=y)
    (tmp_path / "sub").mkdir()
    write_settings(tmp_path / "sub" / "s.toml", setting, data=tmp_path / "xy.npz")
    graph.save(tmp_path / "net.snn.h5")
    run("export", tmp_path / "net.snn.h5", "--config", tmp_path / "sub" / "s.toml", "-o", tmp_path / "out.snn.h5")
    loaded = snnconv.load(tmp_path / "out.snn.h5")
    np.testing.assert_allclose(loaded.rate_output(x[:5]), network.rate_output(x[:5]), rtol=1e-4, atol=1e-4)
    with pytest.raises(ParameterError, match="the setting is calibrated: pass data="):
        write_settings(tmp_path / "s.toml", setting)


def setting_of(n_steps):
    return Readout(), n_steps, 0.001


def test_the_least_energy_may_take_more_steps(digits):
    _, graph, x, y = digits
    options = {"n_steps": 40, "scales": [1, 2], "synapses": [None]}
    found = snnconv.tune(graph, x[:60], y[:60], accuracy_drop=3, prefer="energy", **options)
    assert found.chosen.joules == min(choice.joules for choice in found.choices if choice.has_settled)


def test_without_labels_answers_are_compared_with_those_of_the_rates(digits):
    _, graph, x, _ = digits
    found = snnconv.tune(graph, x[:60], n_steps=20, scales=[1], synapses=[None])
    answers = snnconv.Simulator(graph).predict(x[:60], 20).argmax(-1)
    assert found.reference_accuracy == 1
    assert found.baseline.accuracy == (answers == graph.rate_output(x[:60]).argmax(-1)).mean()
    assert "agreement with" in str(found)


def test_where_nothing_is_accurate_enough_it_says_so(digits):
    _, graph, x, y = digits
    found = snnconv.tune(graph, x[:60], y[:60], n_steps=2, scales=[1], synapses=[None], accuracy_drop=0)
    assert not found.is_within_drop
    assert found.chosen.accuracy == max(choice.accuracy for choice in found.choices)
    assert "No setting stays within 0 points" in str(found)


def test_notes_say_where_scaling_is_not_exact(tuning, digits):
    (note,) = tuning.notes
    assert note.startswith("At scale 2 LIF time constants are divided")
    _, graph, x, _ = digits
    found = snnconv.tune(graph, x[:4], n_steps=4, scales=[4], synapses=[None])
    assert any("At scale 4 tau_ref is 0.5 ms, below dt" in note for note in found.notes)


def test_efficient_settings_are_those_that_none_dominates():
    costs = [(1, 5), (2, 2), (5, 1), (3, 3), (2, 2), (1, 6)]
    assert efficient(costs).tolist() == [True, True, True, False, False, False]


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=20))
def test_every_setting_is_matched_by_an_efficient_one(costs):
    kept = [cost for cost, keep in zip(costs, efficient(costs), strict=True) if keep]
    assert len(set(kept)) == len(kept)
    for cost in costs:
        assert any(all(a <= b for a, b in zip(best, cost, strict=True)) for best in kept)


def test_what_tune_is_given_is_checked(digits):
    _, graph, x, y = digits
    with pytest.raises(ParameterError, match="a scale must be above 0. Received 0"):
        snnconv.tune(graph, x[:4], scales=[0])
    with pytest.raises(ParameterError, match="a synapse must be above 0, or None. Received -1"):
        snnconv.tune(graph, x[:4], synapses=[-1])
    with pytest.raises(ParameterError, match="prefer must be 'steps' or 'energy'. Received 'speed'"):
        snnconv.tune(graph, x[:4], prefer="speed")
    with pytest.raises(InputError, match="one class number from 0 to 9 for each of the 4 samples"):
        snnconv.tune(graph, x[:4], y[:3])


# --- early stopping


def walks(n=400, n_steps=60, seed=0):
    """Sums of noisy evidence for class 1 of 3, as running means; the second half is four times as clear."""
    rng = np.random.default_rng(seed)
    drift = np.where(np.arange(n) < n // 2, 0.25, 1.0)[:, None, None] * np.array([0.0, 1.0, 0.0])
    sums = np.cumsum(drift + rng.normal(0, 1, (n, n_steps, 3)), 1)
    return sums / np.arange(1, n_steps + 1)[:, None]


def test_early_stopping_saves_steps_and_keeps_the_accuracy():
    means, y = walks(), np.ones(400, int)
    found = early_stopping(means, y, accuracy_drop=1)
    assert found.is_held_out
    assert len(found.stops) == 200
    assert found.mean_steps < 40
    assert found.accuracy >= found.full_accuracy - 0.03  # measured on other samples than it was set on
    steps, accuracies = found.curve[:, 1], found.curve[:, 2]
    assert (np.diff(steps) >= 0).all()
    assert steps[-1] == 60
    assert accuracies[-1] == found.full_accuracy
    assert steps[0] < 3


def test_clear_samples_stop_first():
    found = early_stopping(walks(), np.ones(400, int), margin=8.0)
    assert not found.is_held_out
    assert found.stops[200:].mean() < found.stops[:200].mean() / 2


def test_early_stopping_by_hand():
    sums = np.array([[[1.0, 0.0], [3.0, 0.0], [3.0, 1.0]], [[0.0, 0.5], [0.0, 1.0], [0.0, 1.5]]])
    means = sums / np.arange(1, 4)[:, None]
    found = early_stopping(means, [0, 0], margin=2.5)
    assert found.stops.tolist() == [2, 3]
    assert found.accuracy == 0.5
    assert early_stopping(means, margin=2.5).accuracy == 1  # against the answers after all steps


def test_early_stopping_is_checked():
    with pytest.raises(InputError, match=r"running_mean must have shape \(n, n_steps, classes\)"):
        early_stopping(np.zeros((3, 4)))
    with pytest.raises(InputError, match="one class number for each of the 400 samples"):
        early_stopping(walks(), np.ones(3))
    with pytest.raises(ParameterError, match="margin must be above 0"):
        early_stopping(walks(), margin=0)


# --- files of settings


@pytest.mark.parametrize(
    "setting",
    [
        Setting(2.0, None, Readout(), 40, 0.001),
        Setting(0.5, 0.005, Readout(skip=10), 40, 0.0005),
        Setting(1.0, {"a 'b'": 0.01, 'c"': 0.002}, Readout("lowpass", tau=0.02), 7, 0.001),
    ],
)
def test_settings_read_back_as_written(tmp_path, setting):
    path = tmp_path / "s.toml"
    write_settings(path, setting, "Chosen\nfor a test", margin=12.5)
    found = config.load_settings(path)
    assert found.conversion.scale_firing_rates == setting.scale_firing_rates
    assert found.conversion.synapse == setting.synapse
    assert Readout(**vars(found.readout)) == setting.readout
    assert (found.simulation.n_steps, found.simulation.dt) == (setting.n_steps, setting.dt)
    assert found.early_stopping is not None
    assert found.early_stopping.margin == 12.5
    assert path.read_text().startswith("# Chosen\n# for a test\n")


def test_a_training_config_holds_settings_too(tmp_path):
    (tmp_path / "t.toml").write_text('name = "x"\n[data]\ndataset = "digits"\n[conversion]\nsynapse = 0.005\n')
    assert config.load_settings(tmp_path / "t.toml").conversion.synapse == 0.005
    (tmp_path / "t.toml").write_text("[readout]\nkind = 'max'\n")
    with pytest.raises(ConfigError, match=r"\[readout\] kind has no choice 'max'"):
        config.load_settings(tmp_path / "t.toml")


# --- the command


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    model, graph, x, y = digits
    folder = tmp_path_factory.mktemp("tune")
    model.save(folder / "model.keras")
    graph.save(folder / "model.snn.h5")
    np.savez(folder / "xy.npz", x=x, y=y)
    return folder


def test_the_command_writes_what_other_commands_take(files, digits, tmp_path):
    _, graph, x, _ = digits
    out, plot = tmp_path / "tuned.toml", tmp_path / "tuned.svg"
    options = (
        "--data",
        files / "xy.npz",
        "--steps",
        40,
        "--scales",
        "1,2",
        "--synapses",
        "0.004",
        "--calibrate",
        "none",
    )
    printed = run("tune", files / "model.keras", *options, "--accuracy-drop", 1, "-o", out, "--plot", plot)
    assert max(len(line) for line in printed.splitlines() if "Next:" not in line and "Wrote" not in line) <= 80
    assert "Chosen: rates ×" in printed
    assert plot.stat().st_size > 10_000
    chosen = config.load_settings(out)
    for model in ("model.keras", "model.snn.h5"):
        run("export", files / model, "--config", out, "-o", tmp_path / "tuned.snn.h5")
        expected = apply(graph, chosen.conversion.scale_firing_rates, chosen.conversion.synapse)
        found = snnconv.load(tmp_path / "tuned.snn.h5")
        spikes = [
            snnconv.reference.run(each, x[:3], 30, record="lif2.spikes").spikes["lif2"] for each in (found, expected)
        ]
        np.testing.assert_array_equal(*spikes)
    n = chosen.simulation.n_steps
    assert f"for {n} steps of 1 ms" in run("simulate", files / "model.snn.h5", "--config", out, "-i", files / "xy.npz")


def test_simulate_runs_and_reads_as_the_config_says(files, digits, tmp_path):
    _, graph, x, y = digits
    settings = tmp_path / "s.toml"
    write_settings(settings, Setting(2.0, 0.004, Readout(skip=6), 20, 0.0005))
    np.save(tmp_path / "y.npy", y)
    command = ("simulate", files / "model.snn.h5", "--config", settings, "-i", files / "xy.npz")
    labels = ("-l", tmp_path / "y.npy", "--json")
    found = json.loads(run(*command, *labels))
    assert (found["n_steps"], found["dt"], found["readout"]) == (20, 0.0005, "mean from 7")
    output = snnconv.Simulator(apply(graph, 2.0, 0.004), 0.0005).run(x, 20).output
    assert found["accuracy"] == (output[:, 6:].mean(1).argmax(-1) == y).mean()
    assert found["accuracy_over_time"][:6] == [None] * 6
    # what the command says goes before what the config says
    found = json.loads(run(*command, *labels, "--steps", 12, "--dt", 0.001))
    assert (found["n_steps"], found["dt"]) == (12, 0.001)
    assert "Answers are read as" in run(*command, *labels[:2])
    fails("leaves out 6 steps. Run more than 5", *command, "--steps", 5)
    settings.write_text("[simulation]\nsteps = 5\n")
    fails(r"\[simulation\] has no key 'steps'. Did you mean 'n_steps'", *command)


def test_the_command_prints_json_and_counts_first_samples(files, digits):
    _, graph, x, y = digits
    options = ("--data", files / "xy.npz", "--samples", 50, "--steps", 10, "--scales", "1", "--synapses", "none")
    found = json.loads(run("tune", files / "model.snn.h5", *options, "--json", "--accuracy-drop", 100))
    expected = snnconv.tune(graph, x[:50], y[:50], n_steps=10, scales=[1], synapses=[None], accuracy_drop=100)
    assert found == json.loads(json.dumps(expected.to_dict()))
    assert len(found["choices"]) == 10 * 3  # steps, and readouts that need no more than 10 of them


def test_the_command_fails_in_one_line(files, tmp_path):
    model, data = files / "model.snn.h5", ("--data", files / "xy.npz")
    fails("--scales must be numbers with commas between. Received '1;2'", "tune", model, *data, "--scales", "1;2")
    fails("--prefer must be steps or energy", "tune", model, *data, "--prefer", "speed")
    fails("--calibrate must be whole numbers of steps, or none", "tune", model, *data, "--calibrate", "2.5")
    fails("end its name in .toml", "tune", model, *data, "-o", tmp_path / "x.json")
    fails("Missing option", "tune", model)
    fails("no device 'tpu'", "tune", model, *data, "--device", "tpu")
    training = tmp_path / "t.toml"
    training.write_text('name = "x"\n[data]\ndataset = "digits"\n[[model.layers]]\ntype = "Dense"\nunits = 10\n')
    fails("is a training config, and .* was converted already", "simulate", model, "--config", training)


def test_settings_are_frozen_data():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Setting(1.0, None, Readout(), 1, 0.001).n_steps = 2  # pyright: ignore[reportAttributeAccessIssue]
