"""Fine-tuning: what it gains on samples held back, from labels and from a teacher, and bad input."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import InputError, ModelFileError, ParameterError
from snnconv.neurons.signed import SignedIF
from snnconv.training import datasets
from snnconv.training.finetune import held_back
from snnconv.training.result import STEPS

N_STEPS = 2


@pytest.fixture(scope="module")
def digits():
    """A perceptron that knows half of the digits, and all of them."""
    data = datasets.load("digits")
    keras.utils.set_random_seed(0)
    hidden = [kl.Dense(32, activation="relu"), kl.Dense(32, activation="relu")]
    model = keras.Sequential([keras.Input((8, 8, 1)), kl.Flatten(), *hidden, kl.Dense(10)])
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data.x_train[:1000], data.y_train[:1000], epochs=12, verbose=0)
    return model, snnconv.convert(model, verbose=False), data


def tuned(graph, data, y, **options):
    validation = (data.x_test, data.y_test)
    settings = {"epochs": 6, "learning_rate": 3e-3, "verbose": False, "validation": validation, **options}
    return snnconv.finetune(graph, data.x_train[:1000], y, N_STEPS, **settings)


def test_it_gains_accuracy_at_few_steps(digits):
    _, graph, data = digits
    found = tuned(graph, data, data.y_train[:1000], epochs=15, test=(data.x_test[:50], data.y_test[:50]))
    columns = found.validation.columns
    assert list(columns) == ["converted", "calibrated", "fine-tuned"]
    assert list(columns["converted"]) == list(STEPS)
    assert columns["fine-tuned"][N_STEPS] > columns["calibrated"][N_STEPS]  # by two of 360 samples, after 15 epochs
    measured = snnconv.Simulator(found.graph).evaluate(data.x_test, data.y_test, N_STEPS)["accuracy"]
    assert columns["fine-tuned"][N_STEPS] == pytest.approx(measured)
    assert found.test.n_samples == 50
    assert "fine-tuned" in str(found)
    assert "360 samples" in str(found)
    assert found.to_dict()["validation"]["fine-tuned"]["2"] == columns["fine-tuned"][N_STEPS]
    assert all(isinstance(view.neuron, SignedIF) for view in found.graph.populations.values())


@pytest.mark.full
def test_a_teacher_needs_no_labels(digits):
    model, graph, data = digits
    answers = model.predict(data.x_test, verbose=0).argmax(-1)
    validation = (data.x_test, answers)
    agreed = {}
    for name, teacher in {"graph": "rates", "model": model}.items():
        columns = tuned(graph, data, None, teacher=teacher, validation=validation, epochs=15).validation.columns
        assert columns["fine-tuned"][N_STEPS] > columns["calibrated"][N_STEPS]
        agreed[name] = columns["fine-tuned"][N_STEPS]
    assert agreed["graph"] == pytest.approx(agreed["model"], abs=0.02)  # the same answers, but for rounding


def test_images_are_mirrored_in_training_alone(digits):
    _, graph, data = digits
    x, y = data.x_train[:64], data.y_train[:64]
    options = {"epochs": 1, "batch_size": 64, "learning_rate": 1e-6, "verbose": False, "validation": (x, y)}
    losses = {}
    for name, images in {"none": x, "mirrored": x[:, :, ::-1]}.items():
        losses[name] = snnconv.finetune(graph, images, y, N_STEPS, **options).history["loss"][0]
    flipped = snnconv.finetune(graph, x, y, N_STEPS, augment="flip", **options)
    assert 0.7 * losses["none"] + 0.3 * losses["mirrored"] < flipped.history["loss"][0]
    assert flipped.history["loss"][0] < 0.3 * losses["none"] + 0.7 * losses["mirrored"]


def test_the_distance_of_layers_from_a_teacher_is_a_loss(digits):
    _, graph, data = digits
    x, y = data.x_train[:64], data.y_train[:64]
    options = {"epochs": 1, "batch_size": 64, "learning_rate": 1e-6, "verbose": False, "validation": (x, y)}
    losses = []
    for weight in (0.0, 1.0, 2.0):
        found = snnconv.finetune(graph, x, y, N_STEPS, teacher="rates", teacher_layers=weight, **options)
        losses.append(found.history["loss"][0])
    assert losses[1] > losses[0] + 0.01
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-3)  # in float32


@pytest.mark.full
def test_a_penalty_saves_spikes(digits):
    _, graph, data = digits
    spikes = []
    for penalty in (0.0, 3.0):
        found = tuned(graph, data, data.y_train[:1000], spike_penalty=penalty, epochs=3)
        run = snnconv.Simulator(found.graph).run(data.x_test[:100], N_STEPS, record="all.spikes")
        spikes.append(sum(float(np.abs(each).sum()) for each in run.spikes.values()))
    assert spikes[1] < 0.9 * spikes[0]


def test_values_are_trained_for_their_squared_error():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(24, activation="relu"), kl.Dense(1)])
    x = np.random.default_rng(0).random((300, 6)).astype("float32")
    y = np.sin(3 * x[:, 0]) + x[:, 1]
    graph = snnconv.convert(model, verbose=False)
    found = snnconv.finetune(graph, x, y[:, None], 4, epochs=4, learning_rate=0.01, verbose=False)
    assert found.validation.metric == "mse"
    assert found.validation.columns["fine-tuned"][4] < found.validation.columns["calibrated"][4]


class Break(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.full
def test_training_goes_on_after_a_break(digits, tmp_path):
    _, graph, data = digits

    options = {"epochs": 4, "backup": tmp_path / "backup"}
    whole = tuned(graph, data, data.y_train[:1000], epochs=4)
    with pytest.raises(KeyboardInterrupt):
        tuned(graph, data, data.y_train[:1000], callbacks=[Break()], **options)
    resumed = tuned(graph, data, data.y_train[:1000], **options)
    assert len(resumed.history["loss"]) == 2
    assert resumed.history["loss"][-1] == pytest.approx(whole.history["loss"][-1], rel=0.3)  # in another order
    assert not (tmp_path / "backup").exists()


def test_a_training_goes_on_with_what_it_began_with_alone(digits, tmp_path):
    _, graph, data = digits
    left = tmp_path / "left"

    def go(**options):
        return tuned(graph, data, data.y_train[:1000], backup=left, **{"epochs": 3, **options})

    with pytest.raises(KeyboardInterrupt):
        go(callbacks=[Break()])
    for changed, message in (
        ({"epochs": 2}, "had epochs=3, and now has 2. Go on with the same, or"),
        ({"trainable": "kernels"}, r"had trainable=.*, and now has \['kernels'\]"),
        ({"augment": keras.layers.GaussianNoise(0.1)}, "had augment=None, and now has 'GaussianNoise'"),
    ):
        with pytest.raises(ModelFileError, match=message):
            go(**changed)
    labels = data.y_train[:1000].copy()
    labels[0] += 1
    with pytest.raises(ModelFileError, match="had other labels"):
        tuned(graph, data, labels % 10, backup=left, epochs=3)
    (left / "notes.txt").write_text("mine")
    (state,) = left.glob("*.h5")
    whole = state.read_bytes()
    state.write_bytes(whole[:1000])
    with pytest.raises(ModelFileError, match=r"cannot read '.*left.*it is damaged"):
        go()
    state.write_bytes(whole)
    assert len(go().history["loss"]) == 1
    assert [each.name for each in left.iterdir()] == ["notes.txt"]


class BreakAtTheEnd(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        raise KeyboardInterrupt


def test_a_training_that_is_done_is_only_measured_again(digits, tmp_path):
    _, graph, data = digits
    options = {"epochs": 1, "backup": tmp_path / "left"}
    with pytest.raises(KeyboardInterrupt):
        tuned(graph, data, data.y_train[:1000], callbacks=[BreakAtTheEnd()], **options)
    found = tuned(graph, data, data.y_train[:1000], **options)
    assert found.history == {}
    once = tuned(graph, data, data.y_train[:1000], epochs=1)
    assert found.validation.columns == once.validation.columns
    assert not (tmp_path / "left").exists()


def test_nothing_is_left_of_a_training_that_diverged(digits, tmp_path):
    _, graph, data = digits
    with pytest.raises(ParameterError, match="training diverged"):
        tuned(graph, data, data.y_train[:1000], epochs=1, learning_rate=1e38, backup=tmp_path / "left")
    assert not (tmp_path / "left").exists()


@pytest.mark.parametrize("calibrate", [True, False])
def test_the_network_is_for_steps_of_the_length_that_it_was_trained_for(digits, calibrate):
    _, graph, data = digits
    found = tuned(graph, data, data.y_train[:1000], epochs=1, dt=0.002, calibrate=calibrate)
    assert found.graph.dt == snnconv.Simulator(found.graph).dt == 0.002
    measured = snnconv.Simulator(found.graph).evaluate(data.x_test, data.y_test, N_STEPS)["accuracy"]
    assert found.validation.columns["fine-tuned"][N_STEPS] == pytest.approx(measured)


def test_samples_held_back_are_not_trained_on():
    fitted, held = held_back(100, 0.2, 3)
    assert len(held) == 20
    assert sorted([*fitted, *held]) == list(range(100))
    np.testing.assert_array_equal(held, held_back(100, 0.2, 3)[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number above 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0, and finite"),
        ({"validation": 1.5}, "validation must be a share between 0 and 1"),
        ({"teacher": "ann"}, "teacher must be 'rates', a Keras model or a graph"),
        ({"spike_penalty": -1.0}, "spike_penalty must be 0 or more"),
        ({"teacher_layers": -1.0}, "teacher_layers must be 0 or more"),
        ({"teacher_layers": 1.0}, "teacher_layers needs a teacher whose rates are known"),
        ({"augment": "turn"}, "augment must be 'flip', for images"),
    ],
)
def test_bad_settings_are_refused(digits, options, message):
    _, graph, data = digits
    with pytest.raises(ParameterError, match=message):
        tuned(graph, data, data.y_train[:1000], **options)


def test_bad_data_is_refused(digits):
    _, graph, data = digits
    with pytest.raises(InputError, match="finetune needs targets: pass y, or teacher='rates'"):
        tuned(graph, data, None)
    with pytest.raises(InputError, match="one entry for each of the 1000 samples"):
        tuned(graph, data, data.y_train)
    with pytest.raises(InputError, match="of 3 samples a share of 0.1 cannot be held back"):
        snnconv.finetune(graph, data.x_train[:3], data.y_train[:3])
