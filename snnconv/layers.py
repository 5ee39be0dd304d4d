"""Keras layers of rate neurons: train with them, then `snnconv.convert` the model.

They are built on keras.ops alone, so they train on every Keras backend.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from . import neurons
from .errors import ParameterError
from .neurons import Neuron

Tuning = float | Sequence[float] | np.ndarray | tuple[float, float] | keras.initializers.Initializer


class NeuronLayer(keras.layers.Layer):
    """A layer of rate neurons: ``output = rate(gain · input + bias)``.

    Weights: `bias`, trained, and `gain`, fixed; both follow from max_rates and intercepts when the layer is built.
    Abstract; use `LIF` or `IF`.
    """

    def __init__(
        self,
        max_rates: Tuning,
        intercepts: Tuning,
        *,
        shared_axes: int | Sequence[int] | None,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_rates = _tuning(max_rates, seed)
        self.intercepts = _tuning(intercepts, None if seed is None else seed + 1)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.seed = seed
        try:  # an initializer shows its values when the layer is built
            for rate in _ends(max_rates, self.max_rates, 1e-3):
                for intercept in _ends(intercepts, self.intercepts, 0.0):
                    self.neuron.gain_bias(rate, intercept)
        except ParameterError as error:
            raise ParameterError(f"layer '{self.name}' ({type(self).__name__}): {error}") from error

    @property
    @abstractmethod
    def neuron(self) -> Neuron:
        """The neuron model with this layer's parameters."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = self._parameter_shape(tuple(input_shape))
        values = []
        tuning: Any
        for name, tuning in (("max_rates", self.max_rates), ("intercepts", self.intercepts)):
            if isinstance(tuning, keras.initializers.Initializer):
                tuning = ops.convert_to_numpy(tuning(shape, dtype="float32"))  # pyright: ignore[reportCallIssue]
            try:
                values.append(np.broadcast_to(np.asarray(tuning, "float64"), shape))
            except ValueError as error:
                raise ParameterError(
                    f"layer '{self.name}' ({type(self).__name__}): {name} has shape {np.shape(tuning)}, which does not "
                    f"fit the units' {shape}. Pass a number, or one value for each of them."
                ) from error
        gain, bias = self.neuron.gain_bias(*values)
        # autocast=False: under mixed precision the current and the rate stay in float32
        self.gain = self.add_weight(
            shape=shape, initializer=_constant(gain), trainable=False, name="gain", autocast=False
        )
        self.bias = self.add_weight(shape=shape, initializer=_constant(bias), name="bias", autocast=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        inputs = ops.convert_to_tensor(inputs)
        J = ops.cast(inputs, self.variable_dtype) * self.gain + self.bias
        rate = self.training_rate(J) if training else self.neuron.rate(J, ops)
        return ops.cast(rate, inputs.dtype)

    def training_rate(self, J: Any) -> Any:
        """The rate function with the slope that training uses."""
        return self.neuron.rate(J, ops)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        tuning = {
            name: keras.initializers.serialize(value)
            if isinstance(value, keras.initializers.Initializer)
            else np.asarray(value).tolist()
            for name, value in (("max_rates", self.max_rates), ("intercepts", self.intercepts))
        }
        shared = None if self.shared_axes is None else list(self.shared_axes)
        return {**super().get_config(), **tuning, **self.neuron.parameters(), "shared_axes": shared, "seed": self.seed}

    def _parameter_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int, ...]:
        rank = len(input_shape)
        shared = range(1, rank - 1) if self.shared_axes is None else self.shared_axes
        if not all(1 <= (axis + rank if axis < 0 else axis) < rank for axis in shared):
            raise ParameterError(
                f"layer '{self.name}' ({type(self).__name__}): shared_axes must be axes of the input {input_shape} "
                f"without that of the samples, 0. Received {list(shared)}."
            )
        shared = {axis % rank for axis in shared}
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(input_shape))[1:]
        if None in shape:
            raise ParameterError(
                f"layer '{self.name}' ({type(self).__name__}) needs to know the size of every axis that it does not "
                f"share. Received input shape {input_shape}. Give the model a full input shape, or name the open axes "
                f"in shared_axes."
            )
        return shape  # pyright: ignore[reportReturnType]


