"""Training: from a config to a trained Keras model of rate neurons."""

from __future__ import annotations

import inspect
import os
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, ModelFileError, one_line
from ..files.output import MARK
from ..files.toml import unknown
from ..files.writing import replacing
from . import datasets
from .config import Config, LayerConfig, TrainingConfig
from .datasets import Dataset

if TYPE_CHECKING:
    import keras

_LAYER_ARGUMENTS = {"name", "dtype", "trainable", "activity_regularizer", "autocast"}  # of every Keras layer


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained model with its data, its history and its accuracy.

    Attributes
    ----------
    model : keras.Model
        The trained model.
    dataset : Dataset
        The data it was trained on.
    history : dict of str to list of float
        Loss and accuracy on the training data, one value per epoch.
    rate_accuracy : float
        Share of the test data that the model classifies as it should, 0…1.
    seconds : float
        Time that training took.
    """

    model: keras.Model
    dataset: Dataset
    history: Mapping[str, list[float]]
    rate_accuracy: float
    seconds: float

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a .keras file, whole or not at all.

        Raises
        ------
        ModelFileError
            If the path does not end in .keras, or cannot be written.
        """
        if not os.fspath(path).endswith(".keras"):
            raise ModelFileError(f"cannot write '{path}': the name of a Keras model must end in .keras.")
        with replacing(path) as temporary:
            self.model.save(temporary)
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.comment = MARK.encode()


def build_model(config: Config, input_shape: Sequence[int], n_classes: int | None = None) -> keras.Model:
    """Build the model that [[model.layers]] describes; weights are drawn from Keras' global seed.

    Parameters
    ----------
    input_shape : sequence of int
        Shape of one sample.
    n_classes : int or None
        Number of classes; where given, the size of the last layer is checked against it.

    Raises
    ------
    ConfigError
        If a layer or an argument is unknown, or does not fit its input.
    """
    import keras

    model = keras.Sequential([keras.Input(tuple(input_shape))], name=_layer_name(config.name))
    for number, layer in enumerate(config.model.layers, 1):
        where = f"[[model.layers]] {number} ({layer.type})"
        kind = _layer_type(config, layer, number)
        arguments = {key: _range(value) for key, value in layer.arguments.items()}
        _check_arguments(config, kind, arguments, where)
        with _explained(config, where):
            model.add(kind(**arguments))
    shape = tuple(model.output_shape or ())[1:]
    if n_classes is not None and shape != (n_classes,):
        raise ConfigError(
            f"{config.source}: the last of [[model.layers]] must give {n_classes} values, one per class. "
            f"Received the shape {shape}. End with Flatten, and Dense with units = {n_classes}."
        )
    return model


def train(
    config: Config, *, dataset: Dataset | None = None, verbose: bool = True, callbacks: Sequence[Any] = ()
) -> TrainedModel:
    """Train the model of a config.

    Parameters
    ----------
    dataset : Dataset or None
        Data to use in place of what [data] names.
    verbose : bool
        Whether Keras shows its progress.
    callbacks : sequence of keras.callbacks.Callback
        Passed to ``model.fit``.

    Raises
    ------
    ConfigError
        If the config does not fit Keras or the data, or training diverges.
    DataError
        If the dataset is not found or damaged.
    """
    import keras

    dataset = datasets.load(config.data.dataset, config.data.path) if dataset is None else dataset
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, dataset.input_shape, dataset.n_classes)
    settings = config.training
    is_one_hot = settings.loss == "mean_squared_error"
    model.compile(
        _optimizer(config, n_steps=settings.epochs * -(-len(dataset.x_train) // settings.batch_size)),
        _loss(settings, model),
        metrics=["categorical_accuracy" if is_one_hot else "accuracy"],
        jit_compile=False,  # pyright: ignore[reportArgumentType]  # XLA's convolutions of one channel are slow
    )
    y_train = np.eye(dataset.n_classes, dtype="float32")[dataset.y_train] if is_one_hot else dataset.y_train
    start = time.perf_counter()
    fitted = model.fit(
        dataset.x_train,
        y_train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose="auto" if verbose else 0,  # pyright: ignore[reportArgumentType]
        callbacks=[keras.callbacks.TerminateOnNaN(), *callbacks],
    )
    seconds = time.perf_counter() - start
    history = {key: [float(value) for value in values] for key, values in fitted.history.items()}
    if not np.isfinite(history["loss"]).all():
        raise ConfigError(
            f"{config.source}: training diverged, the loss became {history['loss'][-1]} in epoch "
            f"{len(history['loss'])}. Lower learning_rate in [training]."
        )
    return TrainedModel(model, dataset, history, rate_accuracy(model, dataset), seconds)


def rate_accuracy(model: keras.Model, dataset: Dataset, batch_size: int = 256) -> float:
    """Share of the test data that a Keras model classifies as it should."""
    outputs = model.predict(dataset.x_test, batch_size=batch_size, verbose=0)  # pyright: ignore[reportArgumentType]
    return float(np.mean(np.argmax(outputs, axis=-1) == dataset.y_test))


def _layer_types() -> dict[str, type]:
    import keras

    from .. import layers

    found = {}
    for module, base in ((keras.layers, keras.layers.Layer), (layers, layers.NeuronLayer)):
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base) and not inspect.isabstract(value):
                found[name] = value
    del found["Layer"], found["InputLayer"]
    return {name: kind for name, kind in found.items() if kind is not layers.NeuronLayer}


def _layer_type(config: Config, layer: LayerConfig, number: int) -> Any:
    types = _layer_types()
    if layer.type not in types:
        raise unknown(config.source, f"[[model.layers]] {number}", "layer type", layer.type, types)
    return types[layer.type]


def _check_arguments(config: Config, kind: Any, arguments: Mapping[str, Any], where: str) -> None:
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    takes_more = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    known = {*named, *(_LAYER_ARGUMENTS if takes_more else ())}
    for key in arguments:
        if key not in known:
            raise unknown(config.source, where, "argument", key, known)
    for key, parameter in named.items():
        if parameter.default is parameter.empty and key not in arguments:
            raise ConfigError(f"{config.source}: {where} lacks the argument '{key}'.")


def _range(value: Any) -> Any:
    """The tuple (low, high) for {low = …, high = …}: TOML has lists only, and a list is one value per unit."""
    if isinstance(value, Mapping) and set(value) == {"low", "high"}:
        return value["low"], value["high"]
    return value


def _optimizer(config: Config, n_steps: int) -> keras.optimizers.Optimizer:
    import keras

    settings = config.training
    base = keras.optimizers.Optimizer
    types = {
        name.lower(): value
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type) and issubclass(value, base) and name not in ("Optimizer", "LossScaleOptimizer")
    }
    if settings.optimizer.lower() not in types:
        raise unknown(config.source, "[training]", "optimizer", settings.optimizer, types)
    rate: Any = settings.learning_rate
    if settings.learning_rate_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, n_steps)
    return types[settings.optimizer.lower()](learning_rate=rate)


def _loss(settings: TrainingConfig, model: keras.Model) -> keras.losses.Loss:
    import keras

    if settings.loss == "mean_squared_error":
        return keras.losses.MeanSquaredError()
    last = model.layers[-1]
    ends_in_softmax = isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )
    return keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax)


def _layer_name(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name) or "model"


@contextmanager
def _explained(config: Config, where: str) -> Iterator[None]:
    """Turn what Keras raises on a layer into one line that says which layer it was."""
    try:
        yield
    except Exception as error:
        raise ConfigError(f"{config.source}: {where}: {one_line(error)}") from error
