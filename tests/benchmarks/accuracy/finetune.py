"""Converted networks before and after training in spikes, at few steps and at most one spike per neuron and step.

python -m tests.benchmarks.accuracy.finetune --models FOLDER
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.layers import LIF
from snnconv.training.datasets import Dataset, load

from .networks import BATCH_SIZE, SEED

RATES: dict[str, Any] = {"max_rates": (200.0, 250.0), "amplitude": 0.004, "seed": 0}


def _cnn(neurons: Callable[[], Any]) -> list[Any]:
    """The network of configs/fashion_mnist_cnn.toml."""
    layers = []
    for filters in (32, 64):
        layers += [kl.Conv2D(filters, 3, strides=2, padding="same"), neurons()]
    return [*layers, kl.Flatten(), kl.Dropout(0.25), kl.Dense(128), neurons(), kl.Dense(10)]


def _trained(layers: list[Any], data: Dataset, epochs: int, learning_rate: float) -> keras.Model:
    model = keras.Sequential([keras.Input(data.input_shape), *layers])
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * -(-len(data.x_train) // BATCH_SIZE))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"], jit_compile=False)
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def fashion_cnn_lif(data: Dataset) -> keras.Model:
    """Two convolutions and a dense layer of LIF neurons."""
    return _trained(_cnn(lambda: LIF(**RATES)), data, 8, 2e-3)


def fashion_cnn_relu(data: Dataset) -> keras.Model:
    """Two convolutions and a dense layer, ReLU."""
    return _trained(_cnn(kl.ReLU), data, 8, 2e-3)


def fashion_dense128(data: Dataset) -> keras.Model:
    """784 - 128 - 10, ReLU."""
    return _trained([kl.Flatten(), kl.Dense(128, activation="relu"), kl.Dense(10)], data, 10, 2e-3)


def mnist_perceptron(data: Dataset) -> keras.Model:
    """784 - 256 - 256 - 10, ReLU."""
    hidden = [kl.Dense(256, activation="relu"), kl.Dense(256, activation="relu")]
    return _trained([kl.Flatten(), *hidden, kl.Dense(10)], data, 6, 1e-3)
