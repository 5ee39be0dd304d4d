"""Networks of IF neurons made accurate in few steps."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from sklearn.datasets import load_digits

import snnconv
from snnconv.errors import ConversionError, ParameterError
from snnconv.graph.passes import set_spike_heights
from snnconv.runtime import reference
from snnconv.tuning.calibrate.heights import best_heights, by_channel, percentile_heights

from ..helpers.hertz import at_100_hertz
from ..helpers.networks import randomise


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return x.reshape(-1, 8, 8, 1).astype("float32") / 16, y


@pytest.fixture(scope="module")
def relu_cnn(digits):
    """A ReLU network with everything that a scale has to pass: batch normalisation, pooling, flatten."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kl.Conv2D(12, 3, padding="same", use_bias=False),
            kl.BatchNormalization(momentum=0.9),
            kl.ReLU(name="relu1"),
            kl.AveragePooling2D(2),
            kl.Conv2D(16, 3, activation="relu", name="relu2"),
            kl.Flatten(),
            kl.Dense(32, activation="relu", name="relu3"),
            kl.Dense(10, name="digit"),
        ]
    )
    x, y = digits
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 5e-3
    model.fit(x[:1200], y[:1200], epochs=12, batch_size=64, verbose=0)
    return model


@pytest.fixture(scope="module")
def plain(relu_cnn):
    return snnconv.convert(relu_cnn, verbose=False)


@pytest.fixture(scope="module")
def calibrated(relu_cnn, digits):
    return snnconv.convert(relu_cnn, calibrate=digits[0][:200], calibrate_steps=16, verbose=False)


def accuracy(graph, digits, n_steps):
    x, y = digits
    return snnconv.Simulator(graph).evaluate(x[1200:], y[1200:], n_steps)["accuracy"]


def test_few_steps_of_one_spike_are_enough(relu_cnn, plain, calibrated, digits):
    x, y = digits
    rates = (plain.rate_output(x[1200:]).argmax(1) == y[1200:]).mean()
    assert rates > 0.92
    # two of 597 samples; and at half the steps a network at the same rate for all activations is points behind
    assert accuracy(calibrated, digits, 16) >= rates - 0.004
    assert accuracy(calibrated, digits, 8) >= rates - 0.02
    assert accuracy(at_100_hertz(plain), digits, 8) < rates - 0.03


def test_neurons_spike_at_most_once_per_step(calibrated, digits):
    spikes = reference.run(calibrated, digits[0][:20], 30, record="all").spikes
    assert [view.neuron.kind for view in calibrated.populations.values()] == ["SignedIF"] * 3
    assert all(counts.max() == 1 and counts.min() >= -1 for counts in spikes.values())
    assert any(counts.min() == -1 for counts in spikes.values())


def test_heights_change_no_rates(plain, digits):
    """A height above all activations: the neuron function is the same, the kernels differ by the factor."""
    x = digits[0][:30]
    heights = {"relu1": np.linspace(20, 50, 12), "relu2": 40.0, "relu3": np.linspace(30, 90, 32)}
    graph = set_spike_heights(plain, heights, 0.001)
    np.testing.assert_allclose(graph.rate_output(x), plain.rate_output(x), rtol=1e-10, atol=1e-10)
    for name, height in heights.items():
        ratio = (
            plain.populations[name].kernel * plain.populations[name].amplitude / graph.populations[name].kernel / 0.001
        )
        assert ratio.shape[-1] == plain.populations[name].kernel.shape[-1]
        if name == "relu1":  # behind the input: the height of its own channels alone
            np.testing.assert_allclose(ratio, np.broadcast_to(height, ratio.shape), rtol=1e-10)
    assert not [node for node in graph.nodes if node.kind == "Affine"], "every factor is in a kernel"


def test_spikes_have_the_height_asked_for(plain, digits):
    graph = set_spike_heights(plain, {"relu3": 2.0}, 0.001)
    result = reference.run(graph, digits[0][:5], 40, record=["relu3"])
    kernel, bias = graph.readouts["digit"].kernel, graph.readouts["digit"].dense_bias
    original = plain.readouts["digit"].kernel
    np.testing.assert_allclose(kernel, original * 2, rtol=1e-12)
    np.testing.assert_allclose(result.output, result.spikes["relu3"] @ kernel + bias, rtol=1e-9, atol=1e-9)


def test_the_best_height_has_the_least_error():
    activations = np.random.default_rng(0).exponential(1, (4000, 3)) * [1, 5, 0.1]
    heights = best_heights(activations, 8)

    def error(height, channel):
        a = activations[:, channel]
        return ((a - height / 8 * np.clip(np.floor(a * 8 / height + 0.5), 0, 8)) ** 2).mean()

    for channel, height in enumerate(heights):
        assert height < activations[:, channel].max()
        assert error(height, channel) <= min(error(height * 1.25, channel), error(height * 0.8, channel))
    # more steps make the grid finer, so that less need be clipped
    assert (best_heights(activations, 64) > heights).all()
    np.testing.assert_array_equal(best_heights(np.zeros((5, 2)), 8), [1, 1])


