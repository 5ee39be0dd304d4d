"""Reading what commands are given: models, exported graphs and arrays.

Samples and labels that commands measure with.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import h5py
import numpy as np
import typer

from ..errors import ConfigError, InputError, ModelFileError, ParameterError
from ..graph import SpikingGraph, load
from ..graph.file import is_graph_file
from .options import KerasOptions

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..training.config import Config, Settings

DEFAULT_DT, DEFAULT_STEPS = 0.001, 100


def read_graph(
    path: Path,
    options: KerasOptions,
    synapse: float | None = None,
    scale_firing_rates: float | None = None,
) -> SpikingGraph:
    """The graph of a Keras file, converted, or of an exported one.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or neither of the two.
    ConversionError, ParameterError
        If it cannot be converted like this.
    """
    if options.settings is not None:
        settings = read_settings(options.settings, path)
        graph = load(path) if is_graph_file(path) else _converted(path, options)
        given = {"scale": scale_firing_rates, "synapse": synapse}
        given = {key: value for key, value in given.items() if value is not None}
        return adapted(graph, settings, **given)
    if not is_graph_file(path):
        return _converted(path, options, synapse=synapse, scale_firing_rates=scale_firing_rates)
    from ..tuning.adaptation import Adaptation

    return Adaptation(scale_firing_rates, synapse).apply(load(path))


def _converted(path: Path, options: KerasOptions, **given: Any) -> SpikingGraph:
    model = read_keras_model(path, options)
    from ..api import convert

    return convert(model, **given, verbose=False)


def adapted(graph: SpikingGraph, settings: Settings | Config, **given: Any) -> SpikingGraph:
    """The graph with the changes of [conversion] in the place of its own synapses; `given` goes before them."""
    from ..tuning.search.setting import without_synapses

    wanted = dataclasses.replace(settings.conversion.adaptation, **given)
    sources = {"refit": wanted.refit, "calibrate": wanted.calibrate}
    samples = {key: _few_samples(source, settings, graph) for key, source in sources.items() if source is not None}
    return dataclasses.replace(wanted, **samples).apply(without_synapses(graph), settings.simulation.dt)


def _few_samples(source: bool | Path, settings: Settings | Config, graph: SpikingGraph) -> Any:
    """The samples that [conversion] names, as inputs of the graph."""
    from .app import import_tensorflow

    import_tensorflow()
    n = settings.conversion.n_samples
    if isinstance(source, Path):
        data = as_inputs(read_arrays(source), graph)
        return {name: array[:n] for name, array in data.items()} if isinstance(data, dict) else data[:n]
    from ..training.datasets import load as load_dataset

    if settings.data is None:
        raise ConfigError("[conversion] asks for training data, and there is no [data] to say which.")
    return load_dataset(settings.data.dataset, settings.data.path).x_train[:n]


def read_settings(settings: Path, model: Path) -> Settings:
    """How to convert and run a network, from a TOML file.

    Raises
    ------
    ConfigError
        If the file is not understood, or is a training config and the model was converted with it already.
    """
    from ..files.toml import read_toml
    from ..training import config

    if is_graph_file(model) and "model" in read_toml(settings):
        raise ConfigError(
            f"{settings} is a training config, and '{model}' was converted already. Name the Keras model, or a file "
            f"that 'snnconv tune' wrote for '{model}'."
        )
    return config.load_settings(settings)


def read_keras_model(path: Path, options: KerasOptions) -> Any:
    """The model in a Keras file.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or no Keras model, or the module of custom objects cannot be imported.
    """
    from ..conversion.files import import_custom_objects, load_model
    from .app import import_tensorflow

    check_model_file(path, options)
    import_tensorflow()
    objects = None
    if options.custom_objects is not None:
        sys.path.append(os.getcwd())  # where a user expects modules of their own to be found
        objects = import_custom_objects(options.custom_objects)
    return load_model(path, options.model_json, objects, options.unsafe)


def read_dt(path: Path, dt: float | None) -> float:
    """The time step asked for, or else the one that an exported graph is meant for."""
    if dt is not None:
        return dt
    if not is_graph_file(path):
        return DEFAULT_DT
    with h5py.File(path, "r") as file:
        return float(file.attrs.get("dt", DEFAULT_DT))  # pyright: ignore[reportArgumentType]


def read_run(
    path: Path, options: KerasOptions, n_steps: int | None, dt: float | None
) -> tuple[int, float, dict[str, Any]]:
    """Number of steps, their length and the readout: those asked for, else the config's, else the usual ones.

    Raises
    ------
    ConfigError
        If the config is not understood.
    """
    if options.settings is None:
        return DEFAULT_STEPS if n_steps is None else n_steps, read_dt(path, dt), {}
    from ..files.toml import read_toml

    settings = read_settings(options.settings, path)
    named = read_toml(options.settings).get("simulation", {})
    if n_steps is None:
        n_steps = settings.simulation.n_steps
    if dt is None and "dt" in named:
        dt = settings.simulation.dt
    return n_steps, read_dt(path, dt), vars(settings.readout)


def check_model_file(path: Path, options: KerasOptions) -> None:
    """Find what is wrong with a file without TensorFlow, which takes seconds to import.

    Raises
    ------
    ModelFileError
        If it cannot be a model or an exported graph.
    """
    from ..conversion.files import check_model_file as check

    if not is_graph_file(path):
        check(path, options.model_json)


def check_writable(path: Path) -> None:
    """Find out before the work, not after it, that a file cannot be written.

    Raises
    ------
    ModelFileError
        If it is a folder, or in none.
    """
    if path.is_dir():
        raise ModelFileError(f"cannot write '{path}': it is a folder. Name a file in it.")
    if not path.absolute().parent.is_dir():
        raise ModelFileError(f"cannot write '{path}': there is no folder '{path.parent}'.")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise ModelFileError(f"cannot write '{path}': the folder '{path.parent}' may not be written to.")


def as_inputs(data: np.ndarray | dict[str, np.ndarray], graph: SpikingGraph) -> Any:
    """What `read_arrays` gave as inputs of a graph: one array, one named "x", or one named as each input.

    Raises
    ------
    InputError
        If the names are others.
    """
    names = [node.name for node in graph.inputs]
    if isinstance(data, np.ndarray):
        return data
    if all(name in data for name in names):
        return {name: data[name] for name in names}
    if len(names) == 1 and ("x" in data or len(data) == 1):
        return data.get("x", next(iter(data.values())))
    wanted = " and ".join(f"'{name}'" for name in names)
    raise InputError(f"the file of inputs must hold an array {wanted}. It holds {sorted(data)}.")


def as_labels(data: np.ndarray | dict[str, np.ndarray], n: int, n_classes: int) -> np.ndarray:
    """What `read_arrays` gave as class numbers, one per sample; one-hot rows and an array named "y" are understood.

    Raises
    ------
    InputError
        If they are no class numbers.
    """
    if isinstance(data, dict):
        if "y" not in data and len(data) != 1:
            raise InputError(f"the file of labels must hold an array 'y'. It holds {sorted(data)}.")
        data = data.get("y", next(iter(data.values())))
    is_one_hot = data.ndim == 2 and data.shape[-1] == n_classes > 1
    labels = data.argmax(-1) if is_one_hot else data.reshape(-1) if data.ndim <= 2 else data
    if labels.shape != (n,):
        raise InputError(f"labels must be class numbers, one for each of the {n} samples. Received {data.shape}.")
    if not np.isin(labels, np.arange(n_classes)).all():
        raise InputError(f"labels must be whole numbers from 0 to {n_classes - 1}. Received others.")
    return labels.astype("int64")


def read_arrays(path: Path, mapped: bool = False) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an .npy file, or those of an .npz file by name.

    Parameters
    ----------
    mapped : bool
        Leave the array of an .npy file there, to be read part by part.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if not path.is_file():
        raise InputError(f"there is no file '{path}'.")
    try:
        data = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if isinstance(data, np.ndarray):
            return data
        with data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        # NumPy's own message recommends to unpickle a file of unknown origin
        raise InputError(
            f"cannot read '{path}': it is damaged, holds Python objects, or is no .npy or .npz file."
        ) from error


Data = Annotated[
    Path | None,
    typer.Option(
        "--data", "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random]"
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", "-l", metavar="FILE", help="Class numbers, .npy or .npz.  [default: y of --data]"),
]


def check_samples(samples: int) -> None:
    """Raise ParameterError unless --samples is above 0."""
    if samples < 1:
        raise ParameterError(f"--samples must be a whole number above 0. Received {samples}.")


def read_data(data: Path | None, labels: Path | None) -> tuple[Any, Any]:
    """What the files of inputs and labels hold; labels may lie beside the inputs, as y.

    Raises
    ------
    InputError
        If a file cannot be read.
    """

    given = None if data is None else read_arrays(data)
    if labels is not None:
        return given, read_arrays(labels)
    return given, given["y"] if isinstance(given, dict) and "y" in given else None


def as_samples(graph: SpikingGraph, given: Any, classes: Any, samples: int, n_random: int, n_steps: int) -> Any:
    """The first samples as inputs of a graph, random numbers in 0…1 where there are none, and their class numbers.

    Raises
    ------
    InputError
        If they do not fit the graph.
    """
    if given is None:
        return graph.check_inputs(graph.random_inputs(n_random), "float32"), None
    xs = graph.check_inputs(as_inputs(given, graph), "float32", n_steps)
    y = None
    if classes is not None:
        shapes = [view.shape for view in graph.readouts.values()]
        if len(shapes) != 1 or len(shapes[0]) != 1:
            raise InputError("labels are for networks with one output of one value per class.")
        y = as_labels(classes, xs.n, shapes[0][0])[:samples]
    return xs.part(slice(samples)), y
