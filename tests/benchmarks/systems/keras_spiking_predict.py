# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportArgumentType=false
"""KerasSpiking through `model.predict`: integrate-and-fire neurons behind the same layers."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import keras_spiking
import numpy as np
import tensorflow as tf

from ..works import Work

warnings.simplefilter("ignore")
logging.getLogger("tensorflow").setLevel(logging.ERROR)

STEP = 0.02  # seconds in its time: neurons of rate J then spike about as often as the works' LIF


def build(work: Work, unroll: bool = False) -> Callable[[], np.ndarray]:
    """Spikes have height 1/STEP, which the next kernel takes back."""
    layers = tf.keras.layers
    value = source = layers.Input((work.n_steps, *work.x.shape[1:]))
    weights = []
    for number, layer in enumerate(work.layers):
        filters = layer.kernel.shape[-1]
        if layer.is_convolution:
            linear = layers.Conv2D(filters, layer.kernel.shape[:2], layer.stride, layer.padding)
        else:
            linear = layers.Dense(filters)
            if len(value.shape) > 3:
                value = layers.TimeDistributed(layers.Flatten())(value)
        value = layers.TimeDistributed(linear)(value)
        if layer is not work.layers[-1]:
            value = keras_spiking.SpikingActivation("relu", dt=STEP, unroll=unroll)(value)
        weights += [layer.kernel * (STEP if number else 1), layer.bias]
    model = tf.keras.Model(source, value)
    model.set_weights(weights)

    def over_time(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.repeat(x[:, None], work.n_steps, 1))

    return work.runner(lambda x: model.predict(x, batch_size=work.batch, verbose=0), over_time)
