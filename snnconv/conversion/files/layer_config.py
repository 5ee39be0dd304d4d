"""The config of one layer, of any Keras, as this Keras takes it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from ...errors import ModelFileError
from ..trace.handlers.wrappers import AUGMENTATIONS
from ..trace.swaps import ALIASES
from .classes import TENSORFLOW_OPERATIONS, function_name, is_activation, named_function, resolve, shortened
from .keras1 import CLASSES, check_theano, translate, translate_merge
from .lambda_code import arithmetic_of

# What only training needs, or what weights from the file replace. Much of it has changed between versions of Keras.
TRAINING = ("_initializer", "_regularizer", "_constraint", "_init")
TRAINING_KEYS = ("init", "activity_regularizer", "input_dim", "input_shape")

# Arguments that this Keras no longer has, and the values with which they changed nothing in an output. None: any value.
NEUTRAL: dict[str, tuple[Any, ...] | None] = {
    "trainable": None,
    "groups": (1,),
    "implementation": None,
    "input_length": None,
    "fused": None,
    "virtual_batch_size": (None,),
    "renorm_clipping": None,
    "renorm_momentum": None,
    "zero_output_for_mask": None,
    "dropout": (0, 0.0),
    "query_shape": None,
    "key_shape": None,
    "value_shape": None,
    "mode_type": None,
}
ALWAYS_NEUTRAL = (None, False, "auto")

# They do nothing outside training, whatever their arguments, which differ between versions of Keras.
DROPPED = (*AUGMENTATIONS, "RandomHeight", "RandomWidth")


@dataclass(frozen=True)
class Writer:
    """Facts about the file that a config comes from.

    Parameters
    ----------
    objects : mapping of name to class or function
        Registered or passed by the user.
    major : int or None
        Major version of the Keras that wrote it.
    unsafe : bool
        Whether code in the file may run.
    is_theano : bool
        Whether the weights were trained with Theano.
    replace : mapping of layer name to str or name of a function
        What takes the place of layers: arithmetic, or a key of `objects`.
    """

    objects: Mapping[str, Any]
    major: int | None
    unsafe: bool
    is_theano: bool
    replace: Mapping[str, str] = field(default_factory=dict)


def repair_layer(entry: dict[str, Any], writer: Writer) -> dict[str, Any]:
    """A layer's entry in the form of this Keras: module, class_name, config, registered_name.

    Raises
    ------
    ModelFileError
        If its class is not allowed, or it does what no layer of this Keras does.
    """
    class_name, config = entry["class_name"], plain(entry["config"])
    if not isinstance(config, dict):
        raise ModelFileError(f"it is damaged: the config of a {class_name} is no dictionary.")
    name = config.get("name")
    where = f"a layer or model without a name ({class_name})" if name is None else f"layer '{name}' ({class_name})"
    if config.get("name") in writer.replace:
        class_name, entry, config = _replacement(entry, config, writer)
    elif class_name in DROPPED and class_name not in writer.objects:
        class_name, entry = "Identity", {"class_name": "Identity"}
        config = {key: config[key] for key in ("name", "dtype", "batch_input_shape") if key in config}
    if class_name == "Merge" and "Merge" not in writer.objects:
        class_name, config = translate_merge(config, where)
    elif class_name not in TENSORFLOW_OPERATIONS:
        class_name = CLASSES.get(class_name, class_name)
    cls, names = resolve({**entry, "class_name": class_name}, writer.objects, where)
    if "dtype" in config:
        config["dtype"] = _dtype(config["dtype"])
    if names["module"] is None:
        config.pop("batch_input_shape", None)
    elif cls is keras.layers.Lambda:
        config = _lambda(config, writer, where)
    else:
        config = _arguments(cls, config, writer, where)
    keys = ("shared_object_id", *(("build_config",) if names["module"] is None else ()))
    return {**names, "config": config, **{key: entry[key] for key in keys if key in entry}}


def accepted_arguments(cls: type) -> set[str]:
    """Names of the arguments that a class takes, those of the classes it passes them on to among them."""
    accepted: set[str] = set()
    for parent in cls.__mro__:
        if "__init__" not in vars(parent):
            continue
        parameters = inspect.signature(vars(parent)["__init__"]).parameters.values()
        accepted |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if parent is keras.layers.Layer or not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return accepted - {"self"}


def plain_name(name: str) -> str:
    """A layer's name without slashes, which Keras 3 does not allow in one."""
    return name.replace("/", ".")


