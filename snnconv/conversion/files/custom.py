"""Custom objects: classes and functions that a model file names and Keras does not have."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ...errors import ModelFileError, one_line


def import_custom_objects(module: str) -> dict[str, Any]:
    """The classes and functions that a module defines, by name.

    Parameters
    ----------
    module : str
        As it stands in an import: ``package.module``.

    Raises
    ------
    ModelFileError
        If it cannot be imported, or defines none.
    """
    try:
        imported = importlib.import_module(module)
    except Exception as error:
        # what a module of the user raises can be anything
        raise ModelFileError(f"cannot import '{module}' for custom objects: {one_line(error)}.") from error
    found = {
        name: value
        for name, value in vars(imported).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == imported.__name__
    }
    if not found:
        raise ModelFileError(f"module '{module}' defines no class and no function.")
    return found


def known_objects(custom_objects: Mapping[str, Any] | None) -> dict[str, Any]:
    """The classes and functions registered with Keras or passed; the latter count where a name is in both.

    Raises
    ------
    ModelFileError
        If something passed is no class and no function.
    """
    import keras

    for name, value in (custom_objects or {}).items():
        if not callable(value):
            raise ModelFileError(
                f"custom_objects: '{name}' must be a class or a function. Received {type(value).__name__}."
            )
    return {**keras.saving.get_custom_objects(), **(custom_objects or {})}
