"""The config of a whole model, of any Keras, as this Keras takes it."""

from __future__ import annotations

from typing import Any

from ...errors import ModelFileError
from .classes import MODELS
from .layer_config import Writer, plain, plain_name, repair_layer
from .operations import RECORDED, operation_entry

IDLE_ARGUMENTS: tuple[tuple[str, Any], ...] = (("training", None), ("training", False), ("mask", None))


def repair_model(entry: Any, writer: Writer, name: str | None = None) -> dict[str, Any]:
    """A model's entry in the form of this Keras; nested models and wrapped layers are repaired with it.

    Parameters
    ----------
    name : str or None
        Its name, where the config has none.

    Raises
    ------
    ModelFileError
        If the config is damaged, or a layer in it cannot be read.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str) or "config" not in entry:
        raise ModelFileError("its config is damaged: a layer in it has no class or no config.")
    class_name, config = entry["class_name"], entry["config"]
    if isinstance(config, list):  # a Sequential, up to Keras 2.2
        config = {"name": name or "sequential", "layers": config}
    if not isinstance(config, dict):
        raise ModelFileError(f"its config is damaged: that of a {class_name} is no dictionary.")
    if class_name not in MODELS or class_name in writer.objects or not isinstance(config.get("layers"), list):
        return repair_layer(entry, writer)
    config = _with_plain_names({**config, "name": config.get("name") or name})
    repair = _functional if "input_layers" in config else _sequential
    kept = {key: entry[key] for key in ("shared_object_id",) if key in entry}
    names = {"module": "keras", "class_name": class_name, "registered_name": None}
    if repair is _sequential:
        names["class_name"] = "Sequential"
        shape = config.get("build_input_shape") or (entry.get("build_config") or {}).get("input_shape")
        return {**names, "config": _sequential(config, writer, shape), **kept}
    return {**names, "class_name": "Model", "config": _functional(config, writer), **kept}


def input_shape(entry: dict[str, Any]) -> list[Any] | None:
    """Shape of what a repaired or an unrepaired entry takes in, with the axis of the samples, where it says so."""
    config = entry.get("config")
    layers = config if isinstance(config, list) else config.get("layers") if isinstance(config, dict) else None
    if isinstance(layers, list) and layers:
        start = layers[0]
        if isinstance(config, dict) and config.get("input_layers"):
            first = config["input_layers"]
            first = first[0] if isinstance(first[0], list) else first
            start = next((layer for layer in layers if layer.get("name") == first[0]), start)
        return input_shape(start)
    if not isinstance(config, dict):
        return None
    shape = plain(config.get("batch_input_shape") or config.get("batch_shape"))
    return shape if isinstance(shape, list) else None


def _with_plain_names(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a model whose layers have plain names, where they are connected as well."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        if not isinstance(value, list):
            return value
        return [plain_name(value[0]), *map(renamed, value[1:])] if _is_tensor(value) else [*map(renamed, value)]

    layers = []
    for entry in config["layers"]:
        own = entry.get("config") if isinstance(entry, dict) else None
        if isinstance(own, dict) and isinstance(own.get("name"), str):
            entry = {**entry, "config": {**own, "name": plain_name(own["name"])}}
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            entry = {**entry, "name": plain_name(entry["name"])}
        if isinstance(entry, dict) and "inbound_nodes" in entry:
            entry = {**entry, "inbound_nodes": renamed(entry["inbound_nodes"])}
        layers.append(entry)
    ends = {key: renamed(config[key]) for key in ("input_layers", "output_layers") if key in config}
    return {**config, **ends, "layers": layers}


def _sequential(config: dict[str, Any], writer: Writer, shape: Any) -> dict[str, Any]:
    """The config of a Sequential with an input layer in front, so that it is built at once, with the right shape."""
    layers = config["layers"]
    if layers and layers[0].get("class_name") != "InputLayer":
        shape = input_shape(layers[0]) or shape
        if isinstance(shape, list):
            first = layers[0].get("config")
            dtype = first.get("dtype") if isinstance(first, dict) and "layers" not in first else None
            made = {"batch_shape": shape, "dtype": dtype or "float32", "name": f"{config['name']}_input"}
            layers = [{"class_name": "InputLayer", "config": made}, *layers]
    repaired = [_open_batch(repair_model(layer, writer), layers) for layer in layers]
    return {"name": config["name"], "trainable": config.get("trainable", True), "layers": repaired}


def _functional(config: dict[str, Any], writer: Writer) -> dict[str, Any]:
    layers, shifted = [], _models_counted_from_one(config)
    for entry in config["layers"]:
        name = entry.get("name") or (entry.get("config") or {}).get("name")
        if entry["class_name"] in RECORDED and entry["class_name"] not in writer.objects:
            entry = operation_entry(entry)
        repaired = _open_batch(repair_model(entry, writer, name), config["layers"])
        repaired["config"]["name"] = name
        nodes = entry.get("inbound_nodes", [])
        if not isinstance(nodes, list):
            raise ModelFileError(f"its config is damaged: the connections of layer '{name}' are no list.")
        repaired |= {"name": name, "inbound_nodes": [_node(node, shifted) for node in nodes]}
        layers.append(repaired)
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    ends = {"input_layers": config["input_layers"], "output_layers": _outputs(config, shifted)}
    if not any(isinstance(node, dict) for entry in config["layers"] for node in entry.get("inbound_nodes", [])):
        # up to Keras 2 one input or output was in a list too, which now makes the model give a list
        ends = {key: end[0] if isinstance(end, list) and len(end) == 1 else end for key, end in ends.items()}
    return {**kept, **ends, "layers": layers}


def _node(node: Any, shifted: set[str]) -> Any:
    """One call of a layer: what is passed to it."""
    if not isinstance(node, list):  # as Keras 3 writes it
        return node
    tensors, kwargs = [], {}
    for item in node:
        if not isinstance(item, list) or len(item) < 3 or not isinstance(item[1], int):
            raise ModelFileError("its config is damaged, or of an unknown kind, in the connections between layers.")
        name, index, tensor, *rest = item
        tensors.append([name, index - (name in shifted), tensor])
        kwargs = rest[0] if rest and isinstance(rest[0], dict) else {}
    kwargs = {key: value for key, value in kwargs.items() if not any(value is v for k, v in IDLE_ARGUMENTS if k == key)}
    if not kwargs:
        return tensors
    args = [_tensor(*tensor) for tensor in tensors]
    kwargs = {key: _tensor(*value) if _is_tensor(value) else value for key, value in kwargs.items()}
    return {"args": args if len(args) == 1 else [args], "kwargs": kwargs}


def _tensor(name: str, index: int, tensor: int, *_: Any) -> dict[str, Any]:
    """A reference to the output of a layer, as Keras 3 writes it; it goes by the history alone."""
    history = [name, index, tensor]
    return {"class_name": "__keras_tensor__", "config": {"shape": [1], "dtype": "float32", "keras_history": history}}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)


def _models_counted_from_one(config: dict[str, Any]) -> set[str]:
    """Nested models whose first call in this model has the number 1.

    Up to Keras 2 a model had a call of its own before the first one by another model; Keras 3 counts from 0.
    """
    found = set()
    for entry in config["layers"]:
        if not isinstance(entry, dict):
            raise ModelFileError("its config is damaged: a layer in it is no dictionary.")
        nodes, name = entry.get("inbound_nodes"), entry.get("name")
        if entry.get("class_name") in MODELS and isinstance(nodes, list) and nodes and isinstance(nodes[0], list):
            indices = [index for other, index in _references(config) if other == name]
            if indices and max(indices) >= len(nodes):
                found.add(name)
    return found


def _references(config: dict[str, Any]) -> list[tuple[str, int]]:
    """Each use of a layer's output: its name, and the number of its call."""
    lists = [entry.get("inbound_nodes") for entry in config["layers"]] + [config.get("output_layers")]
    found: list[tuple[str, int]] = []
    while lists:
        item = lists.pop()
        if _is_tensor(item):
            found.append((item[0], item[1]))
            lists += [list(rest.values()) for rest in item[3:] if isinstance(rest, dict)]
        elif isinstance(item, list):
            lists += item
        elif isinstance(item, dict):
            lists += item.values()
    return found


