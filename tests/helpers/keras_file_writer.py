"""Model files as earlier versions of Keras wrote them, made with h5py and json alone, and what to compare them with."""

import json
import zipfile
from io import BytesIO

import h5py
import keras
import numpy as np

from snnconv.conversion.files import load_model


def write_h5(
    path, config, weights, version="2.2.4", backend="tensorflow", texts=bytes, weights_only=False, names_in_parts=False
):
    """An .h5 file of Keras 1 or 2.

    `weights` holds, for each layer, a list of (name, array) in the order of the file; `texts` is how attributes were
    written: bytes by older versions of h5py, str by later ones.
    """

    def text(value):
        return value.encode() if texts is bytes else value

    def texts_of(values):
        return np.array(values, "S") if texts is bytes and values else np.array(values, h5py.string_dtype())

    with h5py.File(path, "w") as file:
        groups = [file]
        if not weights_only:
            file.attrs["model_config"] = text(json.dumps(config))
            file.attrs["training_config"] = text(json.dumps({"loss": "someones_loss", "metrics": ["someones_metric"]}))
            groups.append(file.create_group("model_weights"))
        for group in groups:
            for key, value in (("keras_version", version), ("backend", backend)):
                if value is not None:
                    group.attrs[key] = text(value)
        if names_in_parts:
            for n, name in enumerate(weights):
                groups[-1].attrs[f"layer_names{n}"] = texts_of([name])
        else:
            groups[-1].attrs["layer_names"] = texts_of(list(weights))
        for layer, arrays in weights.items():
            group = groups[-1].create_group(layer)
            group.attrs["weight_names"] = texts_of([name for name, _ in arrays])
            for name, array in arrays:
                group[name] = array
    return path


def write_keras(path, config, weights=None):
    """A .keras file; `weights` maps paths of datasets in model.weights.h5 to arrays."""
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in (weights or {}).items():
            file[name] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path


def edit_config(source, target, change):
    """A copy of a .keras file, with the config that `change` makes of its own."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "config.json":
                config = json.loads(data)
                data = json.dumps(change(config) or config)
            copy.writestr(name, data)
    return target


RNG = np.random.default_rng(3)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # Keras computes in float32


def numbers(*shape):
    return RNG.normal(0, 0.5, shape).astype("float32")


def predict(model, *xs):
    """Output of a model as an array, or a list of them."""
    values = model(list(xs) if len(xs) > 1 else xs[0], training=False)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, values)


def same(path, reference, *xs, **options):
    """The model in a file computes what the reference does."""
    loaded = load_model(path, **options)
    ours, theirs = (keras.tree.flatten(predict(model, *xs)) for model in (loaded, reference))
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, **CLOSE)
    return loaded


def with_weights(layers, *weights):
    """A Sequential of this Keras with these weights."""
    model = keras.Sequential(layers)
    model.set_weights(weights)
    return model


def dense(name, units, activation="linear", **more):
    return {
        "class_name": "Dense",
        "config": {
            "name": name, "trainable": True, "units": units, "activation": activation, "use_bias": True,
            "kernel_initializer": {
                "class_name": "VarianceScaling",
                "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "dtype": "float32"},
            },
            "bias_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}},
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
            "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
            **more,
        },
    }  # fmt: skip


def saved_dense(name, kernel, bias):
    return [(f"{name}/kernel:0", kernel), (f"{name}/bias:0", bias)]


def input_layer(name, shape):
    config = {"batch_input_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": config}


def conv_config(name, class_name="Conv2D", **more):
    config = {
        "name": name, "trainable": True, "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1],
        "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "use_bias": True,
        "activation": "linear", "bias_initializer": {"class_name": "Zeros", "config": {}, "shared_object_id": 3},
        **more,
    }  # fmt: skip
    return {"class_name": class_name, "config": config}


def node(entry, *inbound):
    """An entry of a functional model, connected as Keras 2 wrote it."""
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": list(inbound)}


def functional(name, layers, inputs, outputs, class_name="Model"):
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": class_name, "config": config}


def one_layer(entry, shape):
    entry["config"].setdefault("batch_input_shape", [None, *shape])
    return {"class_name": "Sequential", "config": [entry]}
