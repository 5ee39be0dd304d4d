"""What the layers of rate neurons share: mean outputs over a few steps, noise and rate regularizers in training.

What spiking neurons put out on average over a few time steps under a constant current.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError
from ..neurons import Neuron
from ..neurons.spike_train import spike_count
from .regularizers import FiringRate


def mean_output(neuron: Neuron, J: Any, n_steps: int, dt: float, initial_voltage: Any) -> Any:
    """Mean output over `n_steps` steps of `dt` seconds, without a gradient.

    Parameters
    ----------
    J : (n, *units) tensor
        Input current, constant in time.
    initial_voltage : float, or tensor that broadcasts against J
        Voltage before the first step.

    Returns
    -------
    (n, *units) tensor
        ``amplitude · spikes / (n_steps · dt)``.
    """
    J = ops.stop_gradient(J)  # before the loop too, so that no step is kept for the way back
    zero: Any = ops.zeros_like(J)
    state = {**dict.fromkeys(neuron.state, zero), "voltage": zero + initial_voltage}
    if neuron.has_spike_train(dt):
        spikes = spike_count(n_steps, *neuron.spike_train(J, state, dt, ops).phases(), ops)
    else:
        spikes = zero
        for _ in range(n_steps):
            fired, state = neuron.step(J, state, dt, ops)
            spikes = spikes + fired
    return ops.stop_gradient(spikes * (neuron.amplitude / (n_steps * dt)))


def check_few_steps(n_steps: Any, dt: Any, initial_voltage: Any) -> None:
    """Raise ParameterError unless these describe a run of a few steps."""
    if isinstance(n_steps, bool) or not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise ParameterError(f"n_steps must be a whole number above 0. Received {n_steps!r}.")
    if not (math.isfinite(dt) and dt > 0):
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    is_number = isinstance(initial_voltage, (int, float, np.number))
    if initial_voltage != "uniform" and not (is_number and -math.inf < initial_voltage <= 1):
        raise ParameterError(
            f"initial_voltage must be 'uniform' or a number up to 1, the threshold. Received {initial_voltage!r}."
        )


class NeuronLayer(keras.layers.Layer):
    """A layer of rate neurons.

    In inference the output is the rate at a constant current, times the amplitude: what `snnconv.convert` checks the
    spiking network against. In training it can be the mean output of a few time steps, and noisy.

    Abstract; use `LIF`, `IF`, `SteppedLIF` or `QuantizedReLU`. A subclass has `gain` and `bias` beside what is here.

    Parameters
    ----------
    spiking : bool
        Whether training sees the mean output over `n_steps` steps of `dt` seconds.
    initial_voltage : float or "uniform"
        Voltage before the first step, where the threshold is 1.
    noise : float
        Standard deviation of the noise on the rates in training, in Hz.
    """

    gain: Any
    bias: Any

    def __init__(
        self,
        *,
        spiking: bool,
        n_steps: int | None,
        dt: float,
        initial_voltage: float | str,
        noise: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        # Keras would call it with the output in the place of rates, and divide by the batch size or not, by version.
        self.rate_regularizer = None
        if isinstance(self.activity_regularizer, FiringRate):
            self.rate_regularizer, self.activity_regularizer = self.activity_regularizer, None
        self.spiking, self.n_steps, self.dt = bool(spiking), n_steps, dt
        self.initial_voltage, self.noise, self.seed = initial_voltage, noise, seed
        with self._explaining():
            if spiking and n_steps is None:
                raise ParameterError("spiking=True needs n_steps: the number of time steps that the network will run.")
            check_few_steps(1 if n_steps is None else n_steps, dt, initial_voltage)
            if not (math.isfinite(noise) and noise >= 0):
                raise ParameterError(f"noise must be a standard deviation in Hz, 0 or more. Received {noise!r}.")
        if noise or initial_voltage == "uniform":
            self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    @abstractmethod
    def neuron(self) -> Neuron:
        """The neuron model with this layer's parameters."""

    @property
    def amplitude(self) -> Any:
        """Output per Hz."""
        return self.neuron.amplitude

    def current(self, x: Any) -> Any:
        """The input current."""
        return x * self.gain + self.bias

    def rate(self, J: Any, training: bool) -> Any:
        """The rate function times the amplitude, in training with the slope that training uses."""
        return self.neuron.rate(J, ops)

    def training_output(self, J: Any, rate: Any) -> Any:
        """The output in training but for the noise: forward the mean of a few steps, backward the rate's slope."""
        if not self.spiking:
            return rate
        voltage: Any = self.initial_voltage
        if voltage == "uniform":
            voltage = keras.random.uniform(ops.shape(J), dtype=J.dtype, seed=self.seed_generator)
        mean = mean_output(self.neuron, J, self.n_steps, self.dt, voltage)  # pyright: ignore[reportArgumentType]
        return rate + ops.stop_gradient(mean - rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        inputs = ops.convert_to_tensor(inputs)
        J = self.current(ops.cast(inputs, self.variable_dtype))
        rate = self.rate(J, training)
        if self.rate_regularizer is not None:
            self.add_loss(self.rate_regularizer.penalty(rate / self.amplitude))
        output = rate
        if training:
            output = self.training_output(J, rate)
            if self.noise:
                output = output + self._noise(output)
        return ops.cast(output, inputs.dtype)

    def _noise(self, output: Any) -> Any:
        """Noise on the neurons that fire, which never makes an output negative."""
        drawn = keras.random.normal(ops.shape(output), dtype=output.dtype, seed=self.seed_generator)
        noise = ops.maximum(self.noise * self.amplitude * drawn, -output)
        return ops.stop_gradient(ops.where(output > 0, noise, ops.zeros_like(output)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.rate_regularizer is not None:
            config["activity_regularizer"] = keras.regularizers.serialize(self.rate_regularizer)
        names = ("n_steps", "dt", "noise", "seed")
        return {**config, **{name: getattr(self, name) for name in names}}

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Name the layer in an error about its parameters."""
        try:
            yield
        except ParameterError as error:
            raise ParameterError(f"layer '{self.name}' ({type(self).__name__}): {error}") from error
