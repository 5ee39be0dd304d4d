"""The layers of an unrolled model: kernels of few bits, other backends, slopes, and a surrogate of one's own."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ParameterError
from snnconv.quantize import quantize
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training import callbacks
from snnconv.training.unrolled import register_surrogate
from snnconv.training.unrolled.surrogates import SLOPES


def spiking(n_steps=4, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((9,)), kl.Dense(12, activation="relu", name="dense"), kl.Dense(4, name="out")]
    )
    graph = snnconv.calibrate(snnconv.convert(model, verbose=False), samples(), n_steps)
    return graph, graph.to_keras(n_steps, **options)


def samples(n=32):
    return np.random.default_rng(0).random((n, 9)).astype("float32")


def test_kernels_of_few_bits_are_those_of_the_integer_network():
    graph, model = spiking(spike_penalty=0.1)
    x, y = samples(), np.arange(32) % 4
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=3, verbose=0, callbacks=[callbacks.RoundedWeights(3)])
    trained = graph.with_weights_of(model)
    for view, n_columns in ((trained.populations["dense"], 12), (next(iter(trained.readouts.values())), 1)):
        for column in view.kernel.reshape(-1, n_columns).T:
            assert len(np.unique(np.round(column / np.abs(column).max() * 3, 6))) <= 7
    differing = []
    for each in (graph, trained):  # biases, thresholds and inputs are rounded in both
        expected = snnconv.reference.run(each, x, 4, record="all").spikes["dense"]
        found = IntegerSimulator(quantize(each, 3)).run(x, 4, record="all.spikes").spikes["dense"]
        differing.append(np.mean(found != expected))
    assert differing[1] < 0.7 * differing[0]


@pytest.mark.parametrize("name", sorted(SLOPES))
def test_slopes_are_highest_at_the_threshold_and_have_the_area_one(name):
    distance = np.linspace(-500, 500, 2_000_001)
    slope = SLOPES[name](distance, np)
    assert slope.max() == slope[len(slope) // 2] > 0
    assert np.trapezoid(slope, distance) == pytest.approx(1, abs=2e-3)  # beyond lies 1/(4·500) of a fast sigmoid


def test_a_surrogate_of_ones_own_is_one_function():
    def triangle(distance, xp):
        return xp.maximum(1 - xp.maximum(distance, -distance), xp.zeros_like(distance))

    assert register_surrogate(triangle) is triangle
    try:
        _, model = spiking(surrogate="triangle")
        model.compile("sgd", "mse")
        before = [np.asarray(weight) for weight in model.trainable_weights]
        model.fit(samples(), np.zeros((32, 4)), verbose=0)
        after = [np.asarray(weight) for weight in model.trainable_weights]
    finally:
        del SLOPES["triangle"]
    assert all((one != other).any() for one, other in zip(before[:2], after[:2], strict=True))
    with pytest.raises(ParameterError, match="there is a surrogate 'rate' already"):
        register_surrogate(triangle, "rate")
    with pytest.raises(ParameterError, match="there is a surrogate 'arctan' already"):
        register_surrogate(triangle, "arctan")


BACKEND = """
import sys
import keras, numpy as np, snnconv
graph = snnconv.load("graph.snn.h5")
x = np.random.default_rng(0).random((32, 9)).astype("float32")
for surrogate in ("rate", "arctan"):
    model = graph.to_keras(4, surrogate=surrogate)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(x, np.arange(32) % 4, epochs=2, verbose=0).history["loss"]).all()
    model.save("model.keras")
    loaded = keras.saving.load_model("model.keras")
    trained = graph.reading.mean(snnconv.reference.run(graph.with_weights_of(model), x, 4).output)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loaded(x)), trained, atol=1e-4)
assert "tensorflow" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_it_trains_on_another_backend_without_tensorflow(backend, tmp_path):
    spiking()[0].save(tmp_path / "graph.snn.h5")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    needed = [backend, "keras", "h5py", "rich", "scikit-learn"]
    installed = subprocess.run([python, "-m", "pip", "install", "-q", *needed], capture_output=True, check=False)
    if installed.returncode:
        pytest.skip(f"pip could not install {backend}")
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(Path(snnconv.__file__).parents[1])}
    done = subprocess.run(
        [python, "-c", BACKEND], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


DEVICES = """
import keras, numpy as np, snnconv, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
graph = snnconv.load("graph.snn.h5")
x, y = np.random.default_rng(0).random((32, 9)).astype("float32"), np.arange(32) % 4
found = []
for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
    strategy = tf.distribute.MirroredStrategy(devices)
    assert strategy.num_replicas_in_sync == len(devices)
    with strategy.scope():
        model = graph.to_keras(4, surrogate="arctan", dtype="float64")
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=3, batch_size=32, shuffle=False, verbose=0)
    found.append(graph.with_weights_of(model))
one, two = (np.asarray(each.populations["dense"].kernel) for each in found)
assert (one != graph.populations["dense"].kernel).any()
np.testing.assert_allclose(one, two, rtol=1e-6)
"""


@pytest.mark.full
def test_two_devices_train_what_one_trains(tmp_path):
    spiking()[0].save(tmp_path / "graph.snn.h5")
    run = [sys.executable, "-c", DEVICES]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("surrogate", "most"), [("rate", 2.0), ("arctan", 4.0)])
def test_many_steps_of_a_network_of_convolutions_fit_the_memory(surrogate, most, tmp_path):
    code = """
import resource, sys
import keras, numpy as np, snnconv
from snnconv.training import build_model, config
model = build_model(config.load(sys.argv[1]), (28, 28, 1), 10)
spiking = snnconv.convert(model, verbose=False).to_keras(32, surrogate=sys.argv[2])
spiking.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
spiking.fit(np.random.rand(128, 28, 28, 1), np.arange(128) % 10, batch_size=64, verbose=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    path = Path(snnconv.__file__).parents[1] / "configs" / "fashion_mnist_cnn.toml"
    done = subprocess.run([sys.executable, "-c", code, path, surrogate], capture_output=True, text=True, check=True)
    assert float(done.stdout.split()[-1]) < most, "GiB, with TensorFlow's own"
