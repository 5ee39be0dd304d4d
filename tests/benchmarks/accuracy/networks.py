"""The networks that others converted, trained as they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

from snnconv.layers import LIF
from snnconv.training.datasets import Dataset

SEED = 0
BATCH_SIZE = 128


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


def mnist_lif(data: Dataset) -> keras.Model:
    """Conv32 - Conv64 stride 2 - Conv128 stride 2 with LIF neurons, 10 epochs: 132,554 parameters."""
    keras.utils.set_random_seed(SEED)
    layers = []
    for filters, strides in ((32, 1), (64, 2), (128, 2)):
        layers += [kl.Conv2D(filters, 3, strides=strides), _lif()]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, kl.Flatten(), kl.Dropout(0.4), kl.Dense(10)])
    return _trained_on_shifted(model, data, epochs=10)


def fashion_lif(data: Dataset) -> keras.Model:
    """Four convolutions with batch normalisation and LIF neurons, 15 epochs: 193,770 parameters."""
    keras.utils.set_random_seed(SEED)
    layers = []
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2)):
        convolution = kl.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)
        layers += [convolution, kl.BatchNormalization(momentum=0.9), _lif()]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, kl.Flatten(), kl.Dropout(0.5), kl.Dense(10)])
    return _trained_on_shifted(model, data, epochs=15, flip=True, weight_decay=1e-4)


def _lif() -> LIF:
    """Fast enough to be read off in few steps, with a refractory period that is not below dt."""
    return LIF(max_rates=(300, 400), tau_ref=0.001, amplitude=0.0025)


class Shifted(keras.utils.PyDataset):
    """Training images moved by up to one pixel each way, and half of them mirrored where `flip` is true."""

    def __init__(self, data: Dataset, flip: bool):
        super().__init__()
        self._data, self._flip = data, flip
        self._rng = np.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._order) // BATCH_SIZE

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._data.x_train))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        images = np.pad(self._data.x_train[chosen], ((0, 0), (1, 1), (1, 1), (0, 0)))
        if self._flip:
            mirrored = self._rng.random(BATCH_SIZE) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        corners = self._rng.integers(0, 3, (BATCH_SIZE, 2))
        moved = [
            image[row : row + 28, column : column + 28] for image, (row, column) in zip(images, corners, strict=True)
        ]
        return np.stack(moved), self._data.y_train[chosen]


def _trained_on_shifted(
    model: keras.Model, data: Dataset, epochs: int, *, flip: bool = False, weight_decay: float = 0.0
) -> keras.Model:
    batches = Shifted(data, flip)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(batches))
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(batches, epochs=epochs, verbose=2)
    return model


def _trained(layers: list[Any], data: Dataset, epochs: int) -> keras.Model:
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=2)
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
