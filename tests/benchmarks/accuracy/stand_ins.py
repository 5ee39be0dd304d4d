"""``python -m tests.benchmarks.accuracy.stand_ins``: train networks with the shapes of MLPerf Tiny's networks.

Layers, widths and depths are those of the benchmark; the data are not. Fashion-MNIST stands in for all of it: 32 x 32
x 3 for the images of ResNet8 and the MobileNets (whose first stride is 1, since 32 pixels are few), 49 x 10 for the
keyword network's spectrograms, and a flat image for the autoencoder. The networks are trained on few images and for few
epochs, to 80 … 90 % and not to the best that they could reach, in a few minutes each on one core.

The last 5,000 training images are set apart for choices; no network is trained on them, and none of the test images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

from snnconv.training.datasets import Dataset, load

SEED = 0
BATCH_SIZE = 64
N_VALIDATION = 5000  # of the training images, the last


@dataclass(frozen=True)
class StandIn:
    """A network to train.

    Parameters
    ----------
    build : function of nothing that gives a Keras model
    shape : tuple of int
        Shape of an input.
    n_train : int
        Training images.
    epochs : int
    """

    build: Callable[[], keras.Model]
    shape: tuple[int, ...]
    n_train: int
    epochs: int


def resnet8() -> keras.Model:
    """ResNet8 of the image classification benchmark: three stacks of 16, 32 and 64 channels, 7 ReLUs."""
    image = keras.Input((32, 32, 3))
    x = _activated(_convolved(image, 16))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = _convolved(_activated(_convolved(x, filters, strides=stride)), filters)
        x = x if stride == 1 else kl.Conv2D(filters, 1, strides=stride)(x)
        x = _activated(kl.Add()([x, y]))
    return keras.Model(image, kl.Dense(10)(kl.GlobalAveragePooling2D()(x)), name="resnet8")


def mobilenet_v1() -> keras.Model:
    """MobileNetV1 0.25 of the visual wake words benchmark: 27 ReLUs."""
    image = keras.Input((32, 32, 3))
    x = _activated(_convolved(image, 8))
    blocks = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
    for filters, stride in blocks:
        x = _activated(_depthwise(x, stride))
        x = _activated(_convolved(x, filters, 1))
    return keras.Model(image, kl.Dense(10)(kl.GlobalAveragePooling2D()(x)), name="mobilenet_v1")


def mobilenet_v2() -> keras.Model:
    """MobileNetV2 0.35: inverted residuals, linear bottlenecks, 35 times ReLU6."""
    image = keras.Input((32, 32, 3))
    x = _activated(_convolved(image, 16), kl.ReLU(6))
    channels = 16
    stages = ((1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1))
    for factor, filters, n, first_stride in stages:
        for stride in (first_stride, *[1] * (n - 1)):
            y = x if factor == 1 else _activated(_convolved(x, factor * channels, 1), kl.ReLU(6))
            y = _convolved(_activated(_depthwise(y, stride), kl.ReLU(6)), filters, 1)
            x = kl.Add()([x, y]) if stride == 1 and channels == filters else y
            channels = filters
    x = _activated(_convolved(x, 448, 1), kl.ReLU(6))
    return keras.Model(image, kl.Dense(10)(kl.GlobalAveragePooling2D()(x)), name="mobilenet_v2")


def keywords() -> keras.Model:
    """DS-CNN of the keyword spotting benchmark: a convolution and four separable ones of 64 channels, 9 ReLUs."""
    spectrogram = keras.Input((49, 10, 1))
    x = _activated(_convolved(spectrogram, 64, (10, 4), strides=2))
    for _ in range(4):
        x = _activated(_convolved(_activated(_depthwise(x, 1)), 64, 1))
    return keras.Model(spectrogram, kl.Dense(10)(kl.GlobalAveragePooling2D()(x)), name="keywords")


def autoencoder() -> keras.Model:
    """The autoencoder of the anomaly detection benchmark: dense, 128 wide and 8 in the middle, 9 ReLUs."""
    image = keras.Input((784,))
    x = image
    for width in (*[128] * 4, 8, *[128] * 4):
        x = _activated(kl.Dense(width)(x))
    return keras.Model(image, kl.Dense(784)(x), name="autoencoder")


STAND_INS = {
    "resnet8": StandIn(resnet8, (32, 32, 3), 12_000, 5),
    "mobilenet_v1": StandIn(mobilenet_v1, (32, 32, 3), 20_000, 8),
    "mobilenet_v2": StandIn(mobilenet_v2, (32, 32, 3), 10_000, 4),
    "keywords": StandIn(keywords, (49, 10, 1), 12_000, 4),
    "autoencoder": StandIn(autoencoder, (784,), 55_000, 10),
}


def _convolved(x, filters: int, size: int | tuple[int, int] = 3, strides: int = 1):
    x = kl.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return kl.BatchNormalization(momentum=0.9)(x)


def _depthwise(x, strides: int):
    x = kl.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
    return kl.BatchNormalization(momentum=0.9)(x)


def _activated(x, activation: kl.Layer | None = None):
    if activation is None:
        activation = kl.ReLU()
    return activation(x)


def resized(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Grey images (n, 28, 28, 1) in another shape: flat, or bilinearly resized and repeated along the channels."""
    if len(shape) == 1:
        return images.reshape(-1, *shape)
    height, width, channels = shape
    return np.repeat(tf.image.resize(images, (height, width)).numpy(), channels, axis=-1).astype("float32")


def trained(stand_in: StandIn, data: Dataset) -> keras.Model:
    """The network after its training, the same for the same TensorFlow on the same machine."""
    keras.utils.set_random_seed(SEED)
    model = stand_in.build()
    x, x_validation = (
        resized(part, stand_in.shape) for part in (data.x_train[: stand_in.n_train], validation(data)[0])
    )
    is_classifier = model.output_shape[-1] == 10
    y, y_validation = (data.y_train[: len(x)], validation(data)[1]) if is_classifier else (x, x_validation)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, stand_in.epochs * -(-len(x) // BATCH_SIZE))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if is_classifier else "mse"
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-3)
    model.compile(optimizer, loss, metrics=["accuracy"] if is_classifier else ["mae"])
    model.fit(x, y, BATCH_SIZE, stand_in.epochs, verbose=2, validation_data=(x_validation, y_validation))
    return model


def validation(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images that no stand-in was trained on, and their classes: to choose settings with."""
    return data.x_train[-N_VALIDATION:], data.y_train[-N_VALIDATION:]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and save the networks, and print each one's validation score as Keras prints it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy.stand_ins", description=__doc__)
    parser.add_argument("models", type=Path, metavar="FOLDER", help="where NAME.keras are written")
    parser.add_argument("--networks", default=",".join(STAND_INS), help=f"of {', '.join(STAND_INS)} (default: all)")
    parser.add_argument("--fashion", metavar="FOLDER", help="where Fashion-MNIST's four IDX files are")
    args = parser.parse_args(arguments)
    data = load("fashion_mnist", args.fashion)
    args.models.mkdir(parents=True, exist_ok=True)
    for name in args.networks.split(","):
        model = trained(STAND_INS[name], data)
        model.save(args.models / f"{name}.keras")


if __name__ == "__main__":
    main()
