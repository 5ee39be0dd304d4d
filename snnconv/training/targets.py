"""Targets of a training in spikes: labels, the answers of a teacher, or a mixture; and the loss that goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph import Inputs, Readout, SpikingGraph
from ..neurons import numpy_ops
from ..runtime.classes import is_binary, n_classes_of, target_classes


@dataclass(frozen=True, eq=False)
class Targets:
    """Values to learn for each sample, the loss, and the right answers to measure by.

    Parameters
    ----------
    values : (n, …) float32 array
        Probabilities of classes, or values.
    loss : keras.losses.Loss
    right : (n,) class numbers, or (n, …) values
    """

    values: np.ndarray
    loss: Any
    right: np.ndarray


def targets_of(graph: SpikingGraph, xs: Inputs, y: Any, teacher: Any = None, share: float = 0.5) -> Targets:
    """The targets for the output of a graph.

    Parameters
    ----------
    y : (n,) class numbers, one-hot rows, (n, *output) values, or None
    teacher : keras.Model, SpikingGraph in rates, or None
        Its answers are mixed with `y`, as cross-entropy and squared errors allow: they are linear in the targets.
    share : float
        Weight of the teacher's answers in the mixture.

    Raises
    ------
    InputError
        If there are neither labels nor a teacher, or they do not fit.
    """
    import keras

    (label,) = graph.outputs
    node = graph[graph.outputs[label]]
    if y is None and teacher is None:
        raise InputError("finetune needs targets: pass y, or teacher='rates' to learn the network's own answers.")
    right = None if y is None else np.asarray(y)
    if right is not None and len(right) != xs.n:
        raise InputError(f"y must have one entry for each of the {xs.n} samples. Received {len(right)}.")
    n_classes, two = n_classes_of(graph, label), is_binary(graph, label)
    classes = None if right is None else target_classes(right, label, node.shape, two)
    taught = None if teacher is None else _answers(teacher, xs)
    if n_classes is None or (right is not None and classes is None):
        values = np.asarray(_mixed(right, taught, share), "float32")
        return Targets(values, keras.losses.MeanSquaredError(), values)
    is_read = isinstance(node, Readout)
    if taught is not None and not is_read:
        taught = numpy_ops.softmax(taught.astype("float64"))
    known = None
    if classes is not None:
        known = classes[:, None] if two else np.eye(n_classes)[classes.astype("int64")]
    values = np.asarray(_mixed(known, taught, share), "float32")
    if classes is None:
        classes = values[:, 0] > 0.5 if two else values.argmax(-1)
    kind = keras.losses.BinaryCrossentropy if two else keras.losses.CategoricalCrossentropy
    return Targets(values, kind(from_logits=not is_read), classes.astype("int64"))


def _mixed(known: Any, taught: Any, share: float) -> Any:
    if known is None or taught is None:
        return taught if known is None else known
    return (1 - share) * known + share * taught


def _answers(teacher: Any, xs: Inputs) -> np.ndarray:
    """Outputs of a Keras model, or of a graph in rates."""
    if isinstance(teacher, SpikingGraph):
        from ..runtime.rates import rate_values

        (name,) = teacher.outputs.values()
        return rate_values(teacher, xs, [name])[name]
    inputs = list(xs.values())
    answers: Any = teacher.predict(inputs[0] if len(inputs) == 1 else inputs, batch_size=256, verbose=0)
    return np.asarray(answers)
