"""Fashion-MNIST with 128 hidden neurons in ten steps of 1 ms, at most one spike per neuron and step.

python -m tests.benchmarks.accuracy.fashion_dense128
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

import snnconv
from snnconv.layers import LIF, NeuronLayer, QuantizedReLU
from snnconv.training.datasets import Dataset, load

N_STEPS, DT, SEED = 10, 0.001, 0
BATCH_SIZE, LEARNING_RATE = 128, 2e-3
N_RECORDED = 1000  # images whose spikes are counted
TUNING = {"max_rates": 200.0, "amplitude": 0.005}
LAYERS: dict[str, Callable[[], NeuronLayer]] = {
    "LIF": lambda: LIF(**TUNING, name="hidden"),
    "LIF, spiking": lambda: LIF(**TUNING, spiking=True, n_steps=N_STEPS, dt=DT, name="hidden"),
    "QuantizedReLU": lambda: QuantizedReLU(N_STEPS, dt=DT, name="hidden"),
}


@dataclass(frozen=True)
class Accuracy:
    """What one layer reaches.

    Attributes
    ----------
    rates, spikes : float
        Share of the test images classified as they should, by Keras' rates and by the spiking network.
    spikes_per_image : float
        Of all hidden neurons together, over the run.
    most_per_step : int
        Most spikes of one neuron in one step.
    seconds : float
        Time that training took.
    """

    rates: float
    spikes: float
    spikes_per_image: float
    most_per_step: int
    seconds: float


def measure(layer: NeuronLayer, data: Dataset, epochs: int) -> Accuracy:
    """Train, convert and run 784 - 128 - 10 with this layer of neurons."""
    keras.utils.set_random_seed(SEED)
    hidden, classes = keras.layers.Dense(128), keras.layers.Dense(10)
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Flatten(), hidden, layer, classes])
    n_batches = epochs * -(-len(data.x_train) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, n_batches)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"], jit_compile=True)
    start = time.perf_counter()
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    simulator = snnconv.Simulator(snnconv.convert(model, verbose=False), dt=DT)
    spikes = simulator.run(data.x_test[:N_RECORDED], N_STEPS, record=["hidden.spikes"]).spikes["hidden"]
    return Accuracy(
        rates=model.evaluate(data.x_test, data.y_test, verbose=0)[1],
        spikes=simulator.evaluate(data.x_test, data.y_test, n_steps=N_STEPS)["accuracy"],
        spikes_per_image=float(spikes.sum() / len(spikes)),
        most_per_step=int(np.max(spikes)),
        seconds=seconds,
    )


def main() -> None:
    """Print a table with one row per layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--layer", choices=LAYERS, action="append", help="only this one; may be given repeatedly")
    arguments = parser.parse_args()
    data = load("fashion_mnist")
    print(f"{'layer':<16}{'rates':>8}{f'{N_STEPS} steps':>10}{'spikes/image':>14}{'most/step':>11}{'training':>10}")
    for name in arguments.layer or LAYERS:
        found = measure(LAYERS[name](), data, arguments.epochs)
        print(
            f"{name:<16}{found.rates:>8.2%}{found.spikes:>10.2%}{found.spikes_per_image:>14.1f}"
            f"{found.most_per_step:>11}{found.seconds:>8.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
