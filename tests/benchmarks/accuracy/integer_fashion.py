"""Fashion-MNIST in integers: the accuracy of 8, 6 and 4 bits on the 10,000 test images, next to the float network.

python -m tests.benchmarks.accuracy.integer_fashion
python -m tests.benchmarks.accuracy.integer_fashion --model runs/fashion_mnist_cnn/model.snn.h5 --steps 50
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

import snnconv
from snnconv.graph import SpikingGraph
from snnconv.layers import LIF, NeuronLayer, SteppedLIF
from snnconv.quantize import quantize
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training.callbacks import RoundedWeights
from snnconv.training.datasets import Dataset, load

SEED, BATCH_SIZE, LEARNING_RATE, ROUNDED_LEARNING_RATE = 0, 128, 2e-3, 5e-4
TUNING = {"max_rates": 200.0, "amplitude": 0.005}


def dense128(kind: type[NeuronLayer], data: Dataset, epochs: int) -> keras.Model:
    """784 - 128 - 10 with these neurons, trained."""
    keras.utils.set_random_seed(SEED)
    layers = [keras.layers.Flatten(), keras.layers.Dense(128), kind(**TUNING, name="hidden"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input(data.input_shape), *layers])
    fit(model, data, epochs, LEARNING_RATE)
    return model


def fit(model: keras.Model, data: Dataset, epochs: int, learning_rate: float, callbacks: Sequence = ()) -> None:
    """Train on, with a learning rate that ends at 0."""
    n_batches = epochs * -(-len(data.x_train) // BATCH_SIZE)
    schedule: Any = keras.optimizers.schedules.CosineDecay(learning_rate, n_batches)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=list(callbacks))


def networks(data: Dataset, epochs: int) -> Iterator[tuple[str, SpikingGraph]]:
    """The same network, trained in three ways."""
    for kind in (LIF, SteppedLIF):
        model = dense128(kind, data, epochs)
        yield kind.__name__, snnconv.convert(model, verbose=False)
    fit(model, data, max(1, epochs // 3), ROUNDED_LEARNING_RATE, [RoundedWeights(4)])
    yield "SteppedLIF, RoundedWeights(4)", snnconv.convert(model, verbose=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per network and number of bits, as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="FILE", help="an exported network (.snn.h5) in place of those trained here")
    parser.add_argument("--bits", default="8,6,4")
    parser.add_argument("--steps", type=int, default=50, help="steps of 1 ms (default: 50)")
    parser.add_argument("--images", type=int, default=10_000, help="of the test set (default: all 10,000)")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args(arguments)
    data = load("fashion_mnist")
    x, y = data.x_test[: args.images], data.y_test[: args.images]
    print(f"{len(x):,} images, {args.steps} steps")
    print(f"{'':<31}{'weights':>9}{'accuracy':>10}{'points':>8}{'other predictions':>19}", flush=True)
    found = [(args.model, snnconv.load(args.model))] if args.model else networks(data, args.epochs)
    for name, graph in found:
        classes = np.asarray(snnconv.Simulator(graph).predict(x, args.steps)).argmax(-1)
        accuracy = 100 * np.mean(classes == y)
        print(f"{name:<31}{'float':>9}{accuracy:>8.2f} %", flush=True)
        for bits in map(int, args.bits.split(",")):
            own = np.asarray(IntegerSimulator(quantize(graph, bits)).predict(x, args.steps)).argmax(-1)
            points = 100 * np.mean(own == y) - accuracy
            other = 100 * np.mean(own != classes)
            print(f"{'':<31}{f'{bits} bits':>9}{accuracy + points:>8.2f} %{points:>+8.2f}{other:>17.2f} %", flush=True)


if __name__ == "__main__":
    main()
