"""Training: models as their config describes them, one line for what does not fit, and accuracies."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from snnconv import layers, training
from snnconv.conversion.files import load_model as load_keras_model
from snnconv.errors import ConfigError, DataError, ModelFileError
from snnconv.training import config, datasets
from snnconv.training.config import LayerConfig
from snnconv.training.datasets import Dataset

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))
SHAPES = {"digits": (8, 8, 1), "mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1)}


def make_config(*specs, **settings):
    return config.Config(
        name="small net",
        data=config.DataConfig("npz"),
        model=config.ModelConfig(tuple(LayerConfig(kind, arguments) for kind, arguments in specs)),
        training=config.TrainingConfig(**settings),
        source="x.toml",
    )


DENSE = ("Dense", {"units": 2})
SMALL = [("Dense", {"units": 8}), ("LIF", {}), DENSE]


@pytest.fixture(scope="module")
def blobs():
    """Two classes that a line separates."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = (0.3 + 0.4 * y[:, np.newaxis] + rng.normal(0, 0.05, (200, 4))).astype("float32")
    return Dataset("blobs", x[:160], y[:160], x[160:], y[160:])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_build_their_model(path):
    loaded = config.load(path)
    model = training.build_model(loaded, SHAPES[loaded.data.dataset], n_classes=10)
    assert model.output_shape == (None, 10)
    assert any(isinstance(layer, layers.NeuronLayer) for layer in model.layers)
    assert [type(layer).__name__ for layer in model.layers] == [layer.type for layer in loaded.model.layers]


def test_arguments_reach_the_layers():
    neurons = ("LIF", {"max_rates": {"low": 100.0, "high": 200.0}, "tau_rc": 0.03, "name": "hidden"})
    first, lif, _ = training.build_model(make_config(("Dense", {"units": 50}), neurons, DENSE), (4,)).layers
    max_rates, intercepts = lif.neuron.max_rates_intercepts(lif.gain.numpy(), lif.bias.numpy())
    assert first.units == 50
    assert lif.name == "hidden"
    assert lif.neuron.tau_rc == 0.03
    assert 100 <= max_rates.min() < max_rates.max() <= 200.01
    np.testing.assert_allclose(intercepts, 0, atol=1e-6)


def test_a_list_is_one_value_per_unit():
    neurons = ("IF", {"max_rates": [10.0, 20.0]})
    *_, layer = training.build_model(make_config(DENSE, neurons), (4,)).layers
    np.testing.assert_allclose(layer.gain.numpy(), [10, 20])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (("Dens", {}), r"\[\[model.layers\]\] 2 has no layer type 'Dens'. Did you mean 'Dense'\?"),
        (("lif", {}), r"\[\[model.layers\]\] 2 has no layer type 'lif'. Did you mean 'LIF'\?"),
        (("NeuronLayer", {}), "has no layer type 'NeuronLayer'"),
        (("Layer", {}), "has no layer type 'Layer'"),
        (("Input", {}), "has no layer type 'Input'"),
        (("qqqq", {}), r"\[\[model.layers\]\] 2 has no layer type 'qqqq'\.$"),
        (("Dense", {"unit": 3}), r"\[\[model.layers\]\] 2 \(Dense\) has no argument 'unit'. Did you mean 'units'\?"),
        (("LIF", {"max_rate": 3}), r"2 \(LIF\) has no argument 'max_rate'. Did you mean 'max_rates'\?"),
        (("LIF", {"self": 3}), r"2 \(LIF\) has no argument 'self'"),
        (("Dense", {}), r"2 \(Dense\) lacks the argument 'units'"),
        (("Dense", {"units": -1}), r"2 \(Dense\): Received an invalid value for `units`"),
        (("Dense", {"units": 3, "activation": "rlu"}), r"2 \(Dense\): Could not interpret activation"),
        (("LIF", {"max_rates": 600.0}), r"2 \(LIF\): layer '.*' \(LIF\): max_rates must be below 1/tau_ref = 500 Hz"),
        (("LIF", {"max_rates": {"low": 3.0, "high": 2.0}}), r"2 \(LIF\): .*a tuple is a range \(low, high\)"),
        (("LIF", {"max_rates": [1.0, 2.0, 3.0]}), r"2 \(LIF\): layer '.*' \(LIF\): max_rates has shape \(3,\)"),
        (("Conv2D", {"filters": 2, "kernel_size": 3}), r"2 \(Conv2D\): "),
    ],
)
def test_layers_that_do_not_fit(spec, message):
    with pytest.raises(ConfigError, match=f"^x.toml: .*{message}") as caught:
        training.build_model(make_config(DENSE, spec, DENSE), (4,))
    assert "\n" not in str(caught.value)


def test_last_layer_must_give_one_value_per_class():
    with pytest.raises(ConfigError, match=r"must give 3 values, one per class\. Received the shape \(2,\)"):
        training.build_model(make_config(DENSE), (4,), n_classes=3)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.01, "learning_rate_schedule": "cosine", "optimizer": "AdamW"},
        {"learning_rate": 0.01, "loss": "mean_squared_error"},
    ],
)
def test_training_learns(blobs, settings):
    trained = training.train(make_config(*SMALL, epochs=15, batch_size=32, **settings), dataset=blobs, verbose=False)
    assert trained.rate_accuracy == 1.0
    assert len(trained.history["loss"]) == 15
    assert trained.history["loss"][-1] < 0.5 * trained.history["loss"][0]
    assert trained.seconds > 0


