"""Calibration with spikes that can be taken back, of all kinds of neurons, in one pass through the layers."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionWarning, ExportError, InputError, ParameterError
from snnconv.export import export, find_target
from snnconv.graph.reading import PLAIN, Reading
from snnconv.neurons import SignedIF
from snnconv.runtime import reference
from snnconv.tuning.calibrate.fitting import fit_layers
from snnconv.tuning.calibrate.outcome import best_reading, outcome_of

from ..helpers.hertz import at_100_hertz
from ..helpers.networks import randomise


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 1, (40, 6, 6, 2)).astype("float32")


def deep_model(ceiling):
    """Eight relu layers, every other one with the ceiling: what is sent too early in one grows in those behind it."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 2))])
    for k in range(7):
        model.add(kl.Conv2D(8, 3, padding="same", kernel_initializer="he_normal", name=f"conv{k}"))
        model.add(kl.ReLU(max_value=ceiling if k % 2 else None, name=f"relu{k}"))
    for layer in (kl.GlobalAveragePooling2D(), kl.Dense(12, activation="relu", name="relu7"), kl.Dense(5)):
        model.add(layer)
    return model


@pytest.fixture(scope="module")
def deep():
    return snnconv.convert(deep_model(6.0), verbose=False)


def error(graph, plain, x, n_steps):
    wanted = plain.rate_output(x)
    return np.sqrt(((snnconv.Simulator(graph).predict(x, n_steps) - wanted) ** 2).mean() / wanted.var())


def test_spikes_that_are_taken_back_bring_deep_networks_nearer(deep, x):
    graphs = {spikes: snnconv.calibrate(deep, x[:30], 24, spikes=spikes) for spikes in ("binary", "signed")}
    errors = {spikes: error(graph, deep, x[30:], 24) for spikes, graph in graphs.items()}
    assert errors["signed"] < 0.7 * errors["binary"]
    kinds = {spikes: {view.neuron.kind for view in graph.populations.values()} for spikes, graph in graphs.items()}
    assert kinds == {"binary": {"IF"}, "signed": {"SignedIF"}}
    for graph in graphs.values():  # heights and ceilings keep the rates, but for the corrected biases
        assert error_in_rates(snnconv.calibrate(deep, x[:30], 24, correct=False), deep, x) < 1e-6
        assert graph.report[-1].layer == "calibration"
        assert "without calibration" in graph.report[-1].action
        assert int(graph.metadata["best_read_from"]) >= 1


def test_heights_leave_room_for_late_starts_and_other_samples(deep, x):
    """Where the largest activation of the samples is a spike at every step, neurons never catch up."""
    full, roomy = (snnconv.calibrate(deep, x[:6], 96, percentile=each) for each in (100, None))
    assert error(roomy, deep, x[30:], 96) < 0.7 * error(full, deep, x[30:], 96)


def test_neurons_of_their_own_negative_threshold_keep_it_and_a_low_one_follows_more_closely(x):
    model, errors = deep_model(None), {}
    for neuron in (SignedIF(), SignedIF(negative_threshold=0.5)):
        plain = snnconv.convert(model, verbose=False, swap_activations={"relu": neuron})
        graph = snnconv.calibrate(plain, x[:30], 48)
        assert {view.neuron.negative_threshold for view in graph.populations.values()} == {neuron.negative_threshold}
        errors[neuron.negative_threshold] = error(graph, plain, x[30:], 48)
    assert errors[1 / 16] < 0.8 * errors[0.5]


def error_in_rates(graph, plain, x):
    wanted = plain.rate_output(x)
    return np.abs(graph.rate_output(x) - wanted).max() / np.abs(wanted).max()


def test_what_the_pass_saw_is_what_the_network_gives(deep, x):
    given = deep.check_inputs(x[:6], "float32")
    (seen,) = fit_layers(deep, given, 12, 0.001, {}, correct=False).outputs.values()
    expected = reference.run(deep, x[:6], 12).output
    # float32 beside float64: a spike that falls on the threshold may come a step later
    np.testing.assert_allclose(seen.sum(1), expected.sum(1), rtol=0, atol=0.1 * np.abs(expected).max())


def test_both_runtimes_and_the_file_give_the_same_signed_spikes(deep, x, tmp_path):
    graph = snnconv.calibrate(deep, x[:20], 12)
    graph.save(tmp_path / "net.snn.h5")
    loaded = snnconv.load(tmp_path / "net.snn.h5")
    result = reference.run(loaded, x[:4], 24, record="all")
    fast = snnconv.Simulator(graph, dtype="float64").run(x[:4], 24, record="all")
    for name, spikes in result.spikes.items():
        assert spikes.dtype == fast.spikes[name].dtype == np.int8
        np.testing.assert_array_equal(fast.spikes[name], spikes)
    assert min(spikes.min() for spikes in result.spikes.values()) == -1
    np.testing.assert_allclose(result.rates["relu3"], result.spikes["relu3"].sum(1) / 0.024)


