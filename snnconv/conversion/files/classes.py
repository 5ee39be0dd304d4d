"""The classes that a config may name.

A config is data from a stranger, and Keras imports and calls what it names. Here it can only name layers, models and
plain functions of Keras, and what was registered or passed by the user; nothing is imported because a file says so.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

import keras

from ...errors import ModelFileError
from ..trace.handlers.operations import operation_type

MODELS = ("Model", "Functional", "Sequential")
KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow")

# Values that Keras writes in the form of a class, and that are only data
DATA = ("__keras_tensor__", "__tuple__", "__ellipsis__", "__slice__", "__numpy__", "__tensor__", "__bytes__")

# Operations of TensorFlow that tf.keras wrote into the graph of a model as layers
TENSORFLOW_OPERATIONS = ("TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceProperty")

NAMESPACES = (
    keras.layers, keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies, keras.random,
)  # fmt: skip


def resolve(entry: dict[str, Any], objects: Mapping[str, Any], where: str) -> tuple[type, dict[str, Any]]:
    """The class that a layer's config names, and how to name it so that this Keras finds the same one.

    Parameters
    ----------
    objects : mapping of name to class or function
        Registered or passed by the user; they go before Keras' own.
    where : str
        The layer, for messages.

    Raises
    ------
    ModelFileError
        If it is not among those allowed.
    """
    name, registered = entry["class_name"], entry.get("registered_name")
    for key in (registered, name, name.rsplit(">", 1)[-1]):
        if isinstance(key, str) and inspect.isclass(objects.get(key)):
            bare = name.rsplit(">", 1)[-1]
            return objects[key], {"module": None, "class_name": bare, "registered_name": key}
    if name in TENSORFLOW_OPERATIONS:
        raise ModelFileError(
            f"{where} is an operation of TensorFlow, which tf.keras put there for arithmetic on tensors or a tf "
            f"function. Use a layer for it in the code of the model (Rescaling, Add, Multiply, Concatenate, Reshape, "
            f"…), load the trained weights, and save the model again."
        )
    recorded = _operation(entry)
    if recorded is not None:
        return recorded, {"module": recorded.__module__, "class_name": name, "registered_name": None}
    if _is_from_keras(entry):
        found = keras.Model if name in MODELS[:2] else getattr(keras.layers, name, None)
        found = keras.Sequential if name == "Sequential" else found
        if inspect.isclass(found) and issubclass(found, keras.layers.Layer):
            module = "keras" if name in MODELS else "keras.layers"
            return found, {"module": module, "class_name": found.__name__, "registered_name": None}
    raise ModelFileError(
        f"{where} is of a class that Keras {keras.__version__} does not have. If it is yours, pass it: "
        f"custom_objects={{'{name}': …}} (--custom-objects package.module). Nothing is imported because a file says so."
    )


def _operation(entry: dict[str, Any]) -> type | None:
    """The type of a recorded call of keras.ops, some of which share their name with a layer; None for anything else.

    Keras 3 leaves out the module in .h5 files, where an operation, unlike a layer, has no "trainable" and no "dtype".
    """
    modules = [operation_type(each).__module__ for each in (keras.ops.negative, keras.ops.relu)]
    config = entry.get("config")
    if "module" in entry:
        modules = [entry["module"]] if entry["module"] in modules else []
    elif not isinstance(config, dict) or {"trainable", "dtype"} & config.keys() or not _is_connected(entry):
        return None
    found = [getattr(sys.modules[module], entry["class_name"], None) for module in modules]
    kinds = [each for each in found if inspect.isclass(each) and issubclass(each, keras.Operation)]
    return next((each for each in kinds if not issubclass(each, keras.layers.Layer)), None)


def _is_connected(entry: dict[str, Any]) -> bool:
    """Whether an entry of a functional model is connected as Keras 3 writes it."""
    nodes = entry.get("inbound_nodes")
    return isinstance(nodes, list) and any(isinstance(node, dict) and "args" in node for node in nodes)


def check(value: Any, objects: Mapping[str, Any], unsafe: bool, where: str) -> None:
    """Look for classes and functions in all of a layer's config.

    Raises
    ------
    ModelFileError
        If one is not among those allowed.
    """
    if isinstance(value, (list, tuple)):
        for item in value:
            check(item, objects, unsafe, where)
    if not isinstance(value, dict):
        return
    name = value.get("class_name")
    is_data = name is None or name in DATA or (name == "__lambda__" and unsafe)
    if not is_data and not (isinstance(name, str) and _is_allowed(value, name, objects)):
        raise ModelFileError(
            f"{where} names {_described(value)}, which is no class or function of Keras and was not registered. If it "
            f"is yours, pass it in custom_objects (--custom-objects package.module)."
        )
    for item in value.values():
        check(item, objects, unsafe, where)


def _is_allowed(value: dict[str, Any], name: str, objects: Mapping[str, Any]) -> bool:
    config, registered = value.get("config"), value.get("registered_name")
    if name == "function":
        return isinstance(config, str) and (config in objects or is_activation(config))
    if name == "__typespec__":
        return False
    if any(isinstance(key, str) and key in objects for key in (name, registered)):
        return True
    if not _is_from_keras(value):
        return False
    if name in MODELS:
        return True
    found = [getattr(namespace, name, None) for namespace in NAMESPACES]
    module = getattr(sys.modules.get(str(value.get("module"))), name, None)
    return any(map(inspect.isclass, found)) or (inspect.isclass(module) and issubclass(module, keras.Operation))


def is_activation(name: str) -> bool:
    """Whether Keras has an activation function of this name."""
    return inspect.isfunction(getattr(keras.activations, name, None)) and name not in (
        "get",
        "serialize",
        "deserialize",
    )


def _is_from_keras(entry: dict[str, Any]) -> bool:
    """Whether a config without a module (of .h5 files), or with one of Keras, can mean a class of Keras."""
    if "module" not in entry:
        return True
    module, registered = entry["module"], entry.get("registered_name")
    return (
        isinstance(module, str) and module.split(".")[0] in KERAS_PACKAGES and registered in (None, entry["class_name"])
    )


def _described(value: dict[str, Any]) -> str:
    name = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
    module = value.get("module")
    return f"'{name}'" + (f" of the module '{module}'" if isinstance(module, str) else "")
