"""Export: a graph written for other programs, whole or not at all, and then measured. One module per target:

- `numbers`: every number as HDF5, NPZ or JSON
- `nir`: NIR, which snnTorch, Norse, SpikingJelly and others read
- `nengo`: a script that builds the network in Nengo
- `lava`: a chain of layers for lava-dl and Loihi 2
- `saved_model`: a tf.SavedModel, which runs without snnconv
- `xla`: one XLA program, which JAX runs without TensorFlow
- `params`: every number, float and integer, for C and Verilog written by hand
- `c`: a C99 program with a self-test
- `verilog`: a circuit with a test bench

They share `target` (`Target`, `Plan`, `Limit`), `fidelity` (the measurement), `integers` and `places`
(networks as other programs have them) and `programs`. A new target is a module with a `TARGET`, named in the tuple
below.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .._version import __version__
from ..errors import ExportError, ParameterError
from ..files.manifest import changed_files, read_manifest, write_manifest
from ..files.writing import replacing, replacing_folder
from ..graph import Inputs, SpikingGraph
from ..graph.reading import PLAIN
from ..runtime.arguments import check_dt, check_steps
from ..text.advice import argument
from ..text.plain import plural
from . import c, lava, nengo, nir, numbers, params, saved_model, verilog, xla
from .fidelity import N_SAMPLES, N_STEPS, LayerDifference, Measurement, Verdict, measure
from .target import Check, Limit, Option, Plan, Settings, Target

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for target in (
            *numbers.TARGETS,
            nir.TARGET,
            nengo.TARGET,
            lava.TARGET,
            saved_model.TARGET,
            xla.TARGET,
            params.TARGET,
            c.TARGET,
            verilog.TARGET,
        )
    }
)

__all__ = [
    "TARGETS",
    "Check",
    "LayerDifference",
    "Limit",
    "Measurement",
    "Option",
    "Plan",
    "Settings",
    "Target",
    "Verdict",
    "export",
    "find_target",
]


def find_target(name: str) -> Target:
    """The target of that name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in TARGETS:
        raise ParameterError(f"there is no export target '{name}'. There are: {', '.join(TARGETS)}.")
    return TARGETS[name]


def export(
    graph: SpikingGraph,
    path: str | os.PathLike[str],
    target: str = "hdf5",
    dt: float | None = None,
    *,
    x: Any = None,
    n_steps: int = N_STEPS,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
    approximate: bool = False,
    force: bool = False,
    **options: Any,
) -> Verdict:
    """Write `graph` in the format of a target, whole or not at all, and measure how faithful that is.

    Parameters
    ----------
    dt : float or None
        Time step the file is meant for, in seconds; noted beside the parameters of every population. None: that of the
        graph, `SpikingGraph.dt`.
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        Samples to measure with, as for `Simulator.run`. None: a few samples of random numbers in 0…1.
    n_steps : int
        Steps to measure.
    n_samples, seed : int
        Number of random inputs, and their seed, where `x` is None.
    approximate : bool
        Write an approximation of what the target cannot hold, where there is one.
    force : bool
        Replace a folder that an earlier export wrote, if all in it is as it was written, or any file.
    **options
        The target's own settings.

    Returns
    -------
    Verdict
        Printed, it is one line.

    Raises
    ------
    ExportError
        If the target cannot hold the network; the message names all layers that it cannot hold.
    InputError, ParameterError
        If the target is unknown, or data or a parameter is out of range.
    ModelFileError
        If the file cannot be written, is there and was not written by snnconv, or its name ends as those of another
        format do.
    """
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    check_dt(graph, dt)
    chosen = find_target(target)
    checked = chosen.check_options(options)
    chosen.check_place(path, force)
    inputs = graph.check_inputs(graph.random_inputs(n_samples, seed) if x is None else x, "float64", n_steps)
    plan = chosen.plan(graph, Settings(dt, inputs, n_steps, checked))
    _check_limits(plan.limits, target, approximate)
    if graph.reading != PLAIN:
        said = f"answers are the mean of the outputs {graph.reading.described}, as calibration chose"
        plan = dataclasses.replace(plan, notes=(*plan.notes, said))
    if chosen.is_folder:
        with replacing_folder(path, force) as folder:
            plan.write(folder)
            verdict = _judge(plan, graph, folder, inputs, n_steps, dt, x is None)
            about = {"dt": dt, "options": checked, **graph.reading.fields, "verdict": str(verdict)}
            write_manifest(folder, target=target, snnconv=__version__, **about, **plan.about)
    else:
        with replacing(path, force) as file:
            plan.write(file)
            verdict = _judge(plan, graph, file, inputs, n_steps, dt, x is None)
    return verdict


def verify_folder(folder: str | os.PathLike[str]) -> list[Check]:
    """Check that no file of a folder has changed; if none has, compile and run what the folder contains.

    Raises
    ------
    ModelFileError
        If it has no manifest that snnconv wrote.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    found = changed_files(folder)
    more = [name for name, change in found.items() if change == "not in the manifest"]
    bad = [f"{name} is {change}" for name, change in found.items() if name not in more]
    said = "; ".join(bad) if bad else f"all {len(manifest['files'])} are as they were written"
    checks = [Check("files", not bad, said + (f"; not in the manifest: {', '.join(more)}" if more else ""))]
    if bad:
        return checks
    target = TARGETS.get(str(manifest.get("target")))
    if target is None or target.check_folder is None:
        return [*checks, Check("contents", None, "this target has nothing that could be run here")]
    return [*checks, *target.check_folder(folder)]


def _check_limits(limits: tuple[Limit, ...], target: str, approximate: bool) -> None:
    """Raise ExportError, for all limits together, unless each may be approximated."""
    stuck = [limit for limit in limits if limit.instead is None]
    if not stuck and (approximate or not limits):
        return
    advice = list(dict.fromkeys(limit.advice for limit in limits if limit.advice))
    if stuck and len(stuck) < len(limits):
        advice.append(f"There is no approximation of {'; '.join(map(str, stuck))}")
    elif not stuck:
        changes = "; ".join(f"{limit.what} {limit.instead}" for limit in limits)
        advice.append(f"Or write it with {argument('approximate', True)}, which measures what that changes: {changes}")
    raise ExportError(
        " ".join(f"{said}." for said in [f"target '{target}' cannot hold {'; '.join(map(str, limits))}", *advice])
    )


def _judge(
    plan: Plan, graph: SpikingGraph, path: Any, inputs: Inputs, n_steps: int, dt: float, is_random: bool
) -> Verdict:
    run = plan.run
    measured = None
    if run is not None:
        measured = measure(graph, lambda inputs, n_steps: run(path, inputs, n_steps), inputs, n_steps, dt)
    what = ("random sample", "in 0…1") if is_random else ("sample", "of the given data")
    described = f"{plural(inputs.n, what[0])} {what[1]}"
    return Verdict(measured, plan.limits, plan.changes, plan.notes, described, plan.unmeasured)
