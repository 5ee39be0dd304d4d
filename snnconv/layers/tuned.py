"""Layers whose gain and bias follow from max_rates and intercepts.

Both are given as a number, as one value per unit, as a range to draw from, or as an initializer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError
from ..neurons import Neuron
from .base import NeuronLayer
from .spiking import SpikingTraining

Tuning = float | Sequence[float] | np.ndarray | tuple[float, float] | keras.initializers.Initializer


class TunedLayer(NeuronLayer):
    """A layer of rate neurons: ``output = rate(gain · input + bias)``.

    Weights: `bias`, trained, and `gain`, fixed; both follow from max_rates and intercepts when the layer is built.
    Abstract; use `LIF`, `IF`, `SteppedLIF` or `Rate`.

    Parameters
    ----------
    neuron : Neuron
    max_rates, intercepts : float, array, (low, high) tuple or keras initializer
        As for `LIF`.
    training : SpikingTraining
    slope : Neuron or None
        Neuron whose rate has the slope that training uses; None: `neuron` itself.
    shared_axes : int, sequence of int, or None
        As for `LIF`.
    """

    def __init__(
        self,
        neuron: Neuron,
        max_rates: Tuning,
        intercepts: Tuning,
        training: SpikingTraining,
        *,
        slope: Neuron | None = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(training, **kwargs)
        seed = training.seed
        self._neuron, self._slope = neuron, neuron if slope is None else slope
        with self._explaining():
            self.max_rates = _as_tuning(max_rates, seed)
            self.intercepts = _as_tuning(intercepts, None if seed is None else seed + 1)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        with self._explaining():  # an initializer shows its values when the layer is built
            for rate in _ends(max_rates, self.max_rates, 1e-3):
                for intercept in _ends(intercepts, self.intercepts, 0.0):
                    neuron.gain_bias(rate, intercept)

    @property
    def neuron(self) -> Neuron:
        return self._neuron

    def rate(self, J: Any, training: bool) -> Any:
        rate = self._neuron.rate(J, ops)
        if not training or self._slope == self._neuron:
            return rate
        sloped = self._slope.rate(J, ops)
        return sloped + ops.stop_gradient(rate - sloped)

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

    def get_config(self) -> dict[str, Any]:
        tuning = {"max_rates": _serialized(self.max_rates), "intercepts": _serialized(self.intercepts)}
        shared = None if self.shared_axes is None else list(self.shared_axes)
        few_steps = {"spiking": self.spiking, "initial_voltage": self.initial_voltage}
        return {**super().get_config(), **tuning, **self._neuron_config(), **few_steps, "shared_axes": shared}

    def _neuron_config(self) -> dict[str, Any]:
        """The arguments of the layer that make its neuron."""
        return self._neuron.parameters()

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


def _constant(value: np.ndarray) -> Any:
    return lambda shape, dtype: ops.convert_to_tensor(np.broadcast_to(value, shape), dtype)


def _as_tuning(value: Any, seed: int | None) -> Any:
    """A number as float, several as an array, a range or a description of an initializer as an initializer."""
    if isinstance(value, tuple):
        if len(value) != 2 or not value[0] <= value[1]:
            raise ParameterError(f"a tuple is a range (low, high); values for units go in a list. Received {value!r}.")
        return keras.initializers.RandomUniform(*value, seed=seed)
    try:
        if isinstance(value, (dict, str, keras.initializers.Initializer)):
            return keras.initializers.get(value)
        value = np.asarray(value, "float64")
    except (ValueError, TypeError):
        raise ParameterError(
            f"max_rates and intercepts are a number, one value per unit, a range (low, high) or a keras initializer. "
            f"Received {value!r}."
        ) from None
    return float(value) if value.ndim == 0 else value


def _ends(given: Any, tuning: Any, default: float) -> tuple[Any, ...]:
    """Both ends of a range, or the values themselves; the default where an initializer draws them."""
    if isinstance(given, tuple):
        return given
    return (default,) if isinstance(tuning, keras.initializers.Initializer) else (tuning,)


def _serialized(tuning: Any) -> Any:
    """A tuning in types that JSON can hold."""
    if isinstance(tuning, keras.initializers.Initializer):
        return keras.initializers.serialize(tuning)
    return np.asarray(tuning).tolist()
