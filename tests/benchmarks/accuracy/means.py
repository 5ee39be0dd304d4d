"""``python -m tests.benchmarks.accuracy.means vit|efficientnet``: nets of functions of means, trained and in spikes.

A vision transformer (four blocks, 4 x 4 patches, width 64, 4 heads) and a mini-EfficientNet (inverted residuals with
squeeze and excite, silu), both trained on Fashion-MNIST for a few epochs on one core, converted, calibrated on training
images, and run on the test images, which nothing is chosen on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

import snnconv
from snnconv.training.datasets import load

SEED = 0
BATCH_SIZE = 128
N_VALIDATION = 5000  # of the training images, the last, of which the calibration takes none
STEPS = (8, 16, 32)
WIDTH, HEADS, BLOCKS = 64, 4, 4


def vit() -> keras.Model:
    """A vision transformer of four blocks; tokens are averaged at the end."""
    image = keras.Input((28, 28, 1))
    x = kl.Reshape((49, WIDTH))(kl.Conv2D(WIDTH, 4, strides=4, use_bias=False, name="patches")(image))
    x = kl.EinsumDense("btc,cd->btd", (49, WIDTH), bias_axes="td", name="positions")(x)  # a bias for each patch
    for _ in range(BLOCKS):
        y = kl.LayerNormalization()(x)
        x = kl.Add()([x, kl.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y)])
        y = kl.Dense(2 * WIDTH, activation="gelu")(kl.LayerNormalization()(x))
        x = kl.Add()([x, kl.Dense(WIDTH)(y)])
    x = kl.GlobalAveragePooling1D()(kl.LayerNormalization()(x))
    return keras.Model(image, kl.Dense(10)(x), name="vit")


def efficientnet() -> keras.Model:
    """A mini-EfficientNet: a stem and four inverted residuals with squeeze and excite, silu throughout."""
    image = keras.Input((28, 28, 1))
    x = _silu(_normalised(kl.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(image)))
    for filters, stride in ((16, 1), (24, 2), (24, 1), (40, 2)):
        channels = x.shape[-1]
        y = _silu(_normalised(kl.Conv2D(4 * channels, 1, use_bias=False)(x)))
        y = _silu(_normalised(kl.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(y)))
        squeezed = kl.GlobalAveragePooling2D(keepdims=True)(y)
        excited = kl.Conv2D(y.shape[-1], 1, activation="sigmoid")(kl.Conv2D(8, 1, activation="silu")(squeezed))
        y = _normalised(kl.Conv2D(filters, 1, use_bias=False)(kl.Multiply()([y, excited])))
        x = kl.Add()([x, y]) if channels == filters and stride == 1 else y
    x = kl.GlobalAveragePooling2D()(_silu(_normalised(kl.Conv2D(128, 1, use_bias=False)(x))))
    return keras.Model(image, kl.Dense(10)(x), name="efficientnet")


def _normalised(x: keras.KerasTensor) -> keras.KerasTensor:
    return kl.BatchNormalization(momentum=0.9)(x)


def _silu(x: keras.KerasTensor) -> keras.KerasTensor:
    return kl.Activation("silu")(x)


NETS: dict[str, tuple[Callable[[], keras.Model], int]] = {"vit": (vit, 5), "efficientnet": (efficientnet, 4)}
"""Networks, and the epochs that each is trained for."""


def trained(build: Callable[[], keras.Model], x: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    """A network after its training, the same for the same TensorFlow on the same machine."""
    keras.utils.set_random_seed(SEED)
    model = build()
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // BATCH_SIZE))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), loss, metrics=["accuracy"])
    model.fit(x, y, BATCH_SIZE, epochs, verbose=2)
    return model


def seconds(work: Callable[[], object]) -> float:
    """The processor time of the shorter of two runs, on one thread; the first run also compiles."""
    work()
    times = []
    for _ in range(2):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Train or load a network, convert and calibrate it, and print its accuracy, spikes and run time."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy.means", description=__doc__)
    parser.add_argument("network", choices=NETS)
    parser.add_argument("models", type=Path, metavar="FOLDER", help="where NAME.keras is, or will be written")
    parser.add_argument("--fashion", metavar="FOLDER", help="where Fashion-MNIST's four IDX files are")
    parser.add_argument("--train", type=int, metavar="N", default=55_000, help="train on N images (default: 55000)")
    parser.add_argument("--epochs", type=int, metavar="N", help="train for N epochs (default: 5, 4)")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="numbers of steps (default: 8 16 32)")
    parser.add_argument(
        "--calibration", type=int, default=500, metavar="N", help="calibrate on N images (default: 500)"
    )
    parser.add_argument("--samples", type=int, help="run on the first N test images alone")
    parser.add_argument("--validation", action="store_true", help="run on training images that were set apart")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    data = load("fashion_mnist", args.fashion)
    path = args.models / f"{args.network}.keras"
    if not path.exists():
        args.models.mkdir(parents=True, exist_ok=True)
        build, epochs = NETS[args.network]
        n_train = min(args.train, len(data.x_train) - N_VALIDATION)
        trained(build, data.x_train[:n_train], data.y_train[:n_train], args.epochs or epochs).save(path)
    model = keras.saving.load_model(path)
    x, y = (
        (data.x_train[-N_VALIDATION:], data.y_train[-N_VALIDATION:]) if args.validation else (data.x_test, data.y_test)
    )
    x, y = x[: args.samples], y[: args.samples]
    right = float((model.predict(x, 256, verbose=0).argmax(-1) == y).mean())
    print(f"{args.network}: Keras {right:.2%} of {len(x):,} images")
    by_keras = seconds(lambda: model.predict(x[:256], 256, verbose=0))
    for n_steps in args.steps:
        graph = snnconv.convert(
            model, calibrate=data.x_train[: args.calibration], calibrate_steps=n_steps, verbose=False
        )
        simulator = snnconv.Simulator(graph)
        found = float((simulator.predict(x, n_steps).argmax(-1) == y).mean())
        ratio = seconds(partial(simulator.predict, x[:256], n_steps)) / by_keras
        records = [f"{name}.spikes" for name in graph.populations]
        spikes = simulator.run(x[:64], n_steps, record=records).spikes
        sent = sum(int(np.abs(each, dtype="int64").sum()) for each in spikes.values())
        most = max(int(np.abs(each, dtype="int64").max()) for each in spikes.values())
        per_step = sent / sum(each.size for each in spikes.values())
        print(
            f"{n_steps:4d} steps: {found:.2%} ({100 * (found - right):+.2f} points), {per_step:.3f} spikes per neuron "
            f"and step, at most {most}; {ratio:.1f} times Keras' time",
            flush=True,
        )


if __name__ == "__main__":
    main()
