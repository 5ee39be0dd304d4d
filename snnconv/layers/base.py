"""The base class of all layers of rate neurons: the call, rate regularizers, and training in spikes and with noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import keras
from keras import ops

from ..errors import ParameterError
from ..neurons import Neuron
from .regularizers import FiringRate
from .spiking import SpikingTraining


class NeuronLayer(keras.layers.Layer):
    """A layer of rate neurons.

    In inference the output is the rate at a constant current, times the amplitude: what `snnconv.convert` checks the
    spiking network against. In training it can be the mean output of a few time steps, and noisy.

    Abstract; use `LIF`, `IF`, `SteppedLIF`, `QuantizedReLU`, or `Rate` for any other neuron. A subclass has `gain` and
    `bias` beside what is here.

    Parameters
    ----------
    training : SpikingTraining
        Options of training; the layer has an attribute of the same name for each.
    """

    gain: Any
    bias: Any

    spiking = property(attrgetter("spiking_training.spiking"))
    n_steps = property(attrgetter("spiking_training.n_steps"))
    dt = property(attrgetter("spiking_training.dt"))
    initial_voltage = property(attrgetter("spiking_training.initial_voltage"))
    noise = property(attrgetter("spiking_training.noise"))
    seed = property(attrgetter("spiking_training.seed"))

    def __init__(self, training: SpikingTraining, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        # Keras would call it with the output in the place of rates, and divide by the batch size or not, by version.
        self.rate_regularizer = None
        if isinstance(self.activity_regularizer, FiringRate):
            self.rate_regularizer, self.activity_regularizer = self.activity_regularizer, None
        self.spiking_training = training
        with self._explaining():
            training.check()
        self.seed_generator = training.random_numbers()

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
        return self.spiking_training.output(self.neuron, J, rate, self.seed_generator)

    def call(self, inputs: Any, training: bool = False) -> Any:
        inputs = ops.convert_to_tensor(inputs)
        J = self.current(ops.cast(inputs, self.variable_dtype))
        rate = self.rate(J, training)
        if self.rate_regularizer is not None:
            self.add_loss(self.rate_regularizer.penalty(rate / self.amplitude))
        output = rate
        if training:
            output = self.spiking_training.noisy(self.training_output(J, rate), self.amplitude, self.seed_generator)
        return ops.cast(output, inputs.dtype)

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
