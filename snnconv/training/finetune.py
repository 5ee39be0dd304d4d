"""Fine-tuning: a converted network trained in spikes for the steps that it will have, measured before and after."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, ParameterError
from ..graph import Inputs, SpikingGraph
from ..neurons.base import is_whole
from ..runtime.arguments import check_graph, check_steps
from ..text.advice import either
from .result import FineTuning, measured
from .targets import targets_of
from .unrolled import to_keras, with_weights_of
from .unrolled.model import TRAINABLE
from .unrolled.surrogates import RATE

CALIBRATION_SAMPLES = 500
RATES = "rates"
FLIP = "flip"


def finetune(
    graph: SpikingGraph,
    x: Any,
    y: Any = None,
    n_steps: int = 4,
    *,
    epochs: int = 2,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    validation: float | tuple[Any, Any] = 0.1,
    test: tuple[Any, Any] | None = None,
    calibrate: bool = True,
    spikes: Any = "signed",
    teacher: Any = None,
    teacher_share: float = 0.5,
    teacher_layers: float = 0.0,
    spike_penalty: float = 0.0,
    augment: Any = None,
    surrogate: str = RATE,
    trainable: str | Iterable[str] = TRAINABLE,
    dt: float | None = None,
    seed: int = 0,
    backup: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Any] = (),
    verbose: bool = True,
) -> FineTuning:
    """Calibrate a network for `n_steps` steps, train it in spikes for them, and measure what that brings.

    Parameters
    ----------
    graph : SpikingGraph
        As it was converted, or calibrated already.
    x : (n, *input) array
        Samples to train on, scaled as in training.
    y : (n,) class numbers, one-hot rows, or (n, *output) values; or None
        None: what the teacher says.
    n_steps : int
    epochs, batch_size : int
    learning_rate : float
        Of Adam, at the start; it falls to 0 along a cosine.
    validation : float, or (x, y)
        Share of the samples that is held back to measure on, or samples of their own. What the model was trained on
        before conversion flatters the network before: hold back what it has never seen.
    test : (x, y) or None
        Samples that are measured besides, and decide nothing.
    calibrate : bool
        Whether to calibrate first, with `CALIBRATION_SAMPLES` of `x`, what is not calibrated yet.
    spikes : {"signed", "binary"}
        Of calibrated relus; see `snnconv.calibrate`.
    teacher : "rates", keras.Model, SpikingGraph or None
        The network whose answers are learned, beside `y` where that is given: the one that was converted, in "rates",
        or another one. A graph is taken in rates.
    teacher_share : float
        Weight of its answers beside labels, 0…1.
    teacher_layers : float
        Weight in the loss of the layers' distance from it: the squared difference of their mean outputs from its rates,
        relative to these, on average over populations of the same name. The teacher is a graph, or "rates".
    spike_penalty : float
        Added to the loss for every spike of a neuron per step, on average over each population.
    augment : "flip", keras.layers.Layer or None
        Changes samples at random, in training alone: "flip" mirrors half of the images left to right; or a layer of
        Keras, such as `keras.layers.RandomTranslation`, or a `keras.Sequential` of them. For networks of one input.
    surrogate, trainable
        See `graph.to_keras`.
    dt : float or None
        Length of a step, in seconds, which the network is then made for. None: that of the graph, `SpikingGraph.dt`.
    seed : int
        Of the samples held back and of their order in training.
    backup : path or None
        Folder in which the state of training is kept after each epoch, and from which it goes on after a break, with
        the same settings.
    callbacks : sequence of keras.callbacks.Callback
    verbose : bool
        Whether Keras shows its progress.

    Returns
    -------
    FineTuning
        The network and its accuracies; it prints as a table.

    Raises
    ------
    ParameterError, InputError
        If a parameter or the data is out of range, or a node of the network has no gradient.
    ModelFileError
        If the state in `backup` is damaged, or that of another network or of other settings.
    """
    import keras

    check_graph(graph, "finetune")
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    teacher = graph if isinstance(teacher, str) and teacher == RATES else teacher
    _check(epochs, batch_size, learning_rate, teacher_share, teacher_layers, teacher)
    epochs, batch_size = int(epochs), int(batch_size)
    if len(graph.outputs) > 1:
        raise ParameterError(
            f"finetune is for networks of one output. This one has {list(graph.outputs)}: train "
            f"graph.to_keras(n_steps) with a loss for each."
        )
    xs = graph.check_inputs(x, "float32")
    wanted = targets_of(graph, xs, y, teacher, teacher_share)
    if isinstance(validation, (tuple, list)):
        fitted, held = np.arange(xs.n), (graph.check_inputs(validation[0], "float32"), np.asarray(validation[1]))
    else:
        fitted, numbers = held_back(xs.n, validation, seed)
        held = (xs.part(numbers), wanted.right[numbers])
    stages = {"converted": graph}
    start = _calibrated(graph, xs.part(fitted), n_steps, dt, spikes) if calibrate else graph
    if start is not graph:
        stages["calibrated"] = start
    start = dataclasses.replace(start, metadata={**start.metadata, "dt": repr(dt)})
    spiking = to_keras(start, n_steps, dt=dt, surrogate=surrogate, trainable=trainable, spike_penalty=spike_penalty)
    keras.utils.set_random_seed(seed)
    model = spiking
    if teacher_layers:
        from .unrolled.matching import matching

        model = matching(spiking, start, teacher, xs.part(fitted[:CALIBRATION_SAMPLES]), teacher_layers)
    model = _augmented(model, augment)
    inputs = [array[fitted] for array in xs.values()]
    schedule: Any = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * -(-len(fitted) // batch_size))
    # XLA's convolutions are slow under TensorFlow, where steps of neurons are compiled alone; JAX compiles all or none
    jit: Any = keras.backend.backend() == "jax"
    model.compile(keras.optimizers.Adam(schedule), wanted.loss, jit_compile=jit)
    kept, begun = None, 0
    if backup is not None:
        from .backup import Backup, digest

        settings = {
            "n_steps": n_steps,
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "calibrate": calibrate,
            "spikes": spikes,
            "teacher": RATES if teacher is graph else type(teacher).__name__,
            "teacher_share": teacher_share,
            "teacher_layers": teacher_layers,
            "spike_penalty": spike_penalty,
            "augment": augment if augment is None or isinstance(augment, str) else type(augment).__name__,
            "surrogate": surrogate,
            "trainable": [trainable] if isinstance(trainable, str) else list(trainable),
            "dt": dt,
            "seed": seed,
        }
        digests = {
            "weights": digest(array for node in graph.nodes for _, array in sorted(node.arrays().items())),
            "samples": digest(inputs),
            "labels": digest([] if y is None else [np.asarray(y)]),
        }
        kept = Backup(Path(backup), settings, digests)
        begun = kept.restore(model)
    began = time.perf_counter()
    fit = model.fit(
        inputs[0] if len(inputs) == 1 else inputs,
        wanted.values[fitted],
        batch_size=batch_size,
        epochs=epochs,
        initial_epoch=begun,
        verbose="auto" if verbose else 0,  # pyright: ignore[reportArgumentType]
        callbacks=[keras.callbacks.TerminateOnNaN(), *([] if kept is None else [kept]), *callbacks],
    )
    seconds = time.perf_counter() - began
    history = {key: [float(value) for value in values] for key, values in fit.history.items()}
    if not np.isfinite(history.get("loss", [0.0])).all():
        if kept is not None:  # there is nothing to go on with
            kept.clear()
        raise ParameterError(f"training diverged: the loss became {history['loss'][-1]}. Lower learning_rate.")
    stages["fine-tuned"] = with_weights_of(start, spiking)
    tested = None if test is None else measured(stages, *test, n_steps, dt)
    found = FineTuning(stages["fine-tuned"], n_steps, measured(stages, *held, n_steps, dt), tested, history, seconds)
    if kept is not None:
        kept.clear()
    return found


def check_settings(
    graph: SpikingGraph,
    n_steps: int,
    *,
    surrogate: str,
    trainable: str | Iterable[str],
    spike_penalty: float,
    augment: Any,
    **_: Any,
) -> None:
    """Raise ParameterError where `finetune` would refuse a network, or what of its settings depends on one."""
    _augmented(to_keras(graph, n_steps, surrogate=surrogate, trainable=trainable, spike_penalty=spike_penalty), augment)


def held_back(n: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the samples to train on, and of those drawn to measure on.

    Raises
    ------
    ParameterError, InputError
        If the share is out of range, or leaves nothing of one of them.
    """
    if not 0 < share < 1:
        raise ParameterError(f"validation must be a share between 0 and 1, or (x, y). Received {share!r}.")
    n_held = round(share * n)
    if not 0 < n_held < n:
        raise InputError(f"of {n} samples a share of {share:g} cannot be held back. Pass more samples.")
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[n_held:]), np.sort(order[:n_held])


