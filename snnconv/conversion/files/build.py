"""The construction of a model from a repaired config, without more weights than the file has numbers for."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np

from ...errors import ModelFileError, SnnconvError, one_line
from ...files.limits import check_values

# Weights start at this number, which no training gives to all of them, so that one that was not loaded shows.
UNSET = 2**-7 * (1 + 3 / 128)  # the same in float16, bfloat16 and float32

SLACK = 10**6  # so many weights too many are built, since what comes later can say which of them are not in the file

_allowance: ContextVar[list[int] | None] = ContextVar("allowance", default=None)
_lock = threading.Lock()


def build(make: Callable[[], Any], n_numbers: int) -> Any:
    """A model as `make` gives it, all of its weights unset or loaded by `make`.

    Parameters
    ----------
    make : function without arguments
        Calls Keras.
    n_numbers : int
        How many numbers there are for its weights.

    Raises
    ------
    ModelFileError
        If Keras cannot build it, or it claims more weights than that.
    """
    try:
        with _limited_weights(n_numbers), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make()
    except SnnconvError:
        raise
    except Exception as error:
        # Keras passes on whatever a config brings about in it, of any type
        raise ModelFileError(f"Keras {keras.__version__} cannot build its model: {reason(error)}") from error
    if not isinstance(model, keras.Model):
        raise ModelFileError(f"it holds a {type(model).__name__}, not a model.")
    if not model.built or not hasattr(model, "inputs") or not model.inputs:
        raise ModelFileError(
            f"model '{model.name}' was saved without the shape of its input, so it has no weights. Start it with "
            f"keras.Input(shape), or call it once, and save it again."
        )
    _check_sizes(model, n_numbers)
    return model


def with_objects(objects: Mapping[str, Any], make: Callable[[], Any]) -> Callable[[], Any]:
    """The function `make`, during which names stand for these classes and functions."""

    def made() -> Any:
        with keras.saving.CustomObjectScope(dict(objects)):
            return make()

    return made


def check_loaded(model: Any) -> None:
    """Check that every weight came from the file.

    Raises
    ------
    ModelFileError
        If one still has the value that it was built with.
    """
    for weight in model.weights:
        if math.prod(weight.shape) and "float" in weight.dtype:
            values = np.asarray(keras.ops.convert_to_numpy(weight), "float32")
            if bool(np.all(values == UNSET)):
                raise ModelFileError(
                    f"weight '{weight.path}' is not in it. Save the model again, whole, with model.save()."
                )


def reason(error: BaseException) -> str:
    """The fault named in one of Keras' messages, which quote whole configs."""
    text = str(error)
    for start in ("Exception encountered:", "Error encountered during deserialization:"):
        text = text.rsplit(start, 1)[-1].strip()
    line = text.splitlines()[0] if text else one_line(error)
    return line if len(line) <= 300 else f"{line[:300]}…"


@contextmanager
def _limited_weights(n_numbers: int) -> Iterator[None]:
    """Within this context, layers get weights of the value UNSET, and not many more of them than `n_numbers`.

    Nor are they built for inputs that are too large to run: some calculate with arrays of that size.
    """
    layer = keras.layers.Layer
    original = {name: getattr(layer, name) for name in ("add_weight", "build_from_config", "__call__")}

    def add_weight(self: Any, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
        left = _allowance.get()
        if left is not None:
            shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
            left[0] -= math.prod(shape)
            if left[0] < 0:
                raise ModelFileError(
                    f"layer '{self.name}' ({type(self).__name__}) claims a weight of shape {shape}; the file "
                    f"has {n_numbers} numbers for all weights. It is damaged, or config and weights do not belong "
                    f"together."
                )
            initializer = keras.initializers.Constant(UNSET)
        return original["add_weight"](self, shape, initializer, *args, **kwargs)

    def check_inputs(self: Any, shapes: Iterable[Any]) -> None:
        if _allowance.get() is not None:
            for shape in shapes:
                what = f"the input of layer '{self.name}' ({type(self).__name__}), of shape {tuple(shape)},"
                check_values(math.prod(size or 1 for size in shape), n_numbers, what)

    def build_from_config(self: Any, config: Any) -> None:
        check_inputs(self, _shapes(config))
        original["build_from_config"](self, config)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_inputs(self, (each.shape for each in keras.tree.flatten((args, kwargs)) if keras.ops.is_tensor(each)))
        return original["__call__"](self, *args, **kwargs)

    with _lock:
        token = _allowance.set([2 * n_numbers + SLACK])
        layer.add_weight, layer.build_from_config, layer.__call__ = add_weight, build_from_config, call
        try:
            yield
        finally:
            for name, method in original.items():
                setattr(layer, name, method)
            _allowance.reset(token)


def _shapes(config: Any) -> Iterator[tuple[int, ...]]:
    """The shapes in what a file says a layer is to be built for."""
    if isinstance(config, Mapping):
        for each in config.values():
            yield from _shapes(each)
    elif isinstance(config, (list, tuple)):
        if all(size is None or isinstance(size, int) for size in config):
            yield tuple(size or 1 for size in config)
        else:
            for each in config:
                yield from _shapes(each)


def _check_sizes(model: Any, n_numbers: int) -> None:
    for layer in model.layers:
        tensors = keras.tree.flatten(layer.output) if layer._inbound_nodes else []
        for tensor in tensors:
            n = math.prod(size or 1 for size in tensor.shape)
            what = f"the output of layer '{layer.name}' ({type(layer).__name__}), of shape {tuple(tensor.shape)},"
            check_values(n, n_numbers, what)
        if isinstance(layer, keras.Model) and hasattr(layer, "layers"):
            _check_sizes(layer, n_numbers)