@pytest.mark.parametrize("activation", ["leaky_relu", "sigmoid", "tanh", "softplus"])
def test_neurons_that_keep_account_come_nearer_too(activation):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            kl.Dense(12, activation=activation, name="first"),
            kl.Dense(12, activation=activation, name="second"),
            kl.Dense(3),
        ]
    )
    randomise(model)
    plain = snnconv.convert(model, verbose=False)
    x = np.random.default_rng(0).uniform(-1, 1, (60, 5)).astype("float32")
    graph = snnconv.calibrate(plain, x[:40], 32)
    assert error(graph, plain, x[40:], 32) < 0.7 * error(at_100_hertz(plain), plain, x[40:], 32)
    assert {graph[name].initial_voltage for name in graph.populations} == {0.5}
    spikes = snnconv.Simulator(graph).run(x[:40], 32, "all.spikes").spikes
    most = {name: int(np.abs(each).max()) for name, each in spikes.items()}
    assert set(most.values()) == {1}
    assert {view.neuron.max_spikes for view in graph.populations.values()} == {1}


def test_a_population_nothing_is_known_of_is_named():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            kl.Dense(4, activation="relu"),
            kl.Dense(4),
            snnconv.layers.SteppedLIF(name="odd"),
            kl.Dense(2),
        ]
    )
    x = np.random.default_rng(0).uniform(0, 1, (20, 3)).astype("float32")
    with pytest.warns(ConversionWarning, match="leaves 'odd' as they were: it knows nothing of SteppedLIF neurons"):
        graph = snnconv.calibrate(snnconv.convert(model, verbose=False), x, 10)
    assert graph.populations["odd"].neuron.kind == "SteppedLIF"


def test_values_keep_their_outliers(deep, x):
    """With many steps, too: the largest activation of the samples is a spike at every step."""
    x = x.copy()
    x[0] *= 8
    clipped, whole = (snnconv.calibrate(deep, x, 4, values=values) for values in (False, True))
    largest = lambda graph: np.abs(snnconv.Simulator(graph).predict(x[:1], 256) - deep.rate_output(x[:1])).max()  # noqa: E731
    assert largest(whole) < 0.7 * largest(clipped)


def test_the_best_reading_leaves_out_what_came_before_the_network_had_settled():
    wanted = {"y": np.array([[1.0, 0.0], [0.0, 1.0]])}
    steps = np.repeat(wanted["y"][:, None], 16, 1)
    steps[:, :4] = 0.5
    as_they_are = lambda label, means: means  # noqa: E731
    reading = best_reading({"y": steps}, wanted, as_they_are)
    assert reading.first == 5
    found = outcome_of({"y": np.full((2, 2), 0.5)}, {"y": reading.mean(steps)}, wanted, reading, 2)
    assert found.after < 1e-12 < found.before
    assert "read as the mean from step 5 on" in str(found)
    assert best_reading({"y": np.repeat(wanted["y"][:, None], 16, 1)}, wanted, as_they_are) == PLAIN


def test_the_best_reading_averages_over_what_neurons_owe_at_the_end():
    """Of trains with a spike every few steps the count is off by up to one; what is the same for all is corrected."""
    periods = np.arange(2, 12)
    steps = (np.arange(1, 65)[None, :, None] % periods[:, None, None] == 0).astype("float64")
    wanted = {"y": 1 / periods[:, None]}
    corrected = lambda label, means: means + (wanted[label] - means).mean()  # noqa: E731
    assert best_reading({"y": steps}, wanted, corrected) == Reading(1, 8.0), "an eighth"
    assert best_reading({"y": steps[:, :16]}, wanted, corrected) == Reading(1, 4.0), "a quarter: few spikes"


def test_targets_without_signed_spikes_say_so(deep, x, tmp_path):
    graph = snnconv.calibrate(deep, x[:10], 8)
    assert not any(find_target(name).takes_signed_spikes for name in ("nir", "lava", "nengo"))
    assert all(find_target(name).takes_signed_spikes for name in ("hdf5", "c", "saved_model", "params", "verilog"))
    for target in ("nir", "lava"):
        with pytest.raises(ExportError, match="spikes='binary'"):
            export(graph, tmp_path / target, target)


def test_what_cannot_be_is_refused(deep, x):
    with pytest.raises(ParameterError, match="spikes must be 'binary' or 'signed'. Received 'ternary'"):
        snnconv.calibrate(deep, x, spikes="ternary")
    with pytest.raises(InputError, match=r"must have shape \(n, 6, 6, 2\)"):
        snnconv.calibrate(deep, np.zeros((3, 32, 6, 6, 2)), 32)
