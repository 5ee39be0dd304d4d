"""Model files as earlier versions of Keras wrote them, made with h5py and json alone."""

import json
import zipfile
from io import BytesIO

import h5py
import numpy as np


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
