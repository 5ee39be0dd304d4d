"""The classes and functions that a config may name.

A config is data from a stranger, and Keras imports and calls what it names, wherever it stands: among the settings of a
layer or among the arguments of its calls. So Keras is given a copy in which `admit` has named everything anew. It holds
layers, models, operations, initializers and plain functions of Keras, and what was registered or passed by the user;
nothing is imported because a file says so, and no layer is built that opens files or runs programs.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any

import keras

from ...errors import ModelFileError
from ..trace.handlers.functions import operation_type
from ..trace.swaps import ALIASES

MODELS = ("Model", "Functional", "Sequential")
KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow")

# Values that Keras writes in the form of a class, and that are only data
DATA = ("__keras_tensor__", "__ellipsis__", "__slice__", "__numpy__", "__tensor__", "__bytes__")
SEQUENCES = ("__tuple__", "TensorShape")
ARRAYS = ("__numpy__", "__tensor__")
NUMBERS = re.compile(r"bool|u?int\d+|b?float\d+")

# Operations of TensorFlow that tf.keras wrote into the graph of a model as layers
TENSORFLOW_OPERATIONS = ("TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceProperty")

NAMESPACES = {
    "keras.initializers": keras.initializers,
    "keras.regularizers": keras.regularizers,
    "keras.constraints": keras.constraints,
    "keras.dtype_policies": keras.dtype_policies,
    "keras.random": keras.random,
}

# The layers and operations of Keras that compute with tensors alone; others read files, import modules or run programs
LAYERS, OPERATIONS = "keras.src.layers.", "keras.src.ops."
READERS = ("text_vectorization", "string_lookup", "integer_lookup", "index_lookup", "feature_space")

Names = dict[str, Any]


def resolve(entry: dict[str, Any], objects: Mapping[str, Any], where: str) -> tuple[type, Names]:
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
    name = entry["class_name"]
    if (found := _custom_class(entry, objects)) is not None:
        return found
    if name in TENSORFLOW_OPERATIONS:
        raise ModelFileError(
            f"{where} is an operation of TensorFlow, which tf.keras put there for arithmetic on tensors or a tf "
            f"function. Use a layer for it in the code of the model (Rescaling, Add, Multiply, Concatenate, Reshape, "
            f"…), load the trained weights, and save the model again."
        )
    recorded = _operation(entry)
    if recorded is not None:
        return recorded, {"module": recorded.__module__, "class_name": name, "registered_name": None}
    if (found := _keras_layer(entry)) is not None:
        return found
    if inspect.isclass(getattr(keras.layers, name, None)) and _is_from_keras(entry):
        raise ModelFileError(
            f"{where} reads other files, or runs programs that are none of Keras, and is not built. Take it out of "
            f"the model, and save the model again."
        )
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


def admit(value: Any, objects: Mapping[str, Any], unsafe: bool, where: str) -> Any:
    """A copy of a config in which each class and function is named as this Keras finds it, and nothing else is named.

    Parameters
    ----------
    value : any value of JSON
        All that Keras will see: the entry of a model, or a part of one.
    objects : mapping of name to class or function
        As for `resolve`.
    unsafe : bool
        Whether code in it may run.
    where : str
        The layer or the model, for messages.

    Raises
    ------
    ModelFileError
        If a class or a function is not among those allowed.
    """
    if isinstance(value, (list, tuple)):
        return [admit(item, objects, unsafe, where) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: admit(item, objects, unsafe, where) for key, item in value.items()}
    name, config = value["class_name"], value.get("config")
    if name in SEQUENCES:
        return admit(list(value.get("items", ())), objects, unsafe, where)
    if name == "__lambda__":
        if unsafe:
            return {"class_name": name, "config": config}
        raise ModelFileError(
            f"{where} holds program code, which runs when it is loaded. Only if you trust whoever made the file: "
            f"unsafe=True (--unsafe)."
        )
    if name in DATA:
        if name in ARRAYS and not (isinstance(config, dict) and NUMBERS.fullmatch(str(config.get("dtype")))):
            raise ModelFileError(f"{where} holds an array of a type that is none of numbers.")
        return {"class_name": name, "config": admit(config, objects, unsafe, where)}
    if name == "function":
        function = function_name(value, objects)
        if function is None:
            raise _refused(value, where)
        return named_function(function, objects)
    names = _class_names(value, objects) if isinstance(name, str) else None
    if names is None or not isinstance(config, (dict, type(None))):
        raise _refused(value, where)
    if (
        config
        and isinstance(config.get("name"), str)
        and ("inbound_nodes" in value or names["module"] == "keras.layers")
    ):
        where = f"layer '{config['name']}' ({name})"
    kept = {"name", "inbound_nodes"} | ({"build_config"} if names["module"] is None else set())
    more = {key: admit(value[key], objects, unsafe, where) for key in sorted(kept & value.keys())}
    if isinstance(value.get("shared_object_id"), int):
        more["shared_object_id"] = value["shared_object_id"]
    return {**names, "config": admit(config or {}, objects, unsafe, where), **more}


def function_name(entry: dict[str, Any], objects: Mapping[str, Any]) -> str | None:
    """The name of the function that an entry of the class "function" means; None for one that is not allowed.

    A function of another module is not Keras' own because it has the name of one.
    """
    name, registered = entry.get("config"), entry.get("registered_name")
    for key in (name, registered):
        if isinstance(key, str) and key in objects:
            return key
    name = ALIASES.get(name, name) if isinstance(name, str) else name
    if (
        not isinstance(name, str)
        or not is_activation(name)
        or registered not in (None, "function", name, entry.get("config"))
    ):
        return None
    module = entry.get("module", "builtins")
    is_keras = isinstance(module, str) and module.split(".")[0] in ("builtins", *KERAS_PACKAGES)
    return name if is_keras else None


def named_function(name: str, objects: Mapping[str, Any]) -> Names:
    """An entry for a function of the user or of Keras as this Keras writes it."""
    module = None if name in objects else "keras.activations"
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def is_activation(name: str) -> bool:
    """Whether Keras has an activation function of this name."""
    return inspect.isfunction(getattr(keras.activations, name, None)) and name not in (
        "get",
        "serialize",
        "deserialize",
    )


def _class_names(entry: dict[str, Any], objects: Mapping[str, Any]) -> Names | None:
    """Names by which Keras finds the class of an entry; None for one that is not allowed."""
    found = _custom_class(entry, objects) or _keras_layer(entry)
    if found is not None:
        return found[1]
    name = entry["class_name"]
    if _is_from_keras(entry):
        for module, namespace in NAMESPACES.items():
            if inspect.isclass(getattr(namespace, name, None)):
                return {"module": module, "class_name": name, "registered_name": None}
    return None


def _custom_class(entry: dict[str, Any], objects: Mapping[str, Any]) -> tuple[type, Names] | None:
    name = entry["class_name"]
    for key in (entry.get("registered_name"), name, name.rsplit(">", 1)[-1]):
        if isinstance(key, str) and inspect.isclass(objects.get(key)):
            bare = name.rsplit(">", 1)[-1]
            return objects[key], {"module": None, "class_name": bare, "registered_name": key}
    return None


def _keras_layer(entry: dict[str, Any]) -> tuple[type, Names] | None:
    """A layer, a model or an operation of Keras that computes with tensors alone."""
    name = entry["class_name"]
    if not _is_from_keras(entry):
        return None
    if name in MODELS:
        found = keras.Sequential if name == "Sequential" else keras.Model
        return found, {"module": "keras", "class_name": found.__name__, "registered_name": None}
    module = str(entry.get("module"))
    found = getattr(sys.modules.get(module), name, None) if module.startswith(OPERATIONS) else None
    if inspect.isclass(found) and issubclass(found, keras.Operation) and found.__module__ == module:
        return found, {"module": module, "class_name": name, "registered_name": None}
    found = getattr(keras.layers, name, None)
    if inspect.isclass(found) and found.__module__.startswith(LAYERS):
        if not issubclass(found, keras.layers.Layer) or found.__module__.rsplit(".", 1)[-1] in READERS:
            return None
        return found, {"module": "keras.layers", "class_name": found.__name__, "registered_name": None}
    return None


def _is_from_keras(entry: dict[str, Any]) -> bool:
    """Whether a config without a module (of .h5 files), or with one of Keras, can mean a class of Keras."""
    if "module" not in entry:
        return True
    module, registered = entry["module"], entry.get("registered_name")
    return (
        isinstance(module, str) and module.split(".")[0] in KERAS_PACKAGES and registered in (None, entry["class_name"])
    )


def _refused(entry: dict[str, Any], where: str) -> ModelFileError:
    name = entry.get("config") if entry["class_name"] == "function" else entry["class_name"]
    module = entry.get("module")
    described = shortened(name) + (f" of the module {shortened(module)}" if isinstance(module, str) else "")
    return ModelFileError(
        f"{where} names {described}, which is no class or function of Keras that computes with tensors alone, and was "
        f"not registered. If it is yours, pass it in custom_objects (--custom-objects package.module)."
    )


def shortened(value: Any) -> str:
    """A value of a config in one line of a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
