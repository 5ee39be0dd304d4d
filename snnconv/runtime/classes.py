"""Classes: the ones that outputs name, and those in labels."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..graph import Readout, SpikingGraph


def class_scores(graph: SpikingGraph, label: str, output: np.ndarray) -> np.ndarray:
    """Outputs as one score per class, the largest of which names the class.

    One value behind a sigmoid is the score of class 1 against 0 for class 0: it is positive where the sigmoid is above
    one half.

    Parameters
    ----------
    output : (…, *output) array
        Before the readout's function.
    """
    return np.concatenate([np.zeros_like(output), output], -1) if is_binary(graph, label) else output


def classes_of(graph: SpikingGraph, label: str, output: np.ndarray, is_read: bool = False) -> np.ndarray:
    """Class numbers that outputs name.

    Parameters
    ----------
    output : (…, *output) array
    is_read : bool
        Whether the readout's function was applied to them.
    """
    if is_binary(graph, label):
        return (output[..., 0] > (0.5 if is_read else 0)).astype("int64")
    return output.argmax(-1)


def n_classes_of(graph: SpikingGraph, label: str) -> int | None:
    """Number of classes that an output tells apart; None where it gives other values."""
    shape = graph.readouts[label].shape
    return 2 if is_binary(graph, label) else shape[0] if len(shape) == 1 and shape[0] > 1 else None


def is_binary(graph: SpikingGraph, label: str) -> bool:
    """Whether an output is one sigmoid, which tells two classes apart."""
    node = graph[graph.outputs[label]]
    return isinstance(node, Readout) and node.function == "sigmoid" and node.shape == (1,)


def target_classes(y: np.ndarray, label: str, shape: tuple[int, ...], is_binary: bool) -> np.ndarray | None:
    """Class numbers, from class numbers or one-hot rows; None where `y` holds other targets of the output's shape."""
    check_numbers(y)
    is_vector = len(shape) == 1 and shape[0] > 1
    if is_vector and y.shape[1:] in ((), (1,)):
        y = y.reshape(-1)
        wrong = y[~((y >= 0) & (y < shape[0]) & (y == np.floor(y)))]
        if wrong.size:
            raise InputError(f"class numbers must be whole numbers from 0 to {shape[0] - 1}. Received {wrong[0]:g}.")
        return y
    if shape == (1,) and y.ndim == 1:
        y = y[:, None]
    if y.shape[1:] != shape:
        wanted = "(n,) or " if is_vector or shape == (1,) else ""
        raise InputError(
            f"y must have shape {wanted}(n{''.join(f', {size}' for size in shape)}) for output '{label}'. "
            f"Received {y.shape}."
        )
    if is_binary:
        return y[:, 0] if ((y == 0) | (y == 1)).all() else None
    is_one_hot = is_vector and ((y == 0) | (y == 1)).all() and (y.sum(-1) == 1).all()
    return y.argmax(-1) if is_one_hot else None


def check_numbers(y: np.ndarray) -> None:
    """Refuse targets that are no numbers.

    Raises
    ------
    InputError
        If they are text or objects.
    """
    if y.dtype.kind not in "biuf":
        example = next(iter(y.reshape(-1)), None)
        raise InputError(
            f"y must be class numbers or other numbers. Received {y.dtype} such as {example!r}. Number the classes in "
            f"the order of the network's outputs: y = np.array([names.index(each) for each in y])."
        )
