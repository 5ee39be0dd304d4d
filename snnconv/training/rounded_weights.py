"""A Keras callback that trains with kernels of few bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..conversion.precision import all_layers
from ..errors import ParameterError
from ..neurons.base import is_whole
from ..quantize.scales import ends, most_level, rounded
from .unrolled.layers import LinearNode

DENSE = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


@dataclass(eq=False)
class _Kernel:
    """A kernel as (n, channels) columns that are rounded each for itself.

    Parameters
    ----------
    variable : keras.Variable
        Holds the rounded kernel.
    n_columns : int
        Channels that have a scale of their own.
    fine : (n, n_columns) float64 array
        The kernel that training moves.
    share : (n_columns,) array
        Size of weight that becomes the largest integer, as a share of the largest one.
    held : (n, n_columns) array
        What the variable held after the last rounding.
    """

    variable: Any
    n_columns: int
    fine: np.ndarray
    share: np.ndarray
    held: np.ndarray

    def read(self) -> np.ndarray:
        """The values of the variable."""
        array: Any = keras.ops.convert_to_numpy(self.variable)
        return array.astype("float64").reshape(-1, self.n_columns)

    def choose_ends(self, weight_bits: int) -> None:
        """Choose anew which weights are cut off."""
        largest = np.abs(self.fine).max(0)
        self.share = ends(self.fine, weight_bits) / np.where(largest > 0, largest, 1.0)

    def round(self, weight_bits: int) -> None:
        """Put the rounded kernel into the variable."""
        end = self.share * np.abs(self.fine).max(0)
        step = np.where(end > 0, end, 1.0) / most_level(weight_bits)
        self.variable.assign((rounded(self.fine, 1 / step, weight_bits) * step).reshape(self.variable.shape))
        self.held = self.read()


class RoundedWeights(keras.callbacks.Callback):
    """Train with the kernels that `snnconv.quantize` will make of the model's: rounded to `weight_bits` bits.

    After every batch the change that the optimizer made to the rounded kernels is made to a fine copy of them, and
    that is rounded anew: gradients are those at the rounded kernels, and pass the rounding unchanged. Each channel has
    a scale of its own; the model's last kernel, which is read out, one for all. Between batches and at the end the
    model holds rounded kernels, so that its accuracy, in validation too, is that of few bits, and `quantize` with as
    many bits changes them no more. Start it from a trained model: some epochs with a low learning rate are enough.

    Kernels of dense layers and of plain and depthwise convolutions are rounded. A BatchNormalization behind them
    scales channels, which keeps the integers; another linear layer behind them, without neurons between, does not.
    So are the kernels of a model that `graph.to_keras` made: `snnconv.finetune` with this callback trains spikes and
    integers together.

    Parameters
    ----------
    weight_bits : int
        Bits of a weight, its sign included; 2 to 16.

    Raises
    ------
    ParameterError
        If weight_bits is out of its range; when training starts, if the model has no such kernel, runs several batches
        per execution, or the backend is JAX, which keeps weights out of a callback's reach.

    References
    ----------
    Bengio, Léonard and Courville (2013), "Estimating or propagating gradients through stochastic neurons", for the
    gradient that passes the rounding (the straight-through estimator).

    Examples
    --------
    >>> model.fit(x, y, epochs=5, callbacks=[snnconv.callbacks.RoundedWeights(4)])
    >>> integers = snnconv.quantize.quantize(snnconv.convert(model), 4)
    """

    def __init__(self, weight_bits: int):
        super().__init__()
        if not is_whole(weight_bits, 2) or weight_bits > 16:
            raise ParameterError(
                f"RoundedWeights: weight_bits must be a whole number from 2 to 16. Received {weight_bits!r}."
            )
        self.weight_bits = int(weight_bits)
        self._kernels: list[_Kernel] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        model: Any = self.model
        if keras.backend.backend() == "jax":
            raise ParameterError("RoundedWeights works on the TensorFlow and PyTorch backends. Received 'jax'.")
        if getattr(model, "steps_per_execution", 1) != 1:
            raise ParameterError(
                f"RoundedWeights rounds after every batch. Received steps_per_execution={model.steps_per_execution}; "
                f"compile the model with 1."
            )
        self._kernels = _kernels(model)
        if not self._kernels:
            raise ParameterError(f"RoundedWeights: the model '{model.name}' has no dense layer and no convolution.")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for kernel in self._kernels:
            kernel.choose_ends(self.weight_bits)
            kernel.round(self.weight_bits)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        for kernel in self._kernels:
            kernel.fine = kernel.fine + (kernel.read() - kernel.held)
            kernel.round(self.weight_bits)


def _kernels(model: Any) -> list[_Kernel]:
    """The kernels of a model in the order of its layers."""
    variables = [
        (variable, isinstance(layer, DEPTHWISE))
        for layer in all_layers(model).values()
        if (variable := _kernel_of(layer)) is not None
    ]
    found = []
    for variable, is_depthwise in variables:
        shape = variable.shape
        n_columns = shape[-2] * shape[-1] if is_depthwise else shape[-1]
        n_columns = 1 if variable is variables[-1][0] else n_columns
        array: Any = keras.ops.convert_to_numpy(variable)
        fine = array.astype("float64").reshape(-1, n_columns)
        found.append(_Kernel(variable, n_columns, fine, np.ones(n_columns), fine))
    return found


def _kernel_of(layer: Any) -> Any:
    """The kernel of a layer that has one to be rounded."""
    if isinstance(layer, LinearNode):
        return layer.variables_of.get("kernel")
    return layer.kernel if isinstance(layer, (*DENSE, *DEPTHWISE)) else None
