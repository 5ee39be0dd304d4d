"""Custom objects: classes and functions that a model file names and Keras does not have, or that replace its code."""

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
    except (Exception, SystemExit) as error:
        # what a module of the user raises can be anything; a script may end itself
        said = one_line(error) if isinstance(error, Exception) else "it ends Python when it is imported"
        raise ModelFileError(f"cannot import '{module}' for custom objects: {said}.") from error
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


def replacements(replace: Mapping[str, Any], config: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Functions that replace layers of a config, by a name of their own; and that name, or arithmetic, by layer.

    Raises
    ------
    ModelFileError
        If there is no layer of a name, or what replaces it is no function and no arithmetic.
    """
    from .arithmetic import parsed
    from .layer_config import plain_name

    functions, texts = {}, {}
    for name, value in replace.items():
        if isinstance(value, str):
            parsed(value)
            texts[name] = value
        elif callable(value):
            texts[name] = f"replacement of {name}"
            functions[texts[name]] = value
        else:
            raise ModelFileError(f"replace: '{name}' must be arithmetic in x or a function. Received {value!r}.")
    names = layer_names(config)
    unknown = sorted(set(replace) - set(names))
    if unknown:
        raise ModelFileError(f"replace names '{unknown[0]}', which is no layer of the model. Layers are {names}.")
    return functions, {plain_name(name): text for name, text in texts.items()}


def layer_names(config: Any) -> list[str]:
    """Names of the layers in a config of any kind, nested ones included."""
    pending, found = [config], []
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            inner = item.get("config")
            if (
                isinstance(item.get("class_name"), str)
                and isinstance(inner, dict)
                and isinstance(inner.get("name"), str)
            ):
                found.append(inner["name"])
            pending += [value for key, value in item.items() if key in ("config", "layers", "layer")]
        elif isinstance(item, list):
            pending += item
    return found[:0:-1]  # without the model itself, which came first
