"""Regularizers of firing rates, and the callback that logs them."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

import snnconv
from snnconv.errors import InputError, ModelFileError, ParameterError
from snnconv.layers import IF, LIF, QuantizedReLU
from snnconv.layers.regularizers import FiringRate
from snnconv.training.callbacks import FiringRates


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(5)


RATES = np.array([[0.0, 20.0, 150.0], [10.0, 40.0, 90.0]], "float32")


class TestPenalty:
    @pytest.mark.parametrize(
        ("settings", "distances"),
        [
            ({"min": 15.0}, [15, 0, 0, 5, 0, 0]),
            ({"max": 100.0}, [0, 0, 50, 0, 0, 0]),
            ({"min": 15.0, "max": 80.0}, [15, 0, 70, 5, 0, 10]),
            ({"min": 30.0, "max": 30.0}, [30, 10, 120, 20, 10, 60]),
        ],
    )
    def test_is_the_mean_square_distance_to_the_range(self, settings, distances):
        received = float(FiringRate(**settings, strength=0.01).penalty(RATES))
        assert received == pytest.approx(0.01 * np.mean(np.square(distances)), rel=1e-6)

    @pytest.mark.parametrize("percentile", [0, 30, 50, 99, 100])
    @pytest.mark.parametrize("space", [(), (4, 5)])
    def test_of_a_percentile_counts_one_rate_per_unit(self, percentile, space):
        rates = np.random.default_rng(0).uniform(0, 100, (17, *space, 3)).astype("float32")
        received = float(FiringRate(30.0, 60.0, 1.0, percentile).penalty(rates))
        each = np.percentile(rates.reshape(-1, 3).astype("float64"), percentile, axis=0)
        expected = np.mean((each - np.clip(each, 30, 60)) ** 2)
        assert received == pytest.approx(expected, rel=1e-4, abs=1e-4)  # squares of float32 differences

    def test_has_a_gradient_where_rates_are_out_of_range(self):
        rates = tf.constant(RATES)
        with tf.GradientTape() as tape:
            tape.watch(rates)
            loss = FiringRate(15.0, 100.0, strength=6.0).penalty(rates)
        np.testing.assert_allclose(tape.gradient(loss, rates), [[-30, 0, 100], [-10, 0, 0]])

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({}, "give min, max or both"),
            ({"min": -1.0}, "min and max must be 0 Hz or more"),
            ({"min": 20.0, "max": 10.0}, "min must not be above max"),
            ({"max": float("nan")}, "min and max must be 0 Hz or more"),
            ({"max": 10.0, "strength": -1.0}, "strength must be a finite number, 0 or more"),
            ({"max": 10.0, "percentile": 101}, r"percentile must lie in 0…100\. Received 101"),
        ],
    )
    def test_errors(self, settings, message):
        with pytest.raises(ParameterError, match=f"FiringRate: {message}"):
            FiringRate(**settings)


LAYERS = [
    LIF(200.0, amplitude=0.005, name="lif"),
    LIF(200.0, amplitude=0.005, spiking=True, n_steps=5, noise=20.0, name="lif_spiking"),
    IF(200.0, amplitude=0.02, name="if"),
    QuantizedReLU(8, max_value=0.5, dt=0.002, name="quantized"),
]
EACH = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)


def regularized(layer, regularizer, **settings):
    return type(layer).from_config({**layer.get_config(), "activity_regularizer": regularizer, **settings})


class TestInLayers:
    @EACH
    @pytest.mark.parametrize("n", [1, 7])
    def test_gets_rates_in_hz_whatever_the_batch_size(self, layer, n):
        layer = regularized(layer, FiringRate(max=100.0, strength=1.0))
        x = np.tile(np.float32([[-1.0, 0.1, 0.2, 0.4, 0.8]]), (n, 1))
        for training in (False, True):
            layer(x, training=training)
            rates = layer.neuron.rate(np.asarray(layer.gain) * x + np.asarray(layer.bias)) / layer.neuron.amplitude
            expected = np.mean(np.maximum(rates - 100, 0) ** 2)
            assert expected > 0
            # noise and the few steps come after it; float32
            assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-4)

    @EACH
    def test_is_kept_in_files(self, layer, tmp_path):
        regularizer = FiringRate(5.0, 50.0, 0.1, 99)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), regularized(layer, regularizer)])
        x = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
        for suffix in (".keras", ".h5"):
            model.save(tmp_path / f"model{suffix}")
            again = keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
            assert again.layers[-1].rate_regularizer.get_config() == regularizer.get_config()
            model(x), again(x)
            assert float(sum(again.losses)) == float(sum(model.losses)) > 0
            snnconv.convert(tmp_path / f"model{suffix}", verbose=False)

    def test_half_precision_does_not_overflow(self):
        layer = LIF(activity_regularizer=FiringRate(max=1.0, strength=1.0), dtype="mixed_float16")
        layer(np.full((4, 3), 50.0, "float16"))
        assert 400**2 < float(sum(layer.losses)) < 500**2

    def test_other_layers_have_no_rates(self):
        layer = keras.layers.ReLU(activity_regularizer=FiringRate(max=10.0))
        with pytest.raises(ParameterError, match=r"only the layers of snnconv\.layers know.*use snnconv\.layers\.IF"):
            layer(np.ones((1, 1), "float32"))

    def test_other_regularizers_work_as_ever(self):
        layer = IF(activity_regularizer=keras.regularizers.L2(1.0))
        layer(np.ones((1, 4), "float32"))
        assert float(sum(layer.losses)) == pytest.approx(4.0, rel=1e-5)

    @pytest.mark.sampled(2)
    @pytest.mark.parametrize(
        ("regularizer", "gradient_smoothing", "jit_compile", "before", "after"),
        [
            # the 90th percentile of each unit: 182 to 241 Hz before. After it, loss and regularizer are in balance.
            (FiringRate(30.0, 60.0, strength=1e-3, percentile=90), 0.02, False, (150, 300), (25, 85)),
            # the median: 13 of 16 units are silent for more than half of the samples
            (FiringRate(min=30.0, strength=1e-3, percentile=50), 0.2, True, (0, 60), (15, 150)),
        ],
    )
    def test_training_brings_rates_into_the_range(self, regularizer, gradient_smoothing, jit_compile, before, after):
        x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
        settings = {"spiking": True, "n_steps": 10, "gradient_smoothing": gradient_smoothing}
        lif = LIF(200.0, activity_regularizer=regularizer, **settings)
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16), lif, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.005), "mse", jit_compile=jit_compile)
        neurons = keras.Sequential(model.layers[:2])

        def rates():
            each = np.percentile(np.asarray(neurons(x)) / lif.amplitude, regularizer.percentile, axis=0)
            return each.min(), each.max()

        assert before[0] <= rates()[0] <= rates()[1] <= before[1]
        model.fit(x, x[:, :1], batch_size=64, epochs=45, verbose=0)
        assert after[0] <= rates()[0] <= rates()[1] <= after[1]


def network():
    inputs = keras.Input((6,), name="x")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), QuantizedReLU(4, name="relu")], name="inner")
    x = LIF(200.0, amplitude=0.005, name="lif")(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(inner(x)))
    model.compile("adam", "mse")
    return model


X = np.random.default_rng(1).normal(size=(50, 6)).astype("float32")


class TestFiringRates:
    def test_are_those_of_the_layers(self):
        model = network()
        callback = FiringRates(X, batch_size=20)
        callback.set_model(model)
        rates = callback.rates()
        assert list(rates) == ["lif", "inner.relu"]
        lif = model.get_layer("lif")
        expected = np.asarray(keras.Model(model.inputs, lif.output)([X])) / 0.005
        assert rates["lif"].mean_rate == pytest.approx(expected.mean(), rel=1e-5)
        assert rates["lif"].max_rate == pytest.approx(expected.max(), rel=1e-5)
        assert rates["lif"].silent == 0
        assert rates["lif"].above == pytest.approx(np.mean(expected > 200), abs=1e-6)
        np.testing.assert_allclose(rates["lif"].unit_rates, expected.mean(axis=0), rtol=1e-5)

    def test_silent_units_and_rates_at_the_ceiling_are_counted(self):
        model = network()
        model.layers[1].bias.assign([-100.0, -100.0, -100.0, 100.0])
        callback = FiringRates(X)
        callback.set_model(model)
        rates = callback.rates()
        assert (rates["lif"].silent, rates["lif"].above) == (0.75, 0.25)
        model.get_layer("inner").layers[0].bias.assign([9.0, 9.0, -9.0, -9.0, -9.0])
        rates = callback.rates()
        assert (rates["inner.relu"].silent, rates["inner.relu"].above) == (0.6, 0.4)
        assert rates["inner.relu"].max_rate == pytest.approx(1000, rel=1e-5)

    def test_go_into_history_and_later_callbacks_and_files(self, tmp_path):
        model = network()
        logged = keras.callbacks.CSVLogger(tmp_path / "history.csv")
        callback = FiringRates({"x": X}, log_dir=tmp_path / "board", csv=tmp_path / "rates.csv")
        history = model.fit(X, X[:, :1], epochs=3, verbose=0, callbacks=[callback, logged]).history
        assert len(history["lif_mean_rate"]) == len(history["inner.relu_silent"]) == 3
        with open(tmp_path / "history.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [float(row["lif_max_rate"]) for row in rows] == pytest.approx(history["lif_max_rate"])
        with open(tmp_path / "rates.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [(row["epoch"], row["layer"]) for row in rows] == [
            (str(epoch), layer) for epoch in range(3) for layer in ("lif", "inner.relu")
        ]
        assert [float(row["above"]) for row in rows[::2]] == pytest.approx(history["lif_above"])

    def test_tensorboard_files_hold_scalars_and_histograms(self, tmp_path):
        model = network()
        model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[FiringRates(X, log_dir=tmp_path)])
        found = {}
        for record in tf.data.TFRecordDataset([str(path) for path in tmp_path.iterdir()]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag, event.step] = value
        scalar, histogram = found["rates/lif/mean_rate", 1], found["rates/lif", 0]
        assert scalar.metadata.plugin_data.plugin_name == "scalars"
        assert tf.make_ndarray(scalar.tensor) > 0
        assert histogram.metadata.plugin_data.plugin_name == "histograms"
        counts = tf.make_ndarray(histogram.tensor)
        assert counts.shape == (30, 3)
        assert counts[:, 2].sum() == 4

    @pytest.mark.parametrize(
        ("model", "data", "message"),
        [
            (network, X[:, :5], r"data must hold samples for the inputs.*Received shapes \[\(50, 5\)\]"),
            (network, X[:0], r"Received shapes \[\(0, 6\)\]"),
            (network, {"y": X}, r"data must have the keys \['x'\], the model's inputs\. Received \['y'\]"),
            (
                lambda: keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)], name="m"),
                X,
                "model 'm' has no layer",
            ),
        ],
    )
    def test_errors_come_when_training_starts(self, model, data, message):
        model = model()
        model.compile("adam", "mse")
        with pytest.raises(InputError, match=f"FiringRates: .*{message}"):
            model.fit(X, X[:, :1], verbose=0, callbacks=[FiringRates(data)])

    @pytest.mark.parametrize(
        ("argument", "name", "message"),
        [
            ("csv", "no/rates.csv", "there is no folder"),
            ("csv", "m.keras", "m.csv"),
            ("log_dir", "m.keras", "log_dir must be a folder"),
        ],
    )
    def test_a_file_that_cannot_be_written_is_named_before_an_epoch(self, tmp_path, argument, name, message):
        (tmp_path / "m.keras").write_text("a model")
        begun = []
        watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
        with pytest.raises(ModelFileError, match=message):
            network().fit(X, X[:, :1], verbose=0, callbacks=[FiringRates(X, **{argument: tmp_path / name}), watch])
        assert not begun
        assert (tmp_path / "m.keras").read_text() == "a model"