def test_percentiles_and_target_rates(plain, digits):
    x = digits[0][:200]
    activations = by_channel(plain.rate_values(x)["relu3"])
    fired = activations.max(0) > 0
    np.testing.assert_allclose(percentile_heights(activations, 100)[fired], activations.max(0)[fired])
    graph = snnconv.calibrate(plain, x, percentile=99.0, target_rate=250.0, correct=False)
    result = snnconv.Simulator(graph, dtype="float64").run(x, 400, record=["relu1.rates"])
    rates = np.percentile(by_channel(result.rates["relu1"]), 99, 0)
    busy = by_channel(plain.rate_values(x)["relu1"]).max(0) > 0
    # counts over 400 steps of 1 ms come in steps of 2.5 Hz
    np.testing.assert_allclose(rates[busy], 250, atol=5)


def test_corrected_biases_bring_the_mean_output_nearer(plain, digits):
    x = digits[0][:200]
    rough = snnconv.calibrate(plain, x, 8, correct=False)
    better = snnconv.calibrate(plain, x, 8)

    def miss(graph):
        output = snnconv.Simulator(graph).predict(x, 8)
        return np.abs((output - plain.rate_output(x)).mean(0)).max()

    assert miss(better) < 0.7 * miss(rough)


def test_calibrated_graphs_are_saved_whole(calibrated, digits, tmp_path):
    calibrated.save(tmp_path / "net.snn.h5")
    loaded = snnconv.load(tmp_path / "net.snn.h5")
    assert [loaded[name].initial_voltage for name in loaded.populations] == [0.5, 0.5, 0.5]
    x = digits[0][:10]
    np.testing.assert_array_equal(reference.run(loaded, x, 20).output, reference.run(calibrated, x, 20).output)


def test_initial_voltages_of_populations_go_before_those_of_a_run(calibrated, digits):
    x = digits[0][:5]
    expected = reference.run(calibrated, x, 20)
    simulator = snnconv.Simulator(calibrated, dtype="float64", initial_voltage="uniform", seed=3)
    np.testing.assert_allclose(simulator.run(x, 20).output, expected.output, atol=1e-12)


def test_what_cannot_be_calibrated_is_refused(plain, digits):
    x = digits[0][:20]
    stepped = keras.Sequential([keras.Input((3,)), kl.Dense(4), snnconv.layers.SteppedLIF(), kl.Dense(2)])
    with pytest.raises(ConversionError, match=r"no population to calibrate .* Received neurons \['SteppedLIF'\].$"):
        snnconv.calibrate(snnconv.convert(stepped, verbose=False), np.zeros((4, 3)))
    trained = snnconv.calibrate(plain, x, 8, correct=False)
    with pytest.raises(ConversionError, match=r"yet. Received neurons \['SignedIF'\]. Calibrate the network as it was"):
        snnconv.calibrate(trained, x, 8)
    with pytest.raises(ConversionError, match="'nothing' is none"):
        set_spike_heights(plain, {"nothing": 1.0}, 0.001)
    with pytest.raises(ParameterError, match="percentile must lie between 0 and 100. Received 101"):
        snnconv.calibrate(plain, x, percentile=101)
    with pytest.raises(ParameterError, match=r"target_rate must lie between 0 and 1/dt = 1000 Hz. Received 2000"):
        snnconv.calibrate(plain, x, target_rate=2000)


def test_silent_channels_stay_silent():
    model = keras.Sequential([keras.Input((3,)), kl.Dense(4, activation="relu", name="relu"), kl.Dense(2)])
    randomise(model)
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel * [1, 1, 0, 1], bias * [1, 1, 0, 1] - [0, 0, 5, 0]])
    x = np.random.default_rng(0).normal(size=(50, 3))
    graph = snnconv.calibrate(snnconv.convert(model, verbose=False), x, 10)
    rates = snnconv.Simulator(graph).run(x, 10, record=["relu.rates"]).rates["relu"]
    assert (rates[:, 2] == 0).all()
    assert (rates > 0).any()


def test_the_export_command_calibrates(relu_cnn, calibrated, digits, tmp_path, capsys):
    from snnconv.cli import main

    relu_cnn.save(tmp_path / "net.keras")
    np.save(tmp_path / "x.npy", digits[0][:200])
    options = ["--calibrate", str(tmp_path / "x.npy"), "--calibrate-steps", "16"]
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "net.keras"), *options])
    assert ended.value.code == 0, capsys.readouterr().err
    loaded = snnconv.load(tmp_path / "net.snn.h5")
    x = digits[0][:10]
    # the command's TensorFlow sums up in float32 as convert's does, in batches of the same size
    np.testing.assert_allclose(reference.run(loaded, x, 16).output, reference.run(calibrated, x, 16).output, atol=1e-4)


# --- LIF


def test_one_step_is_told_as_one():
    model = randomise(keras.Sequential([keras.Input((4,)), kl.Dense(6, activation="relu", name="relu"), kl.Dense(2)]))
    graph = snnconv.calibrate(snnconv.convert(model, verbose=False), np.random.default_rng(0).random((20, 4)), 1)
    assert "calibrated for 1 step as " in {line.layer: line.action for line in graph.report}["relu"]
    found = snnconv.doctor(graph, np.random.default_rng(1).random((20, 4)), n_steps=1)
    assert "1 steps" not in str(found)
