"""A spiking network as a tf.SavedModel, which runs without snnconv: in TensorFlow Serving, C++, Java, …

The functions that are saved are in `module`, which imports TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..._version import __version__
from ...errors import ParameterError
from ...files.manifest import write_manifest
from ...files.writing import replacing_folder
from ...graph import SpikingGraph
from ...runtime.arguments import check_dt, check_dtype, check_steps, check_varying, initial_voltages
from ...runtime.result import Result
from ...text.plain import run_text
from ..target import Inputs, Option, Plan, Settings, Target

__all__ = ["TARGET", "export_saved_model", "plan"]

REDUCTIONS, DTYPES = ("mean", "last"), ("float32", "float64")


def export_saved_model(
    graph: SpikingGraph,
    path: str | os.PathLike[str],
    n_steps: int,
    dt: float | None = None,
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
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
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
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    check_dtype(dtype)
    check_dt(graph, dt)
    if reduce not in REDUCTIONS:
        raise ParameterError(f"reduce must be 'mean' or 'last'. Received {reduce!r}.")
    varying = check_varying(graph, varying)
    voltages = initial_voltages(graph, initial_voltage, seed)
    from .module import Run, save  # needs TensorFlow

    run = Run(graph, n_steps, dt, dtype, varying, voltages)
    with replacing_folder(path, force) as folder:
        save(run, folder, reduce=reduce, rates=rates)
        about = {"n_steps": n_steps, "dt": dt, "reduce": reduce, "dtype": dtype}
        write_manifest(folder, target="saved_model", snnconv=__version__, **about)


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Save the network for as many steps as are measured, with a second signature that gives every spike."""
    options = settings.options
    varying = settings.inputs.varying
    voltages = initial_voltages(graph, 0.0, None)

    def write(path: Path) -> None:
        from .module import Run, save

        run = Run(graph, settings.n_steps, settings.dt, options["dtype"], varying, voltages)
        save(run, path, reduce=options["reduce"], rates=options["rates"], every_step=True)

    def run(path: Path, xs: Inputs, n_steps: int) -> Result:
        from .module import run_saved

        outputs, spikes = run_saved(path, xs)
        return Result(outputs, n_steps=n_steps, dt=settings.dt, spikes=spikes)

    steps = f"every call runs {run_text(settings.n_steps, settings.dt)}, as --steps says"
    notes = [f"tf.saved_model.load(folder).signatures['serving_default'] runs it; {steps}"]
    notes += [f"input '{name}' varies in time, as its samples do" for name in settings.inputs if name in varying]
    return Plan(write, run, notes=tuple(notes))


TARGET = Target(
    "saved_model",
    "_saved_model",
    "the network in TensorFlow operations, for TensorFlow Serving, C++, Java and others without snnconv",
    "nothing",
    plan,
    (
        Option("reduce", str, "mean", "outputs are the mean over all steps, or the last step's", REDUCTIONS),
        Option("rates", bool, False, "rates of every population in Hz are among the outputs"),
        Option("dtype", str, "float32", "type of the numbers; rounding to float32 may move a spike by a step", DTYPES),
    ),
    is_folder=True,
    uses_tensorflow=True,
)
