"""XLA: the network as one program that XLA and IREE compile for any accelerator, and that runs without TensorFlow.

- `calls`: settings of a program
- `program`: the function that is traced, with its arguments and results; needs TensorFlow
- `folder`: programs, weights, a signature, golden samples, a script for JAX, and instructions
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import ParameterError
from ...files.manifest import write_manifest
from ...files.writing import replacing_folder
from ...graph import SpikingGraph
from ...neurons.base import is_whole
from ...runtime.arguments import check_steps, check_varying, initial_voltages
from ...runtime.result import Result
from ...text.plain import plural, run_text
from ..programs import run as run_program
from ..target import Check, Inputs, Plan, Settings, Target
from .calls import OPTIONS, Calls, batch_sizes_of, calls_of
from .folder import SCRIPT, write_folder

__all__ = ["TARGET", "export_xla", "plan"]

_N_GOLDEN = 4  # random samples


def export_xla(
    graph: SpikingGraph,
    path: str | os.PathLike[str],
    n_steps: int,
    batch_size: int | Iterable[int] = 1,
    dt: float | None = None,
    *,
    reduce: str = "mean",
    record: str = "rates",
    varying: Iterable[str] = (),
    dtype: str = "float32",
    precision: str = "float32",
    platform: str = "cpu",
    initial_voltage: float | str = 0.0,
    seed: int | None = None,
    force: bool = False,
) -> None:
    """Write a folder with the network as one XLA program, which JAX alone runs on CPUs, GPUs and TPUs.

    A call takes the inputs by name, (n, *input), and the state of the neurons, and gives the outputs, what is recorded,
    and the state after its last step. The folder's README has the arguments and results, ``run.py`` a class for JAX.

    Parameters
    ----------
    path : path
        A folder that is not there, or is empty.
    n_steps : int
        Steps of every call.
    batch_size : int or iterable of int
        Samples of every call; several make a program each.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    reduce : str
        Outputs are their "mean" over all steps, or the "last" step's, then softmax or the like where the model has it;
        or with "none" those of every step, (n, n_steps, *output), before that.
    record : str
        "rates" in Hz or "spikes" per step of every population, or "nothing".
    varying : iterable of str
        Inputs that vary in time, (n, n_steps, *input).
    dtype : str
        "float32" or "float64".
    precision : str
        "float32"; "tensorfloat32" lets products on GPUs round their inputs to 10 bits of fraction.
    platform : str
        "cpu" or "gpu": where the program is quick; it runs on both. On a GPU, the one for GPUs took between a fifth and
        nine tenths of the other's time; on a CPU, its neurons take some twenty times as long.
    initial_voltage, seed
        See `Simulator`.
    force : bool
        Replace a folder that an earlier call wrote.

    Raises
    ------
    InputError, ParameterError
        If a parameter is out of its range.
    ExportError
        If TensorFlow is older than 2.19.
    ModelFileError
        If the folder cannot be written.
    """
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    names = check_varying(graph, varying)
    calls = Calls(n_steps, dt, names, reduce, record, dtype, precision, platform)
    calls.check(graph)
    wanted = list(batch_size) if isinstance(batch_size, Iterable) else [batch_size]
    if not wanted or not all(map(is_whole, wanted)):
        raise ParameterError(f"batch_size must be a whole number above 0, or several. Received {batch_size!r}.")
    wanted = [int(n) for n in wanted]
    samples = graph.random_inputs(_N_GOLDEN, 0)
    samples = {name: x[:, None].repeat(n_steps, 1) if name in names else x for name, x in samples.items()}
    voltages = initial_voltages(graph, initial_voltage, seed)
    with replacing_folder(path, force) as folder:
        write_folder(graph, calls, wanted, voltages, samples, folder)
        write_manifest(folder, target="xla", snnconv=__version__, n_steps=n_steps, dt=dt, batch_sizes=sorted(wanted))


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the programs for as many steps as are measured, and measure with one that gives every spike."""
    calls = calls_of(settings.options, settings.n_steps, settings.dt, frozenset(settings.inputs.varying))
    batch_sizes = batch_sizes_of(settings.options["batch_sizes"])
    voltages = initial_voltages(graph, 0.0, None)

    def write(path: Path) -> None:
        write_folder(graph, calls, batch_sizes, voltages, dict(settings.inputs), path)

    def run(path: Path, xs: Inputs, n_steps: int) -> Result:
        from .program import Whole

        every = Calls(n_steps, calls.dt, calls.varying, "none", "spikes", calls.dtype, calls.precision)
        whole = Whole(graph, every, min(xs.n, max(batch_sizes)))
        found = whole.batches(dict(xs), whole.start(voltages))
        by_kind: dict[str, dict[str, Any]] = {"output": {}, "spikes": {}}
        for (kind, name), value in found.items():
            by_kind[kind][name] = value
        return Result(by_kind["output"], n_steps=n_steps, dt=calls.dt, spikes=by_kind["spikes"])

    *smaller, last = batch_sizes
    sizes = " or ".join((*map(str, smaller), plural(last, "sample")))
    notes = [
        f"every call runs {run_text(calls.n_steps, calls.dt)}, as --steps says, for {sizes}",
        f"python {SCRIPT} in the folder runs it with JAX alone; here it was run by TensorFlow's XLA"
        + (", in the form for CPUs" if calls.platform == "gpu" else ""),
    ]
    return Plan(write, run, notes=tuple(notes))


def check_folder(path: Path) -> list[Check]:
    """Run the golden samples with JAX, where it is installed."""
    if importlib.util.find_spec("jax") is None:
        return [Check("program", None, "JAX is not installed here: pip install jax")]
    done = run_program([sys.executable, SCRIPT], path)
    return [Check("program", done.passed, done.said)]


TARGET = Target(
    "xla",
    "_xla",
    "all steps as one XLA program (StableHLO), which JAX and IREE run on any accelerator without TensorFlow",
    "nothing; a program is for fixed numbers of samples and steps",
    plan,
    OPTIONS,
    is_folder=True,
    check_folder=check_folder,
    uses_tensorflow=True,
)
