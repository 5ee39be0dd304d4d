"""Samples and labels that commands measure with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, ParameterError

if TYPE_CHECKING:
    from ..graph import SpikingGraph

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
    from .models import read_arrays

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
    import numpy as np

    from .models import as_inputs, as_labels

    if given is None:
        rng = np.random.default_rng(0)
        return {node.name: rng.random((n_random, *node.shape)) for node in graph.inputs}, None
    xs = graph.check_inputs(as_inputs(given, graph), "float32", n_steps)
    y = None
    if classes is not None:
        shapes = [view.shape for view in graph.readouts.values()]
        if len(shapes) != 1 or len(shapes[0]) != 1:
            raise InputError("labels are for networks with one output of one value per class.")
        y = as_labels(classes, len(next(iter(xs.values()))), shapes[0][0])[:samples]
    return {name: array[:samples] for name, array in xs.items()}, y