def test_softmax_at_the_end_is_not_applied_twice(blobs):
    softmax = make_config(*SMALL, ("Softmax", {}), epochs=1)
    losses = [
        training.train(settings, dataset=blobs, verbose=False).history["loss"]
        for settings in (make_config(*SMALL, epochs=1), softmax)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.full
def test_same_seed_same_weights(blobs):
    settings = make_config(*SMALL, epochs=1)
    kernels = [training.train(settings, dataset=blobs, verbose=False).model.get_weights()[0] for _ in range(2)]
    np.testing.assert_allclose(kernels[0], kernels[1], rtol=1e-5)


@pytest.mark.full
def test_progress_is_shown_where_asked(blobs, capsys):
    settings = make_config(*SMALL, epochs=1)
    training.train(settings, dataset=blobs, verbose=False)
    assert capsys.readouterr().out == ""
    training.train(settings, dataset=blobs, verbose=True)
    assert "loss" in capsys.readouterr().out


def test_unknown_optimizer(blobs):
    with pytest.raises(ConfigError, match=r"x.toml: \[training\] has no optimizer 'adm'. Did you mean 'adam'\?"):
        training.train(make_config(*SMALL, optimizer="adm"), dataset=blobs)


def test_divergence_is_an_error(blobs):
    settings = make_config(DENSE, optimizer="sgd", learning_rate=1e30, loss="mean_squared_error", epochs=5)
    with pytest.raises(ConfigError, match=r"x.toml: training diverged, .* Lower learning_rate in \[training\]"):
        training.train(settings, dataset=blobs, verbose=False)


def test_save_writes_the_whole_model_or_nothing(blobs, tmp_path, monkeypatch):
    trained = training.train(make_config(*SMALL, epochs=1), dataset=blobs, verbose=False)
    path = tmp_path / "model.keras"
    trained.save(path)
    loaded = load_keras_model(path)
    np.testing.assert_array_equal(trained.model(blobs.x_test).numpy(), loaded(blobs.x_test).numpy())

    def fail(self, path):
        path.write_text("half")
        raise OSError("disk full")

    before = path.read_bytes()
    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(ModelFileError, match="disk full"):
        trained.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    with pytest.raises(ModelFileError, match=r"must end in \.keras"):
        trained.save(tmp_path / "model.h5")


@pytest.mark.full
def test_digits_reach_their_accuracy():
    trained = training.train(config.load(CONFIGS[0].with_name("digits_mlp.toml")), verbose=False)
    assert trained.rate_accuracy >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("name", "accuracy"), [("mnist_cnn", 0.988), ("fashion_mnist_cnn", 0.90)])
def test_networks_reach_their_accuracy_in_rates_and_in_spikes(name, accuracy):
    from snnconv import Simulator, convert

    loaded = config.load(CONFIGS[0].with_name(f"{name}.toml"))
    try:
        dataset = datasets.load(loaded.data.dataset, loaded.data.path)
    except DataError as error:
        pytest.skip(str(error))
    trained = training.train(loaded, dataset=dataset, verbose=False)
    options = loaded.conversion
    graph = convert(trained.model, synapse=options.synapse, scale_firing_rates=options.scale_firing_rates)
    found = Simulator(graph, loaded.simulation.dt).evaluate(dataset.x_test, dataset.y_test, loaded.simulation.n_steps)
    assert trained.rate_accuracy >= accuracy
    assert found["accuracy"] >= trained.rate_accuracy - 0.005


@pytest.mark.full
def test_the_quantized_relu_network_is_right_in_the_steps_it_was_trained_for():
    from snnconv import Simulator, convert

    loaded = config.load(CONFIGS[0].with_name("digits_quantized_relu.toml"))
    short = dataclasses.replace(loaded, training=dataclasses.replace(loaded.training, epochs=6))
    trained = training.train(short, verbose=False)
    graph, data = convert(trained.model, verbose=False), trained.dataset
    found = Simulator(graph, loaded.simulation.dt).evaluate(data.x_test, data.y_test, loaded.simulation.n_steps)
    assert found["accuracy"] >= 0.94


@pytest.mark.full
def test_a_config_calibrates_with_its_training_data(tmp_path):
    import snnconv

    from ..helpers.command import run

    path = tmp_path / "relu.toml"
    path.write_text(
        """
        name = "relu"
        [data]
        dataset = "digits"
        [[model.layers]]
        type = "Flatten"
        [[model.layers]]
        type = "Dense"
        units = 16
        activation = "relu"
        [[model.layers]]
        type = "Dense"
        units = 10
        [training]
        epochs = 1
        [conversion]
        calibrate = true
        calibrate_steps = 6
        n_samples = 50
        [simulation]
        n_steps = 6
        """
    )
    run("train", path, "-o", tmp_path / "out")
    trained = snnconv.load(tmp_path / "out" / "model.snn.h5")
    (name,) = trained.populations
    assert trained[name].initial_voltage == 0.5
    assert trained.populations[name].neuron.max_spikes_per_step == 1
    # the same file converts the model again, with the same samples
    run("export", tmp_path / "out" / "model.keras", "--config", path, "-o", tmp_path / "again.snn.h5")
    again = snnconv.load(tmp_path / "again.snn.h5")
    np.testing.assert_allclose(again.populations[name].kernel, trained.populations[name].kernel, rtol=1e-5)
    np.testing.assert_allclose(again.populations[name].neuron_bias, trained.populations[name].neuron_bias, rtol=1e-5)
