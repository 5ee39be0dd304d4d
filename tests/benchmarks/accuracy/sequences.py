"""``python -m tests.benchmarks.accuracy.sequences [lstm|lmu …]``: networks with a memory on sequential MNIST.

An image is a sequence of its 28 rows. A network of one recurrent layer and ten outputs is trained on the first 55,000
training images, calibrated on 512 of them, and its answers in spikes are compared with Keras' on all test images, for
each of some numbers of steps per element. No setting is chosen on test images. The LMU needs KerasLMU installed.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.training.datasets import load

SEED = 0
N_TRAIN, N_CALIBRATION = 55_000, 512


def memory(name: str) -> keras.layers.Layer:
    """The recurrent layer of a network: 64 LSTM units; or an LMU with a memory of order 32 over all rows."""
    if name == "lstm":
        return kl.LSTM(64, name="lstm")
    import keras_lmu

    cell = kl.Dense(64, "tanh")
    return keras_lmu.LMU(4, 32, 28, cell, hidden_to_memory=True, memory_to_memory=True, name="lmu")


def trained(name: str, x: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    """The network, trained with a learning rate that falls to 0."""
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([keras.Input((28, 28)), memory(name), kl.Dense(10, "softmax")], name=name)
    rate = keras.optimizers.schedules.CosineDecay(0.003, epochs * -(-len(x) // 128))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=128, epochs=epochs, verbose=0)
    return model


def main() -> None:
    """Print a row for each network and number of steps."""
    parser = argparse.ArgumentParser(description="networks with a memory on sequential MNIST")
    parser.add_argument("names", nargs="*", default=["lstm", "lmu"], metavar="lstm|lmu")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8, 16], help="steps for each element")
    parser.add_argument("--images", type=int, default=10_000, help="test images")
    parser.add_argument("--data", help="folder or file of MNIST, as snnconv.training.datasets.load takes it")
    arguments = parser.parse_args()
    data = load("mnist", arguments.data)
    x, x_test = (images.reshape(-1, 28, 28) for images in (data.x_train, data.x_test[: arguments.images]))
    y, y_test = data.y_train, data.y_test[: arguments.images]
    print("| network | s to train | Keras | steps | in spikes | same answer | s per 1,000 |")
    print("|---" * 7 + "|")
    for name in arguments.names:
        begin = time.perf_counter()
        model = trained(name, x[:N_TRAIN], y[:N_TRAIN], arguments.epochs)
        seconds = time.perf_counter() - begin
        theirs = model.predict(x_test, batch_size=256, verbose=0).argmax(-1)
        graph = snnconv.convert(model, verbose=False)
        for n_steps in arguments.steps:
            simulator = snnconv.Simulator(snnconv.calibrate(graph, x[:N_CALIBRATION], n_steps=n_steps))
            simulator.predict(x_test[:256], n_steps)  # compiles
            begin = time.perf_counter()
            ours = simulator.predict(x_test, n_steps).argmax(-1)
            each = 1000 * (time.perf_counter() - begin) / len(x_test)
            print(
                f"| {name} | {seconds:.0f} | {np.mean(theirs == y_test):.2%} | {n_steps} | "
                f"{np.mean(ours == y_test):.2%} | {np.mean(ours == theirs):.2%} | {each:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
