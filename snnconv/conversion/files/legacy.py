"""Models of tf_keras, the Keras 2 beside TensorFlow, that are in memory: through a file into this Keras."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ConversionError, SnnconvError, one_line
from .read import load_model

PACKAGE = "tf_keras"


def is_legacy(model: Any) -> bool:
    """Whether an object is a model of tf_keras, which need not be imported for that."""
    return any(parent.__module__.split(".")[0] == PACKAGE for parent in type(model).__mro__) and hasattr(model, "save")


def from_legacy(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of this Keras with the layers and weights of one of tf_keras.

    Raises
    ------
    ConversionError
        If tf_keras cannot save it, or this Keras cannot read what it saved.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
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