@keras.saving.register_keras_serializable(package="snnconv")
class LIF(NeuronLayer):
    """Leaky integrate-and-fire neurons, as rates in training and as spikes after conversion.

    ``output = amplitude / (tau_ref + tau_rc · log1p(1/(J - 1)))`` for ``J = gain · input + bias`` above 1, else 0.

    Parameters
    ----------
    max_rates : float, array, (low, high) tuple or keras initializer
        Firing rate at an input of 1, in Hz; below 1/tau_ref. A list or an array holds one value per unit; a tuple is
        a range from which values are drawn uniformly.
    intercepts : likewise
        Input at which a neuron starts to fire, before training; below 1.
    tau_rc, tau_ref : float
        Membrane time constant and refractory period, in seconds.
    amplitude : float
        Output is the rate in Hz times this. The default makes an input of 1 an output of 1.
    min_voltage : float
        Floor of the voltage in the spiking network; 0 or less.
    smoothing : float
        Width of the soft LIF (see `snnconv.neurons.LIF`); 0 means none. The rates then differ from those in spikes.
    gradient_smoothing : float
        Width of the soft LIF whose slope training uses where `smoothing` is 0: the rates stay those of the LIF, and
        only the gradient is smooth. 0 uses the LIF's own slope, which is infinite at threshold: a CNN on Fashion-MNIST
        then ends two to three points lower.
    shared_axes : int, sequence of int, or None
        Axes along which gain and bias are shared, counted with the batch as in keras.layers.PReLU. None shares all
        axes between the batch and the last: one value per unit after Dense, one per channel after a convolution.
    seed : int or None
        Seed of the values drawn for (low, high).

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        max_rates: Tuning = 100.0,
        intercepts: Tuning = 0.0,
        *,
        tau_rc: float = 0.02,
        tau_ref: float = 0.002,
        amplitude: float = 0.01,
        min_voltage: float = 0.0,
        smoothing: float = 0.0,
        gradient_smoothing: float = 0.02,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        self._neuron = neurons.LIF(tau_rc, tau_ref, amplitude, min_voltage, smoothing)
        self._sloped = dataclasses.replace(self._neuron, smoothing=smoothing or gradient_smoothing)
        self.gradient_smoothing = gradient_smoothing
        super().__init__(max_rates, intercepts, shared_axes=shared_axes, seed=seed, **kwargs)

    @property
    def neuron(self) -> neurons.LIF:
        return self._neuron

    def training_rate(self, J: Any) -> Any:
        rate = self._neuron.rate(J, ops)
        if self._sloped == self._neuron:
            return rate
        sloped = self._sloped.rate(J, ops)
        return sloped + ops.stop_gradient(rate - sloped)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_smoothing": self.gradient_smoothing}


@keras.saving.register_keras_serializable(package="snnconv")
class IF(NeuronLayer):
    """Integrate-and-fire neurons: a ReLU with a bias, ``output = amplitude · max(gain · input + bias, 0)``.

    With the defaults the output is ``relu(input)`` before training.

    Parameters
    ----------
    max_rates, intercepts, amplitude, shared_axes, seed
        As for `LIF`; max_rates has no upper limit.
    min_voltage, max_spikes
        See `snnconv.neurons.IF`.

    Raises
    ------
    ParameterError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        max_rates: Tuning = 100.0,
        intercepts: Tuning = 0.0,
        *,
        amplitude: float = 0.01,
        min_voltage: float | None = None,
        max_spikes: int | None = None,
        shared_axes: int | Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        self._neuron = neurons.IF(amplitude, min_voltage, max_spikes)
        super().__init__(max_rates, intercepts, shared_axes=shared_axes, seed=seed, **kwargs)

    @property
    def neuron(self) -> neurons.IF:
        return self._neuron


def _tuning(value: Any, seed: int | None) -> Any:
    """A number as float, several as an array, a range or a description of an initializer as an initializer."""
    if isinstance(value, tuple):
        if len(value) != 2 or not value[0] <= value[1]:
            raise ParameterError(f"a tuple is a range (low, high); values for units go in a list. Received {value!r}.")
        return keras.initializers.RandomUniform(*value, seed=seed)
    if isinstance(value, (dict, str, keras.initializers.Initializer)):
        return keras.initializers.get(value)
    value = np.asarray(value, "float64")
    return float(value) if value.ndim == 0 else value


def _ends(given: Any, tuning: Any, default: float) -> tuple[Any, ...]:
    """Both ends of a range, or the values themselves; the default where an initializer draws them."""
    if isinstance(given, tuple):
        return given
    return (default,) if isinstance(tuning, keras.initializers.Initializer) else (tuning,)


def _constant(value: np.ndarray) -> Any:
    return lambda shape, dtype: ops.convert_to_tensor(np.broadcast_to(value, shape), dtype)
