"""A spiking network as a tf.SavedModel, which runs without snnconv: in TensorFlow Serving, C++, Java, …"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from .._version import __version__
from ..errors import InputError, ParameterError
from ..files.manifest import write_manifest
from ..files.writing import replacing_folder
from ..graph import Input, Node, Population, Readout, SpikingGraph, Stateful
from ..runtime import tensorflow_ops
from ..runtime.arguments import check_dt, check_dtype, check_steps, initial_voltages
from ..runtime.compiled.model import Model
from ..runtime.compiled.stream import one_step

Values = dict[str, Any]


def export_saved_model(
    graph: SpikingGraph,
    path: str | os.PathLike[str],
    n_steps: int,
    dt: float = 0.001,
    *,
    reduce: str = "mean",
    rates: bool = False,
    varying: Iterable[str] = (),
    dtype: str = "float32",
    initial_voltage: float | str = 0.0,
    seed: int | None = None,
    force: bool = False,
) -> None:
    """Write a folder that TensorFlow loads and runs without snnconv: ``tf.saved_model.load(path)``.

    Its signature ``serving_default`` takes the inputs by name, (n, *input) for any n, and gives the outputs by name,
    (n, *output), as `Simulator.predict` does; in the names of inputs, _ stands for what is no letter or digit. It steps
    through time in one loop of plain operations. In float32 a spike may come one step earlier or later than in the
    Simulator, where rounding decides.

    Parameters
    ----------
    path : path
        A folder that is not there, or is empty.
    n_steps : int
        Steps of every call.
    dt : float
        Length of a step, in seconds.
    reduce : str
        "mean" of the output over all steps, or the "last" step's; then softmax or the like where the model has it.
    rates : bool
        Whether "<population>.rates", (n, *units) in Hz, is among the outputs.
    varying : iterable of str
        Inputs that vary in time, (n, n_steps, *input).
    dtype : str
        "float32" or "float64".
    initial_voltage, seed
        See `Simulator`.
    force : bool
        Replace a folder that an earlier call wrote.

    Raises
    ------
    InputError, ParameterError
        If a parameter is out of its range.
    ModelFileError
        If the folder cannot be written.
    """
    check_steps(n_steps, dt)
    check_dtype(dtype)
    check_dt(graph, dt)
    if reduce not in ("mean", "last"):
        raise ParameterError(f"reduce must be 'mean' or 'last'. Received {reduce!r}.")
    varying = frozenset([varying] if isinstance(varying, str) else varying)
    unknown = sorted(varying - {node.name for node in graph.inputs})
    if unknown:
        names = [node.name for node in graph.inputs]
        raise InputError(f"varying names {unknown[0]!r}, which is no input. Inputs are {names}.")
    voltages = initial_voltages(graph, initial_voltage, seed)
    model = Model(graph, dt, dtype, sparse=False)
    # variables: constants would lie in the graph's own file, which may not be larger than 2 GB
    arrays: list[tf.Variable] = []
    nodes = [node.map_arrays(lambda array: _kept(array, arrays)) for node in model.nodes]

    def serve(*inputs: tf.Tensor) -> Values:
        given = {node.name: x for node, x in zip(graph.inputs, inputs, strict=True)}
        constant = [node.map_arrays(tf.convert_to_tensor) for node in nodes]
        outputs, counts = _run(model, constant, given, varying, voltages, n_steps, is_mean=reduce == "mean")
        return {**outputs, **{f"{name}.rates": count / (n_steps * dt) for name, count in counts.items() if rates}}

    shapes = {node.name: (n_steps, *node.shape) if node.name in varying else node.shape for node in graph.inputs}
    names = _argument_names(shapes)
    signature = [tf.TensorSpec((None, *shape), dtype, names[name]) for name, shape in shapes.items()]
    module = _Servable(tf.function(serve, signature, autograph=False), arrays)
    with replacing_folder(path, force) as folder:
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
        about = {"n_steps": n_steps, "dt": dt, "reduce": reduce, "dtype": dtype}
        write_manifest(folder, target="saved_model", snnconv=__version__, **about)


class _Servable(tf.Module):
    """What is saved: a function and the variables that it reads."""

    def __init__(self, serve: Any, arrays: list[tf.Variable]):
        super().__init__()
        self.serve, self.arrays = serve, arrays


def _run(
    model: Model,
    nodes: list[Node],
    inputs: Values,
    varying: frozenset[str],
    voltages: Mapping[str, Any],
    n_steps: int,
    is_mean: bool,
) -> tuple[Values, Values]:
    """Answers by label, and spikes over the whole run by population, of all samples of a call."""
    n = tf.shape(next(iter(inputs.values())))[0]
    over_time = {name: tf.experimental.numpy.moveaxis(inputs[name], 1, 0) for name in varying}
    known = {name: x for name, x in inputs.items() if name not in varying}
    changing = set(varying)
    for node in nodes:
        if isinstance(node, Stateful) or any(name in changing for name in node.inputs):
            changing.add(node.name)
    still = [node for node in nodes if node.name not in changing]
    known, _ = one_step(still, known, {}, model.dt)
    moving = [node for node in nodes if node.name in changing and not isinstance(node, Input)]
    by_name = {node.name: node for node in nodes}
    counted = [node for node in moving if isinstance(node, Population)]

    def zeros(node: Node) -> Any:
        return tf.zeros((n, *node.shape), model.dtype)

    def body(step: Any, state: Any, totals: Values, counts: Values) -> Any:
        now = {**known, **{name: x[step] for name, x in over_time.items()}}
        values, state = one_step(moving, now, state, model.dt)
        outputs = {label: values[name] for label, name in model.outputs.items()}
        totals = {label: totals[label] + value if is_mean else value for label, value in outputs.items()}
        counts = {name: count + values[name] for name, count in counts.items()}
        return step + 1, state, totals, counts

    totals = {label: zeros(by_name[name]) for label, name in model.outputs.items()}
    counts = {node.name: zeros(node) for node in counted}
    start = (0, model.initial_state(n, voltages), totals, counts)  # pyright: ignore[reportArgumentType]
    _, _, totals, counts = tf.while_loop(lambda step, *_: step < n_steps, body, start)
    answers = {label: total / n_steps if is_mean else total for label, total in totals.items()}
    return {label: _read_out(by_name[model.outputs[label]], value) for label, value in answers.items()}, counts


def _read_out(node: Node, value: tf.Tensor) -> Any:
    return node.apply(value, xp=tensorflow_ops) if isinstance(node, Readout) else value


def _argument_names(names: Iterable[str]) -> dict[str, str]:
    """Names that TensorFlow takes for arguments: letters, digits and _, and no digit first."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub("^(?![A-Za-z])", "x", re.sub("[^A-Za-z0-9_]", "_", name))
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def _kept(array: tf.Tensor, arrays: list[tf.Variable]) -> tf.Variable:
    arrays.append(tf.Variable(array, trainable=False))
    return arrays[-1]
