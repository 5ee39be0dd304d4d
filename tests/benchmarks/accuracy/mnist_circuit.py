"""784-256-128-10 on MNIST in weights of 4 bits, for a circuit: trained in spikes with rounded kernels.

python -m tests.benchmarks.accuracy.mnist_circuit FOLDER     writes FOLDER/network.snn.h5, and prints its accuracies
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.neurons import IF
from snnconv.quantize import Analog, quantize
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training.callbacks import RoundedWeights
from snnconv.training.datasets import Dataset, load

from .networks import BATCH_SIZE, SEED

BITS, N_VALIDATION = 4, 5_000
INPUT = Analog(bits=8)


def perceptron(data: Dataset, epochs: int) -> keras.Model:
    """784 - 256 - 128 - 10, ReLU, with dropout."""
    keras.utils.set_random_seed(SEED)
    layers: list[Any] = [keras.Input(data.input_shape), kl.Flatten()]
    for units in (256, 128):
        layers += [kl.Dense(units, activation="relu"), kl.Dropout(0.2)]
    model = keras.Sequential([*layers, kl.Dense(10)])
    schedule: Any = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(data.x_train) // BATCH_SIZE))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, jit_compile=False)
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def accuracy(graph: snnconv.SpikingGraph, x: np.ndarray, y: np.ndarray, n_steps: int) -> float:
    """Share of right classes of the integer network."""
    integers = quantize(graph, BITS, input=INPUT, n_steps=n_steps)
    output = IntegerSimulator(integers).run(x, n_steps).output
    return float(np.mean(output.sum(1).reshape(len(x), -1).argmax(-1) == y))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, fine-tune and measure the network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=12, help="of the network in rates")
    parser.add_argument("--finetune", type=int, default=3, help="epochs in spikes with rounded kernels")
    parser.add_argument("--spikes", default="binary")
    args = parser.parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    data = load("mnist")
    held = (data.x_train[-N_VALIDATION:], data.y_train[-N_VALIDATION:])
    data = dataclasses.replace(data, x_train=data.x_train[:-N_VALIDATION], y_train=data.y_train[:-N_VALIDATION])
    path = args.folder / "model.keras"
    model = keras.models.load_model(path) if path.exists() else perceptron(data, args.epochs)
    model.save(path)
    relu = {"relu": IF(min_voltage=-math.inf)}  # of amplitude 1, whatever the weights
    graph = snnconv.convert(model, swap_activations=relu, verbose=False)
    found = snnconv.finetune(
        graph,
        data.x_train,
        data.y_train,
        args.steps,
        epochs=args.finetune,
        learning_rate=5e-4,
        batch_size=BATCH_SIZE,
        validation=held,
        test=(data.x_test, data.y_test),
        spikes=args.spikes,
        teacher="rates",
        callbacks=[RoundedWeights(BITS)],
        verbose=False,
        seed=SEED,
    )
    found.graph.save(args.folder / "network.snn.h5")
    print(found, flush=True)
    for name, x, y in (("validation", *held), ("test", data.x_test, data.y_test)):
        print(
            f"integers of {BITS} bits, {name}: {accuracy(found.graph, x, y, args.steps):.2%} of {len(y):,}", flush=True
        )


if __name__ == "__main__":
    main()
