"""The networks that others converted, trained as they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers as kl

from snnconv.datasets import Dataset

SEED = 0


def nengo_dl_relu(data: Dataset) -> keras.Model:
    """The network of NengoDL's guide to converting Keras models: two convolutions and a dense layer, 2 epochs."""
    keras.utils.set_random_seed(SEED)
    layers = [
        kl.Conv2D(32, 3, activation="relu"),
        kl.Conv2D(64, 3, strides=2, activation="relu"),
        kl.Flatten(),
        kl.Dense(10),
    ]
    return _trained(layers, data, epochs=2)


def spikingjelly_cnn(data: Dataset) -> keras.Model:
    """The network of SpikingJelly's tutorial on conversion: three blocks of 32 channels with average pooling."""
    keras.utils.set_random_seed(SEED)
    layers = []
    for _ in range(3):
        layers += [kl.Conv2D(32, 3), kl.BatchNormalization(momentum=0.9), kl.ReLU(), kl.AveragePooling2D(2)]
    return _trained([*layers, kl.Flatten(), kl.Dense(10)], data, epochs=10)


def _trained(layers: list[Any], data: Dataset, epochs: int) -> keras.Model:
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(data.x_train, data.y_train, batch_size=128, epochs=epochs, verbose=2)
    return model


def cached(build: Any, data: Dataset, folder: Path | None) -> keras.Model:
    """The trained network, from `folder` where it was trained before."""
    path = None if folder is None else folder / f"{build.__name__}.keras"
    if path is not None and path.exists():
        return keras.models.load_model(path)
    model = build(data)
    if path is not None:
        model.save(path)
    return model
