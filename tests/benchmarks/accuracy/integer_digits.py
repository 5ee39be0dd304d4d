"""scikit-learn's digits in integers of 8, 4 and 3 bits: networks trained for the integer neuron, and one that was not.

python -m tests.benchmarks.accuracy.integer_digits
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import keras
import numpy as np

import snnconv
from snnconv.graph import SpikingGraph
from snnconv.layers import LIF, NeuronLayer, SteppedLIF
from snnconv.quantize import Analog, quantize
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training.callbacks import RoundedWeights
from snnconv.training.datasets import Dataset, load
from snnconv.training.finetune import finetune

N_STEPS, BITS = 100, (8, 4, 3)
EPOCHS, ROUNDED_EPOCHS, BATCH_SIZE = 30, 10, 32
LEARNING_RATE, ROUNDED_LEARNING_RATE = 1e-3, 5e-4
TUNED_EPOCHS, TUNED_LEARNING_RATE = 15, 1e-3
SIXTEENTHS = Analog(bits=8, high=255 / 16)  # the images are whole numbers up to 16, over 16: no input is rounded
TUNED_STEPS = 50  # of those that are trained in spikes
ROWS = ("LIF", "SteppedLIF", "SteppedLIF, RoundedWeights(4)", "the same, in spikes, 4 bits", "in spikes, 3 bits")


def trained(kind: type[NeuronLayer], data: Dataset, seed: int) -> keras.Model:
    """64 - 64 - 64 - 10 with these neurons."""
    keras.utils.set_random_seed(seed)
    hidden = [layer for name in ("first", "second") for layer in (keras.layers.Dense(64), kind(name=name))]
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)])
    fit(model, data, EPOCHS, LEARNING_RATE)
    return model


def fit(model: keras.Model, data: Dataset, epochs: int, learning_rate: float, callbacks: Sequence = ()) -> None:
    """Train on."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=list(callbacks))


def tuned(graph: SpikingGraph, data: Dataset, bits: int) -> SpikingGraph:
    """The network after training in spikes with kernels of so many bits."""
    options = {"epochs": TUNED_EPOCHS, "batch_size": BATCH_SIZE, "learning_rate": TUNED_LEARNING_RATE}
    callbacks, calibrate = [RoundedWeights(bits)], False
    given = data.x_train, data.y_train, TUNED_STEPS
    return finetune(graph, *given, callbacks=callbacks, calibrate=calibrate, verbose=False, **options).graph


def measure(graph: SpikingGraph, data: Dataset) -> list[float]:
    """In per cent: the accuracy in spikes; for each number of bits the accuracy, and the entries of each layer's
    (images, steps, neurons) spikes that are not those of the float network."""
    x, y = data.x_test, data.y_test
    expected = snnconv.Simulator(graph).run(x, N_STEPS, record="all.spikes")
    found = [np.mean(expected.output.mean(1).argmax(-1) == y)]
    for bits in BITS:
        integers = IntegerSimulator(quantize(graph, bits, input=SIXTEENTHS))
        result = integers.run(x, N_STEPS, record="all.spikes")
        found += [np.mean(result.output.sum(1).argmax(-1) == y)]
        found += [np.mean(result.spikes[name] != expected.spikes[name]) for name in graph.populations]
    return [100 * float(share) for share in found]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table with one row per way of training: means over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="networks to take the mean of (default: 5)")
    seeds = range(parser.parse_args(arguments).seeds)
    data = load("digits")
    found: dict[str, list[list[float]]] = {row: [] for row in ROWS}
    for seed in seeds:
        for row, kind in zip(ROWS, (LIF, SteppedLIF), strict=False):
            model = trained(kind, data, seed)
            found[row].append(measure(snnconv.convert(model, verbose=False), data))
        fit(model, data, ROUNDED_EPOCHS, ROUNDED_LEARNING_RATE, [RoundedWeights(4)])
        graph = snnconv.convert(model, verbose=False)
        found[ROWS[2]].append(measure(graph, data))
        for row, bits in zip(ROWS[3:], (4, 3), strict=True):
            found[row].append(measure(tuned(graph, data, bits), data))
    print(f"{'':<31}{'float':>7}" + "".join(f"{f'{bits} bits':>9}{'differing spikes':>18}" for bits in BITS))
    for row, rows in found.items():
        accuracy, *rest = np.mean(rows, 0)
        cells = [
            f"{rest[at]:>7.1f} %{f'{rest[at + 1]:.2f}, {rest[at + 2]:.2f} %':>18}" for at in range(0, len(rest), 3)
        ]
        print(f"{row:<31}{accuracy:>5.1f} %{''.join(cells)}")


if __name__ == "__main__":
    main()