def _calibrated(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float, spikes: Any) -> SpikingGraph:
    from ..tuning.calibrate import calibrate
    from ..tuning.calibrate.calibrate import can_be_calibrated

    if not can_be_calibrated(graph):
        return graph
    return calibrate(graph, xs.part(slice(CALIBRATION_SAMPLES)), n_steps, dt=dt, spikes=spikes)


def _augmented(model: Any, augment: Any) -> Any:
    """The model behind a layer that changes its input in training."""
    import keras

    if augment is None:
        return model
    shapes = [tuple(each.shape[1:]) for each in model.inputs]
    if isinstance(augment, str) and augment == FLIP and [len(shape) for shape in shapes] == [3]:
        augment = keras.layers.RandomFlip("horizontal")
    if not isinstance(augment, keras.layers.Layer) or len(shapes) > 1:
        what = either(
            f"augment must be 'flip', for images (height, width, channels), or a Keras layer, before the one input of "
            f"a network. Received {augment!r}",
            "flip is for one input of images, (height, width, channels). Received it",
        )
        raise ParameterError(f"{what} for inputs {shapes}.")
    return keras.Sequential([keras.Input(model.inputs[0].shape[1:]), augment, model])


def _check(
    epochs: Any, batch_size: Any, learning_rate: Any, teacher_share: Any, teacher_layers: Any, teacher: Any
) -> None:
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if not is_whole(value):
            raise ParameterError(f"{name} must be a whole number above 0. Received {value!r}.")
    if not 0 < learning_rate < math.inf:
        raise ParameterError(f"learning_rate must be above 0, and finite. Received {learning_rate!r}.")
    if not 0 < teacher_share <= 1:
        raise ParameterError(f"teacher_share must be above 0, and at most 1. Received {teacher_share!r}.")
    if isinstance(teacher, str):
        raise ParameterError(f"teacher must be 'rates', a Keras model or a graph. Received {teacher!r}.")
    if not (math.isfinite(teacher_layers) and teacher_layers >= 0):
        raise ParameterError(f"teacher_layers must be 0 or more. Received {teacher_layers!r}.")
    if teacher_layers and not isinstance(teacher, SpikingGraph):
        raise ParameterError(
            f"teacher_layers needs a teacher whose rates are known: teacher='rates', or a graph. Received {teacher!r}."
        )
