"""The way from a file of any age, or a model of tf_keras, to a Keras model that computes what it was trained to."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ConversionError, ModelFileError, SnnconvError, one_line
from ...files.hdf5 import brief
from ...files.writing import scratch
from .source import PathLike, Source, open_source

TF_KERAS = "tf_keras"  # Keras 2 beside TensorFlow; its models in memory come through a file


def load_model(
    path: PathLike,
    config: PathLike | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    unsafe: bool = False,
    replace: Mapping[str, Any] | None = None,
) -> Any:
    """Read a Keras model from a file of Keras 1, Keras 2, tf.keras or Keras 3.

    Losses, metrics and optimizers are left out, so it does not matter whether they are known. Nothing in the file is
    executed.

    Parameters
    ----------
    path : path
        A .keras, .h5 or .hdf5 file of a whole model, or of its weights.
    config : path, optional
        What ``model.to_json()`` gave, for a file with weights only.
    custom_objects : mapping of name to class or function, optional
        What the model uses that Keras does not have.
    unsafe : bool
        Run the program code that Lambda layers keep in the file. Only if you trust whoever made it.
    replace : mapping of layer name to str or function, optional
        What layers without weights compute, in the place of the code that a file holds or lacks: arithmetic with
        numbers and slices of the input x, such as "x / 127.5 - 1", or a function of your own.

    Returns
    -------
    keras.Model
        Not compiled. Every weight was set from the file.

    Raises
    ------
    ModelFileError
        If the file is missing or damaged, or holds what this Keras cannot compute or what must not be executed.
    """
    with open_source(path, config) as source:
        return _load(source, custom_objects, unsafe, replace or {})


def _load(source: Source, custom_objects: Mapping[str, Any] | None, unsafe: bool, replace: Mapping[str, Any]) -> Any:
    import keras

    from .build import build, check_loaded, with_objects
    from .classes import admit
    from .custom import known_objects, replacements
    from .keras1 import convert_kernel, speaks_keras1
    from .layer_config import Writer
    from .model_config import repair_model
    from .weights import load_layers

    is_keras1 = source.major == 1 if source.major is not None else speaks_keras1(source.config)
    major = 1 if is_keras1 else source.major
    functions, texts = replacements(replace, source.config)
    objects = {**known_objects(custom_objects), **functions}
    writer = Writer(objects, major, unsafe, _is_theano(source, is_keras1), texts)
    try:
        entry = admit(repair_model(source.config, writer), writer.objects, unsafe, "the model")
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, RecursionError, OverflowError) as error:
        # a damaged config has any value anywhere
        raise ModelFileError(f"its config is damaged ({brief(error)}).") from error
    if source.archive is not None:
        make = with_objects(writer.objects, lambda: _through_keras(entry, source, unsafe))
        model = build(make, source.n_numbers)
    else:

        def from_config() -> Any:
            return keras.saving.deserialize_keras_object(entry, safe_mode=not unsafe)

        model = build(with_objects(writer.objects, from_config), source.n_numbers)

        def convert(kind: str, array: np.ndarray, layer: Any) -> np.ndarray:
            return convert_kernel(kind, array, layer, is_keras1, writer.is_theano)

        load_layers(model, source.layers or (), convert)
    check_loaded(model)
    return model


def _through_keras(entry: dict[str, Any], source: Source, unsafe: bool) -> Any:
    """Let Keras load a .keras file with the repaired config and the weights as they are."""
    import keras

    with scratch() as folder:
        path = folder / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
            archive.writestr("config.json", json.dumps(entry))
            archive.writestr("model.weights.h5", source.archive or b"")
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=not unsafe)
        except ValueError as error:
            if "is not connected to `inputs`" not in str(error):
                raise
            raise ModelFileError(
                "Keras cannot read back the .keras file of a model in which one layer is in several models. Save it "
                "as model.save('model.h5')."
            ) from error


def _is_theano(source: Source, is_keras1: bool) -> bool:
    """Whether Theano wrote the file.

    Files of Keras 1 do not say it, but variables of TensorFlow have names that end in ":0", and Theano's do not.

    Raises
    ------
    ModelFileError
        If the file is of Keras 1, and does not even have names.
    """
    if source.backend is not None or not is_keras1:
        return source.backend == "theano"
    names = [name for layer in source.layers or () for name, _ in layer.weights]
    if any(name.startswith("param_") for name in names):
        raise ModelFileError(
            "it does not say whether Keras 1 ran on Theano or on TensorFlow, which keep kernels of convolutions in "
            "opposite directions. Write it into the file: h5py.File(path, 'a').attrs['backend'] = 'tensorflow'."
        )
    return bool(names) and not any(":" in name for name in names)


def is_legacy(model: Any) -> bool:
    """Whether an object is a model of tf_keras, which need not be imported for that."""
    return any(parent.__module__.split(".")[0] == TF_KERAS for parent in type(model).__mro__) and hasattr(model, "save")


def from_legacy(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of this Keras with the layers and weights of one of tf_keras.

    Raises
    ------
    ConversionError
        If tf_keras cannot save it, or this Keras cannot read what it saved.
    """
    with scratch() as folder:
        path = folder / "model.h5"
        try:
            model.save(path, include_optimizer=False, save_format="h5")
            return load_model(path, custom_objects=custom_objects)
        except SnnconvError as error:
            reason = str(error).replace(f"cannot read '{path}': ", "")
        except Exception as error:
            # tf_keras passes on whatever saving brings about
            reason = one_line(error)
    raise ConversionError(
        f"model '{getattr(model, 'name', '')}' is of tf_keras, not of keras, and is read through a file: {reason}. "
        f"Build it with keras.Sequential or keras.Model(inputs, outputs), or save it with model.save('model.h5') and "
        f"convert the file."
    )
