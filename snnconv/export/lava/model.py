"""The layers stepped in NumPy, bit for bit as Lava's fixed-point models of Loihi do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...graph.inputs import has_steps
from .layers import UNITY, Layer

SHIFT = 6
MAX_STATE = 1 << 23  # of u and v


def simulate(layers: Sequence[Layer], bias: np.ndarray, n_steps: int) -> dict[str, np.ndarray]:
    """Spikes of every layer.

    Parameters
    ----------
    bias : (n, *shape) or (n, n_steps, *shape) int array
        Bias mantissas of the first layer: the input.

    Returns
    -------
    dict of name to (n, n_steps, *shape) uint8 array
        Spikes take a step from one layer to the next; layer i is shown from its own step i on, so that spikes stand
        at the same step in all layers.
    """
    n, first = len(bias), layers[0]
    varies = has_steps(bias, first.shape)
    total = n_steps + len(layers) - 1
    u, v = ([np.zeros((n, *layer.shape), "int64") for layer in layers] for _ in range(2))
    waiting = [np.zeros((n, *layer.shape), "int64") for layer in layers]
    spikes: list[list[np.ndarray]] = [[] for _ in layers]
    for step in range(total):
        sent = np.zeros(0)
        for number, layer in enumerate(layers):
            arriving = waiting[number]
            if number:
                waiting[number] = layer.weigh(sent)
            added = bias[:, min(step, n_steps - 1)] if varies else bias
            mantissa = layer.bias if number else added
            u[number] = _wrapped(_decayed(u[number], layer.current_decay) + (arriving << SHIFT))
            voltage = _decayed(v[number], layer.voltage_decay) + u[number] + (mantissa << SHIFT)
            voltage = np.clip(voltage, -MAX_STATE + 1, MAX_STATE - 1)
            spiked = voltage > layer.threshold << SHIFT
            v[number] = np.where(spiked, 0, voltage)
            sent = spiked.astype("int64")
            spikes[number].append(spiked.astype("uint8"))
    return {
        layer.name: np.stack(steps[number : number + n_steps], 1)
        for number, (layer, steps) in enumerate(zip(layers, spikes, strict=True))
    }


def _decayed(state: np.ndarray, decay: int) -> np.ndarray:
    """The state times what is left of it, rounded toward 0."""
    return np.sign(state) * (np.abs(state) * (UNITY - decay) >> 12)


def _wrapped(u: np.ndarray) -> np.ndarray:
    """A current beyond 24 bits comes back from the other end."""
    u = np.where(u > MAX_STATE, u - 2 * MAX_STATE, u)
    return np.where(u <= -MAX_STATE, u + 2 * MAX_STATE, u)
