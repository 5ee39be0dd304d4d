"""A network as Loihi's layers: whole numbers in Loihi's ranges, and their steps in NumPy, to the bit.

A neuron of Loihi computes, in each step,

    u = u·(4096 - current_decay) >> 12 + (W·s << 6)          s: spikes of the step before
    v = v·(4096 - voltage_decay) >> 12 + u + (bias << 6)
    spike where v > threshold << 6, and v = 0

where products of negative numbers are shifted by their size, toward 0. With ``share = voltage_decay/4096`` and the
threshold θ that stands for a voltage of 1, W is θ·share·kernel and the bias θ·share times the constant current. A
lowpass synapse behind the neurons before is the decay of u, with W multiplied by current_decay/4096.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...graph import Conv
from ...graph.inputs import has_steps
from ...neurons import IF, Neuron, numpy_ops
from ...neurons.base import steps_as

UNITY = 4096
MAX_THRESHOLD = (1 << 17) - 1
MAX_BIAS = (1 << 12) - 1
MIN_WEIGHT, MAX_WEIGHT = -256, 254  # even numbers: 8 bits with a sign
SHIFT = 6
MAX_STATE = 1 << 23  # of u and v


@dataclass(frozen=True, eq=False)
class Layer:
    """Neurons, and the weights of the spikes that come in.

    Parameters
    ----------
    name : str
        Of the population.
    shape : tuple of int
        Of the neurons: (height, width, channels), or (n,).
    threshold, voltage_decay, current_decay : int
    bias : int array that broadcasts against the shape
        Zeros in the first layer, whose bias is the input.
    kernel : int array or None
        (n_in, n_out) for all flat spikes of the layer before, in the order of channels last; (height, width,
        channels, filters) for a convolution; None in the first layer.
    conv : Conv or None
        Strides, padding and dilation of a convolution.
    """

    name: str
    shape: tuple[int, ...]
    threshold: int
    voltage_decay: int
    current_decay: int
    bias: np.ndarray
    kernel: np.ndarray | None = None
    conv: Conv | None = None

    def weigh(self, spikes: np.ndarray) -> np.ndarray:
        """W·s for (n, *shape of the layer before) spikes."""
        if self.kernel is None:
            return np.zeros((len(spikes), *self.shape), "int64")
        if self.conv is None:
            return (spikes.reshape(len(spikes), -1) @ self.kernel).reshape(-1, *self.shape)
        geometry = (self.conv.strides, self.conv.padding, self.conv.dilation, 1)
        return numpy_ops.conv(spikes, self.kernel, *geometry)


def voltage_decay(neuron: Neuron, dt: float) -> int:
    """The decay that comes nearest to a neuron's leak; 0 for one without."""
    if steps_as(neuron, IF):
        return 0
    share = -math.expm1(-dt / neuron.tau_rc)  # pyright: ignore[reportAttributeAccessIssue]
    return min(max(round(UNITY * share), 1), UNITY - 1)


def current_decay(tau: float, dt: float) -> int:
    """The decay that comes nearest to a lowpass with this time constant."""
    return min(max(round(-UNITY * math.expm1(-dt / tau)), 1), UNITY)


def current_share(neuron: Neuron, dt: float) -> float:
    """The amount that a step adds to the voltage of a neuron at rest, per unit of its current."""
    return dt if steps_as(neuron, IF) else voltage_decay(neuron, dt) / UNITY


def threshold(weights: np.ndarray, biases: np.ndarray) -> int:
    """The highest threshold with which weights and biases, in units of the threshold, stay in Loihi's ranges."""
    ranges = ((MAX_WEIGHT, weights), (MAX_BIAS, biases))
    highest = [most / np.abs(array).max() for most, array in ranges if np.any(array)]
    return max(int(min([*highest, MAX_THRESHOLD])), 1)


def whole_weights(weights: np.ndarray, threshold: int) -> np.ndarray:
    """Weights in units of the threshold, as Loihi's: even whole numbers."""
    return np.clip(2 * np.rint(weights * (threshold / 2)), MIN_WEIGHT, MAX_WEIGHT).astype("int64")


def whole_biases(biases: np.ndarray, threshold: int) -> np.ndarray:
    """Biases in units of the threshold, as Loihi's mantissas."""
    return np.clip(np.rint(biases * threshold), -MAX_BIAS, MAX_BIAS).astype("int64")


def simulate(layers: Sequence[Layer], bias: np.ndarray, n_steps: int) -> dict[str, np.ndarray]:
    """Spikes of every layer, bit for bit as Lava's fixed-point models of Loihi give them.

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
