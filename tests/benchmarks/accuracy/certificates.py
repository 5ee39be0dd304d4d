"""``python -m tests.benchmarks.accuracy.certificates``: the share of MNIST whose class is proven for good, by steps."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.training.datasets import Dataset, load
from snnconv.tuning.certify import settled_steps

from .networks import BATCH_SIZE, SEED, cached

STEPS = (32, 64, 128)
CALIBRATION_IMAGES = 200


def one_layer(data: Dataset) -> keras.Model:
    """784-128-10."""
    return _trained([kl.Flatten(), kl.Dense(128, activation="relu")], data)


def two_layers(data: Dataset) -> keras.Model:
    """784-128-64-10."""
    return _trained([kl.Flatten(), kl.Dense(128, activation="relu"), kl.Dense(64, activation="relu")], data)


def convolutions(data: Dataset) -> keras.Model:
    """Two convolutions of stride 2, 8 @ 5 × 5 and 16 @ 3 × 3."""
    layers = [kl.Conv2D(8, 5, strides=2, activation="relu"), kl.Conv2D(16, 3, strides=2, activation="relu")]
    return _trained([*layers, kl.Flatten()], data)


def _trained(layers: list[kl.Layer], data: Dataset) -> keras.Model:
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, kl.Dense(10)])
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=4, verbose=2)
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, convert, certify all test images, and count proofs that Keras contradicts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy.certificates", description=__doc__)
    parser.add_argument("--mnist", metavar="FOLDER", help="where MNIST's four IDX files are")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="where trained networks are kept")
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help="of the test set (default: all)")
    args = parser.parse_args(arguments)
    data = load("mnist", args.mnist)
    x = data.x_test[: args.images]
    print(
        "| network | heights | steps | proven | as in rates | proven, but not Keras' | any phase | seconds |\n"
        + "|---" * 8
        + "|"
    )
    n_false = 0
    for build in (one_layer, two_layers, convolutions):
        model = cached(build, data, args.models)
        classes = model.predict(x, verbose=0).argmax(-1)
        for n_steps in STEPS:
            calibration = {"calibrate": data.x_train[:CALIBRATION_IMAGES], "calibrate_steps": n_steps}
            for heights, options in (("chosen", {}), ("calibrated", calibration)):
                graph = snnconv.convert(model, verbose=False, **options)
                start = time.process_time()
                found = snnconv.Simulator(graph, progress=False).certify(x, n_steps)
                seconds = time.process_time() - start
                assert found.proven is not None
                assert found.agrees is not None
                wrong = int((found.proven & (found.classes != classes)).sum())
                settled = float(np.mean(settled_steps(graph, x) <= n_steps))
                name = str(build.__doc__).rstrip(".")
                shares = f"{found.proven.mean():.1%} | {found.agrees.mean():.2%} | {wrong} | {settled:.1%}"
                print(f"| {name} | {heights} | {n_steps} | {shares} | {seconds:.0f} |", flush=True)
                n_false += wrong
    raise SystemExit(n_false > 0)


if __name__ == "__main__":
    main()
