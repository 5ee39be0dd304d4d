"""Keras callbacks: watch firing rates, or round kernels, while a model trains."""

from __future__ import annotations

import csv as csv_format
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..conversion.precision import all_layers
from ..errors import InputError, ModelFileError
from ..files.output import check_file
from ..files.writing import replacing
from ..layers import NeuronLayer
from .rounded_weights import RoundedWeights

__all__ = ["FiringRates", "LayerRates", "RoundedWeights"]

COLUMNS = ("epoch", "layer", "mean_rate", "max_rate", "silent", "above")


@dataclass(frozen=True)
class LayerRates:
    """Rates of one layer on some data.

    Attributes
    ----------
    mean_rate, max_rate : float
        Over samples and units, in Hz.
    silent : float
        Share of the units that fire for no sample, 0…1.
    above : float
        Share of all rates at or above the unit's rate at an input of 1, which is its max_rates before training; for a
        `QuantizedReLU` at its highest rate.
    unit_rates : (units,) array
        Mean rate of each unit over the samples, in Hz.
    """

    mean_rate: float
    max_rate: float
    silent: float
    above: float
    unit_rates: np.ndarray


class FiringRates(keras.callbacks.Callback):
    """Log the firing rates of each layer of `snnconv.layers` after every epoch.

    Adds, for a layer named lif, ``lif_mean_rate`` and ``lif_max_rate`` in Hz, ``lif_silent`` and ``lif_above`` to the
    logs of the epoch (see `LayerRates`), where `keras.callbacks.History` and the callbacks that come after this one in
    the list, such as CSVLogger and TensorBoard, find them.

    Parameters
    ----------
    data : (n, *input) array
        Samples to take the rates on, scaled as in training; a list or a dict of arrays where the model has several
        inputs. A few hundred are enough.
    log_dir : path or None
        Folder for TensorBoard: the same numbers, and a histogram of the units' mean rates per layer.
    csv : path or None
        CSV file with one row per epoch and layer, written anew after each epoch.
    batch_size : int
        Samples to take at a time.

    Raises
    ------
    InputError
        When training starts, if the model has no layer of `snnconv.layers`, or the data does not fit its inputs.
    ModelFileError
        When training starts, if `csv` cannot be written, or its name ends as those of another format do, or if
        `log_dir` is a file.
    """

    def __init__(
        self,
        data: Any,
        log_dir: str | os.PathLike[str] | None = None,
        csv: str | os.PathLike[str] | None = None,
        batch_size: int = 128,
    ):
        super().__init__()
        self.data, self.log_dir, self.csv, self.batch_size = data, log_dir, csv, batch_size
        self._rows: list[tuple[Any, ...]] = []
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._rows = []
        model: Any = self.model
        if not any(isinstance(layer, NeuronLayer) for layer in all_layers(model).values()):
            raise InputError(f"FiringRates: the model '{model.name}' has no layer of snnconv.layers.")
        self._inputs()
        if self.csv is not None:
            check_file(self.csv, (".csv",))  # now, and not after an epoch
        if self.log_dir is not None:
            if os.path.isfile(self.log_dir):
                raise ModelFileError(f"FiringRates: log_dir must be a folder. '{os.fspath(self.log_dir)}' is a file.")
            import tensorflow as tf

            self._writer = tf.summary.create_file_writer(os.fspath(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rates = self.rates()
        for name, layer in rates.items():
            values = {column: getattr(layer, column) for column in COLUMNS[2:]}
            if logs is not None:
                logs.update({f"{name}_{column}": value for column, value in values.items()})
            self._rows.append((epoch, name, *values.values()))
        if self.csv is not None:
            with replacing(self.csv) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
                csv_format.writer(file).writerows([COLUMNS, *self._rows])
        if self._writer is not None:
            _write_summaries(self._writer, rates, epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def rates(self) -> dict[str, LayerRates]:
        """Rates of the model on the data, by layer; of a layer that is called more than once, by call."""
        from ..conversion.trace import keras_values

        model: Any = self.model
        inputs, layers = self._inputs(), all_layers(model)
        found: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(inputs[0]), self.batch_size):
            values, _ = keras_values(model, [x[start : start + self.batch_size] for x in inputs])
            for name, value in values.items():
                layer = layers.get(name.rpartition(".")[2].partition("@")[0])
                if isinstance(layer, NeuronLayer):
                    found.setdefault(name, []).append(value.astype("float32") / layer.neuron.amplitude)
        return {
            name: _layer_rates(np.concatenate(parts), layers[name.rpartition(".")[2].partition("@")[0]])
            for name, parts in found.items()
        }

    def _inputs(self) -> list[np.ndarray]:
        """The data as one array per input of the model."""
        model: Any = self.model
        data, tensors = self.data, model.inputs
        if isinstance(data, Mapping):
            names = [getattr(tensor, "name", "") for tensor in tensors]
            if set(data) != set(names):
                raise InputError(
                    f"FiringRates: data must have the keys {names}, the model's inputs. Received {list(data)}."
                )
            data = [data[name] for name in names]
        arrays = [np.asarray(x) for x in (data if isinstance(data, (list, tuple)) else [data])]
        fits = len(arrays) == len(tensors) and all(
            x.ndim == len(tensor.shape)
            and len(x)
            and all(size in (None, own) for size, own in zip(tensor.shape[1:], x.shape[1:], strict=True))
            for x, tensor in zip(arrays, tensors, strict=True)
        )
        if not fits:
            raise InputError(
                f"FiringRates: data must hold samples for the inputs {[tensor.shape for tensor in tensors]}. Received "
                f"shapes {[x.shape for x in arrays]}."
            )
        return arrays


def _layer_rates(rates: np.ndarray, layer: NeuronLayer) -> LayerRates:
    gain, bias = (np.asarray(keras.ops.convert_to_numpy(array), "float64") for array in (layer.gain, layer.bias))
    highest, _ = layer.neuron.max_rates_intercepts(gain, bias)
    limit = getattr(layer.neuron, "rate_limit", None)
    highest = highest if limit is None else limit
    return LayerRates(
        mean_rate=float(rates.mean()),
        max_rate=float(rates.max()),
        silent=float(np.mean(~np.any(rates > 0, axis=0))),
        above=float(np.mean(rates >= (1 - 1e-5) * highest)),  # float32 may fall short of it
        unit_rates=rates.mean(axis=0).ravel(),
    )


def _write_summaries(writer: Any, rates: Mapping[str, LayerRates], epoch: int) -> None:
    """Scalars and histograms as TensorBoard reads them; tf.summary.scalar itself needs TensorBoard installed."""
    import tensorflow as tf

    def write(tag: str, plugin: str, data_class: int, value: Any) -> None:
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin), data_class=data_class
        )
        tf.summary.write(tag, tf.constant(value, "float32"), step=epoch, metadata=metadata)

    with writer.as_default():
        for name, layer in rates.items():
            for column in COLUMNS[2:]:
                write(f"rates/{name}/{column}", "scalars", 1, getattr(layer, column))
            counts, edges = np.histogram(layer.unit_rates, bins=30)
            write(f"rates/{name}", "histograms", 2, np.stack([edges[:-1], edges[1:], counts], axis=1))
    writer.flush()