def _outputs(config: dict[str, Any], shifted: set[str]) -> Any:
    """The origin of each output. Keras counts calls of nested Sequentials from 0 here, those of others from 1."""
    sequential = {
        entry.get("name")
        for entry in config["layers"]
        if entry.get("class_name") == "Sequential"
        or (
            isinstance(entry.get("config"), dict)
            and "layers" in entry["config"]
            and "input_layers" not in entry["config"]
        )
    }

    def renumber(item: Any) -> Any:
        if _is_tensor(item):
            name, index, tensor = item[:3]
            return [name, index - (name in shifted and name in sequential), tensor]
        if isinstance(item, dict):
            return {key: renumber(value) for key, value in item.items()}
        return [renumber(value) for value in item] if isinstance(item, list) else item

    return renumber(config.get("output_layers"))


def _open_batch(entry: dict[str, Any], layers: list[Any]) -> dict[str, Any]:
    """Take any number of samples, where the model was made for one number of them and no reshape names it."""
    if entry["class_name"] == "InputLayer" and isinstance(entry["config"].get("batch_shape"), list):
        shape = entry["config"]["batch_shape"]
        if shape[0] is None or not any(_names_batch(layer, shape[0]) for layer in layers):
            entry["config"]["batch_shape"] = [None, *shape[1:]]
    return entry


def _names_batch(layer: Any, n: int) -> bool:
    """Whether a layer's entry is a reshape, of keras.ops or TensorFlow, into a shape with this number of samples."""
    config = layer.get("config")
    nodes = layer.get("inbound_nodes") if isinstance(config, dict) and config.get("function") == "reshape" else None
    shapes = [plain(config.get("newshape"))] if isinstance(config, dict) else []
    shapes += [item[3].get("shape") for item in nodes or () if len(item) > 3 and isinstance(item[3], dict)]
    return any(isinstance(shape, list) and shape[:1] == [n] for shape in shapes)
