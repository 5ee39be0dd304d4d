"""The ReLU that n steps of an integrate-and-fire neuron can tell apart."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from .. import neurons
from ..errors import ParameterError
from .base import NeuronLayer
from .spiking import SpikingTraining


class _AtLeast(keras.constraints.Constraint):
    """A floor of a weight; most versions of Keras take no plain function in its place."""

    def __init__(self, smallest: float):
        self.smallest = smallest

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, self.smallest)


@keras.saving.register_keras_serializable(package="snnconv")
class QuantizedReLU(NeuronLayer):
    """A ReLU with a trained ceiling, quantised in training to what `n_steps` time steps can tell apart.

    In training ``output = λ/T · clip(floor(T·input/λ + 1/2), 0, T)`` with T = `n_steps`; the gradient is that of
    ``clip(input, 0, λ)``, and for λ that of the formula with a floor that is passed through. In inference the output is
    ``clip(input, 0, λ)``, the rate in many steps.

    It converts to `snnconv.neurons.IF` with at most one spike per step of height λ, no floor of the voltage, and an
    initial voltage of 1/2. Under a constant current the mean of T steps is then exactly what training saw; behind other
    spiking layers it is so for the most part, since spikes that come unevenly can be one too many or too few.

    Parameters
    ----------
    n_steps : int
        Number of time steps that the network will run.
    max_value : float
        λ before training; above 0. It is a weight, one for the layer.
    dt : float
        Length of a step, in seconds. Spike height and threshold are such that the network works as trained at this dt.
    noise : float
        Standard deviation of the noise that training adds to the rates of neurons that fire, in Hz.
    seed : int or None
        Seed of the noise.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    Bu, Fang, Ding, Dai, Yu and Huang (2022), "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency
    spiking neural networks".
    """

    def __init__(
        self,
        n_steps: int,
        *,
        max_value: float = 4.0,
        dt: float = 0.001,
        noise: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(SpikingTraining(True, n_steps, dt, 0.5, noise, seed), **kwargs)
        if not (math.isfinite(max_value) and max_value > 0):
            raise ParameterError(
                f"layer '{self.name}' (QuantizedReLU): max_value must be a finite number above 0. Received "
                f"{max_value!r}."
            )
        self.initial_max_value = float(max_value)

    def build(self, input_shape: Any) -> None:
        smallest = 1e-3 * self.initial_max_value
        self.max_value = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_max_value),
            constraint=_AtLeast(smallest),
            name="max_value",
            autocast=False,
        )

    @property
    def amplitude(self) -> Any:
        return self.max_value * self.dt

    @property
    def neuron(self) -> neurons.IF:
        max_value: Any = ops.convert_to_numpy(self.max_value)
        amplitude = float(max_value) * self.dt
        return neurons.IF(amplitude, min_voltage=-math.inf, max_spikes=1, rate_limit=1 / self.dt)

    @property
    def gain(self) -> np.ndarray:
        """Hz per unit of the input."""
        return np.asarray(1 / self.neuron.amplitude)

    @property
    def bias(self) -> np.ndarray:
        """No current is added."""
        return np.zeros(())

    def current(self, x: Any) -> Any:
        return x / self.amplitude

    def rate(self, J: Any, training: bool) -> Any:
        return self.max_value * self._share(J)

    def training_output(self, J: Any, rate: Any) -> Any:
        share = self._share(J)
        quantised: Any = ops.floor(share * self.n_steps + 0.5)
        quantised = quantised / self.n_steps
        return self.max_value * (share + ops.stop_gradient(quantised - share))

    def _share(self, J: Any) -> Any:
        """The rate as a share of the highest, 0…1."""
        return ops.clip(J * self.dt, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_value": self.initial_max_value}
