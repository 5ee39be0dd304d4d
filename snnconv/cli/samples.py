"""Samples and labels that commands run and measure with, from .npy and .npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, ParameterError
from ..files.arrays import Arrays, read_arrays
from ..graph import Inputs, SpikingGraph
from ..runtime.classes import check_numbers, n_classes_of, target_classes


def read_data(data: Path | None, labels: Path | None, mapped: bool = False) -> tuple[Arrays | None, Arrays | None]:
    """Read the files of inputs and labels; labels may lie beside the inputs, as y.

    Parameters
    ----------
    mapped : bool
        Leave inputs in an .npy file there, to be read part by part.

    Raises
    ------
    ParameterError, InputError
        If labels are named and inputs, whose place random numbers take, are not, or a file cannot be read.
    """
    if labels is not None and data is None:
        raise ParameterError("--labels are those of --input. Name the inputs as well.")
    given = None if data is None else read_arrays(data, mapped)
    if labels is not None:
        return given, read_arrays(labels)
    return given, given["y"] if isinstance(given, dict) and "y" in given else None


def as_inputs(data: Arrays, graph: SpikingGraph) -> Any:
    """The arrays of a file as inputs of a graph: one array, one named "x", or one named as each input.

    Raises
    ------
    InputError
        If the names are others.
    """
    names = [node.name for node in graph.inputs]
    if isinstance(data, np.ndarray):
        if len(names) > 1:
            raise InputError(f"the network has several inputs: name an .npz file with an array for each of {names}.")
        return data
    if all(name in data for name in names):
        return {name: data[name] for name in names}
    if len(names) == 1 and ("x" in data or len(data) == 1):
        return data.get("x", next(iter(data.values())))
    wanted = " and ".join(f"'{name}'" for name in names)
    raise InputError(f"the file of inputs must hold an array {wanted}. It holds {sorted(data)}.")


def as_labels(data: Arrays, n: int, n_classes: int) -> np.ndarray:
    """The arrays of a file as class numbers, one per sample; one-hot rows and an array named "y" are understood.

    Raises
    ------
    InputError
        If they are no class numbers.
    """
    if isinstance(data, dict):
        if "y" not in data and len(data) != 1:
            raise InputError(f"the file of labels must hold an array 'y'. It holds {sorted(data)}.")
        data = data.get("y", next(iter(data.values())))
    check_numbers(data)
    found = data[0] if data.shape == (1, n) else data
    if found.shape not in ((n,), (n, 1), (n, n_classes)):
        raise InputError(f"labels must be class numbers, one for each of the {n} samples. Received {found.shape}.")
    labels = target_classes(found, "labels", (n_classes,), False)
    if labels is None:
        raise InputError("labels must be class numbers, or rows of 0 with one 1. Received rows of other numbers.")
    return labels.astype("int64")


def first_of(data: Any, n: int) -> Any:
    """The first samples of one array, or of several by name; an array of no axes as it is."""
    if isinstance(data, dict):
        return {name: first_of(array, n) for name, array in data.items()}
    return data[:n] if data.ndim else data


def has_classes(graph: SpikingGraph) -> bool:
    """Whether a graph has one output, of one value per class or of one sigmoid for two classes."""
    return len(graph.outputs) == 1 and n_classes_of(graph, next(iter(graph.outputs))) is not None


def n_classes(graph: SpikingGraph) -> int:
    """Number of classes that a graph tells apart.

    Raises
    ------
    InputError
        If its outputs are no classes.
    """
    found = n_classes_of(graph, next(iter(graph.outputs))) if len(graph.outputs) == 1 else None
    if found is None:
        raise InputError("labels are for networks with one output, of one value per class or of one sigmoid.")
    return found


def class_numbers(graph: SpikingGraph, given: Arrays | None, classes: Arrays | None, n: int) -> np.ndarray | None:
    """The class numbers of `n` samples, as `read_data` gave both; None where there are none.

    A y beside the inputs of a network without classes is no class number, and not an error: nobody named it.

    Raises
    ------
    InputError
        If they are no class numbers, or named for a network without classes.
    """
    is_beside = isinstance(given, dict) and classes is given.get("y")
    if classes is None or (is_beside and not has_classes(graph)):
        return None
    return as_labels(classes, n, n_classes(graph))


def as_samples(
    graph: SpikingGraph, given: Arrays | None, classes: Arrays | None, samples: int | None, n_random: int, n_steps: int
) -> tuple[Inputs, np.ndarray | None]:
    """The first samples as inputs of a graph, random numbers in 0…1 where there are none, and their class numbers.

    Parameters
    ----------
    samples : int or None
        How many at most; None: all.

    Raises
    ------
    InputError
        If they do not fit the graph.
    """
    if given is None:
        return graph.check_inputs(graph.random_inputs(n_random), "float32"), None
    xs = graph.check_inputs(as_inputs(given, graph), "float32", n_steps)
    y = class_numbers(graph, given, classes, xs.n)
    return xs.part(slice(samples)), None if y is None else y[:samples]