def plain(value: Any) -> Any:
    """A copy of a value of a config, with tuples and shapes as lists."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
            return plain(value["items"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _arguments(cls: type, config: dict[str, Any], writer: Writer, where: str) -> dict[str, Any]:
    """Arguments of a layer of Keras."""
    accepted = accepted_arguments(cls)
    name = cls.__name__
    config = translate(name, config, accepted, where)
    config = {key: value for key, value in config.items() if not _is_for_training(key, name)}
    if name == "InputLayer":
        config["batch_shape"] = config.pop("batch_input_shape", config.get("batch_shape"))
    config.pop("batch_input_shape", None)
    if name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if name in ("GRU", "GRUCell") and writer.major in (1, 2):
        config.setdefault("reset_after", False)
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    for key, value in list(config.items()):
        if key.endswith("activation"):
            config[key] = _activation(value, writer, where)
        elif isinstance(value, dict) and "class_name" in value and "config" in value and _holds_layers(key):
            config[key] = repair_layer(value, writer)
        elif isinstance(value, list) and key == "cells":
            config[key] = [repair_layer(cell, writer) for cell in value]
        elif key not in accepted:
            _drop(config, key, where)
    if writer.is_theano:
        check_theano(name, config, where)
    return config


def _is_for_training(key: str, class_name: str) -> bool:
    if class_name == "Embedding" and key == "input_dim":
        return False
    return key in TRAINING_KEYS or key.endswith(TRAINING)


def _holds_layers(key: str) -> bool:
    return key == "layer" or key == "cell" or key.endswith("_layer")


def _drop(config: dict[str, Any], key: str, where: str) -> None:
    value, neutral = config.pop(key), NEUTRAL.get(key, ())
    if neutral is not None and not any(value is v for v in ALWAYS_NEUTRAL) and value not in neutral:
        raise ModelFileError(f"{where} has {key}={value!r}, which Keras {keras.__version__} does not have.")


def _activation(value: Any, writer: Writer, where: str) -> Any:
    """The name of an activation, or the layer or the user's function that is one."""
    given = value
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = function_name(value, writer.objects)
    elif isinstance(value, dict):
        return repair_layer(value, writer)
    if given is None:
        return None
    if isinstance(value, str) and value in writer.objects:
        return named_function(value, writer.objects)
    value = ALIASES.get(value, value) if isinstance(value, str) else value
    if value == "hard_sigmoid" and writer.major in (1, 2):
        raise ModelFileError(
            f"{where} has the activation 'hard_sigmoid', which was another function in Keras {writer.major} "
            f"(clip(0.2 x + 0.5)) than it is now. Replace it, and train the model again."
        )
    if not isinstance(value, str) or not is_activation(value):
        name = shortened(given.get("config") if isinstance(given, dict) else given)
        module = given.get("module") if isinstance(given, dict) else None
        of = f" of the module {shortened(module)}" if isinstance(module, str) and module != "builtins" else ""
        raise ModelFileError(
            f"{where} has the activation {name}{of}, which Keras does not have. If it is yours, pass it: "
            f"custom_objects={{{name}: …}} (--custom-objects package.module)."
        )
    return value


def _dtype(value: Any) -> Any:
    """The name of a dtype or of a policy, which is an object in some versions."""
    if isinstance(value, dict) and "Quantized" not in str(value.get("class_name")):
        config = value.get("config")
        return config.get("name", value) if isinstance(config, dict) else value
    return value


def _lambda(config: dict[str, Any], writer: Writer, where: str) -> dict[str, Any]:
    """A Lambda layer: a function that the user passed by name, or code in the file where that may run."""
    function = config.get("function")
    if isinstance(function, dict) and function.get("class_name") == "function":
        function = function_name(function, writer.objects) or function.get("config")
    if isinstance(function, str) and function in writer.objects:
        config["function"] = named_function(function, writer.objects)
    elif isinstance(function, str):
        raise ModelFileError(
            f"{where} calls the function '{function}'. Pass it: custom_objects={{'{function}': …}} (--custom-objects "
            f"package.module)."
        )
    elif not writer.unsafe:
        name, found = config.get("name"), None if config.get("arguments") else arithmetic_of(function)
        known = "If you know what it computes" if found is None else f"By its instructions it computes {found}"
        more = ", with its own arithmetic or slices of x" if found is None else ""
        text = found or "x / 255"
        raise ModelFileError(
            f"{where} holds program code, which runs when it is loaded. {known}: say so, and nothing is run: "
            f"replace={{'{name}': '{text}'}} (--replace '{name}={text}'){more}. Only if you trust whoever made the "
            f"file: unsafe=True (--unsafe)."
        )
    if isinstance(function, list):
        config["function"] = _code(function)
    if isinstance(config.get("output_shape"), list) and config.get("output_shape_type") == "lambda":
        config["output_shape"] = _code(config["output_shape"]) if writer.unsafe else None
    return {key: value for key, value in config.items() if key in accepted_arguments(keras.layers.Lambda)}


def _replacement(entry: dict[str, Any], config: dict[str, Any], writer: Writer) -> tuple[str, dict[str, Any], Any]:
    """Class name, entry and arguments of the layer that takes the place of one."""
    text = writer.replace[config["name"]]
    kept = {"name": config["name"]}
    if text in writer.objects:
        return "Lambda", {"class_name": "Lambda"}, {**kept, "function": text}
    made = {"class_name": "Arithmetic", "registered_name": "snnconv>Arithmetic"}
    return "Arithmetic", made, {**kept, "expression": text}


def _code(dumped: list[Any]) -> dict[str, Any]:
    """Marshalled code as this Keras writes it."""
    code, defaults, closure = (*dumped, None, None)[:3]
    return {"class_name": "__lambda__", "config": {"code": code, "defaults": defaults, "closure": closure}}
