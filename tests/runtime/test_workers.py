"""Runs shared out over devices and over processes give what one device gives.

Batches are the same, whoever runs them, and each is computed by itself: spikes are equal, not only alike. Outputs may
differ in rounding, since TensorFlow may split a product over its threads in another way.

TensorFlow takes its devices and its cluster once per process, so that everything here runs in processes of its own.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import snnconv
from snnconv.errors import DistributionError, InputError, ParameterError

from ..helpers.distribution import N_STEPS, N, batches, clusters, network, samples

pytestmark = pytest.mark.full  # processes

BATCH = 8
SIZES = {"batch_size": BATCH, "chunk_steps": 15}  # the last batch and the last chunk are not full
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}  # of some tens of float32 numbers added up in another order


def everything(simulator) -> dict[str, np.ndarray]:
    """What a simulator gives for static and varying input, as arrays by name."""
    found = {}
    for kind, x in {"static": samples(), "varying": samples(varies=True)}.items():
        result = simulator.run(x, N_STEPS, record="all")
        again = simulator.run(x, N_STEPS, record="all", state=result.state)
        found |= {f"{kind} {name} spikes": spikes for name, spikes in result.spikes.items()}
        found |= {f"{kind} {name} spikes, gone on": spikes for name, spikes in again.spikes.items()}
        found |= {f"{kind} {name} rates": rates for name, rates in result.rates.items()}
        found[f"{kind} output"] = result.output
    scores = simulator.evaluate(samples(), np.arange(N) % 5, N_STEPS)
    found |= {"accuracy": scores["accuracy_over_time"], "n": np.array(scores["n_samples"])}
    found["mean"] = simulator.predict(samples(), N_STEPS)
    found["mean of batches"] = simulator.predict(batches(samples(), (5, 11)), N_STEPS)
    return found


def assert_equal(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        if "spikes" in name:
            assert array.sum() > 1000
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], array, err_msg=name, **ROUNDING)


def start(function: str, *arguments, **environment) -> subprocess.Popen:
    """Run a function of this module in a process of its own."""
    code = f"import tests.runtime.test_workers as here; here.{function}(*{list(map(str, arguments))!r})"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen, code: int = 0) -> None:
    out, error = process.communicate(timeout=240)
    assert process.returncode == code, f"{out}\n{error}"


@pytest.fixture(scope="module")
def expected():
    return everything(snnconv.Simulator(network(), **SIZES))


# --- two devices in one process


def run_on_two_devices(folder):
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    simulator = snnconv.Simulator(network(), strategy=strategy, **SIZES)
    np.savez(Path(folder) / "found.npz", **everything(simulator))
    check_that_few_batches_are_under_way(simulator)
    check_that_errors_end_the_threads(simulator)
    train_under_the_strategy(strategy)
    with pytest.raises(ParameterError, match="strategy must be None or one of MirroredStrategy, .* CentralStorage"):
        snnconv.Simulator(network(), strategy=tf.distribute.experimental.CentralStorageStrategy())


def check_that_few_batches_are_under_way(simulator):
    """Of 40 batches at most four are taken before the first answer is there: memory does not grow with them."""
    taken = []

    def counted():
        for number in range(40):
            taken.append(number)
            yield samples()[:BATCH]

    from snnconv.runtime.arguments import recording
    from snnconv.runtime.samples import Samples

    wanted = recording(simulator.graph, ())
    chunks = simulator._batches.run(Samples(simulator.graph, counted(), N_STEPS, "float32"), N_STEPS, wanted)
    assert next(chunks).samples == slice(0, BATCH)
    assert len(taken) <= 4
    chunks.close()
    assert len(taken) <= 4
    assert threads() == 0


def check_that_errors_end_the_threads(simulator):
    def failing():
        yield samples()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        simulator.predict(failing(), N_STEPS)
    x = samples()
    x[-1, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        simulator.predict(batches(x, (10,)), N_STEPS)
    assert threads() == 0


def threads() -> int:
    return sum(thread.name.startswith("snnconv") for thread in threading.enumerate())


def train_under_the_strategy(strategy):
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(128, 6)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("int64")
    with strategy.scope():
        layers = [
            keras.Input((6,)),
            keras.layers.Dense(16),
            snnconv.layers.LIF(200.0, name="lif"),
            keras.layers.Dense(2, activation="softmax"),
        ]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = model.get_layer("lif").bias.numpy().copy()
    history = model.fit(x, y, batch_size=32, epochs=8, verbose=0)
    assert history.history["accuracy"][-1] > 0.9
    assert np.abs(model.get_layer("lif").bias.numpy() - before).min() > 0
    graph = snnconv.convert(model)  # compares the rates with those of Keras
    accuracy = snnconv.Simulator(graph, strategy=strategy).evaluate(x, y, 100)["accuracy"]
    assert accuracy > 0.85


def test_two_devices_give_what_one_gives(expected, tmp_path):
    """And layers train under the strategy as any do, few batches are under way, and errors end all threads."""
    finish(start("run_on_two_devices", tmp_path))
    with np.load(tmp_path / "found.npz") as found:
        assert_equal(dict(found), expected)


# --- two workers


def run_as_worker(folder):
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before TensorFlow is used for anything else
    index = strategy.cluster_resolver.task_id
    simulator = snnconv.Simulator(network(), strategy=strategy, **SIZES)
    np.savez(Path(folder) / f"found{index}.npz", **everything(simulator))
    # fewer batches than workers: one of them has nothing to do
    few = simulator.run(samples()[:3], N_STEPS, record="lif")
    np.savez(Path(folder) / f"few{index}.npz", spikes=few.spikes["lif"], voltage=few.state["lif"]["voltage"])

    def dying():
        yield from batches(samples(), (10,))
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        simulator.predict(dying(), N_STEPS)
    except DistributionError as error:
        (Path(folder) / "error.txt").write_text(str(error))


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """The folder into which two workers wrote what they found, and the addresses of both."""
    folder = tmp_path_factory.mktemp("workers")
    configs = clusters()
    processes = [start("run_as_worker", folder, TF_CONFIG=config) for config in configs]
    finish(processes[1], -signal.SIGKILL)
    finish(processes[0])
    return folder, json.loads(configs[0])["cluster"]["worker"]


@pytest.mark.parametrize("index", [0, 1])
def test_every_worker_gets_the_whole_result(workers, expected, index):
    folder, _ = workers
    with np.load(folder / f"found{index}.npz") as found:
        assert_equal(dict(found), expected)


@pytest.mark.parametrize("index", [0, 1])
def test_a_worker_without_samples_gets_the_result_too(workers, index):
    folder, _ = workers
    one = snnconv.Simulator(network(), **SIZES).run(samples()[:3], N_STEPS, record="lif")
    with np.load(folder / f"few{index}.npz") as few:
        np.testing.assert_array_equal(few["spikes"], one.spikes["lif"])
        np.testing.assert_allclose(few["voltage"], one.state["lif"]["voltage"], **ROUNDING)


def test_a_killed_worker_is_named(workers):
    folder, addresses = workers
    error = (folder / "error.txt").read_text()
    assert error.startswith(f"worker 1 ({addresses[1]}) stopped or cannot be reached (")
    assert error.endswith(". See what it says there, and start all workers again.")
