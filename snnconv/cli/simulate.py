"""``snnconv simulate``: run a graph in spikes.

What ``--precision`` changes: the spikes that come at other steps, or not at all.

The option ``--strategy``: over which devices and machines a run is shared out.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._version import __version__
from ..errors import DistributionError, InputError, ParameterError, one_line
from .app import complete_one_of
from .options import Dt, Dtype, Input, Json, KerasOptions, Model, check_writable

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..runtime.resumable.account import Account
    from ..runtime.resumable.run import Head
    from ..runtime.samples import Samples
    from ..tuning.doctor import Finding

NAME_WIDTH = 20  # longer names are broken, so that the table fits 80 columns
STEPS_SHOWN = (1, 2, 5)  # times powers of ten


def simulate(
    model: Model,
    input: Input = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", "-l", metavar="FILE", help="Class numbers, in an .npy or .npz file, for an accuracy."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Time steps to run.  [default: the config's, or 100]")
    ] = None,
    dt: Dt = None,
    dtype: Dtype = "float32",
    initial_voltage: Annotated[
        str, typer.Option(metavar="V", help="Voltage before the first step: a number up to 1, or uniform.")
    ] = "0",
    seed: Annotated[int, typer.Option(min=0, help="Seed of random inputs and uniform voltages.")] = 0,
    record: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Population to record, or NAME.spikes, .voltages, .rates; all. Repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write output and records to an .npz file.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was interrupted; from the start if there is none.")
    ] = False,
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of products: float32, tensorfloat32 or bfloat16; prints what differs.",
            autocompletion=complete_one_of("float32", "tensorfloat32", "bfloat16"),
        ),
    ] = "float32",
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mirrored: on all GPUs. multiworker: on all machines of TF_CONFIG.",
            autocompletion=complete_one_of("mirrored", "multiworker"),
        ),
    ] = None,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Run a spiking network and print its rates and accuracy.

    Inputs are held constant, or vary in time where they have an axis of steps behind that of the samples. An .npy file
    may be larger than memory.

    FILE of --out is written when all is done. What is finished until then lies in the folder FILE.parts. A run that
    stopped goes on with --resume and the same options; without --resume such a folder is never touched.

    Examples:

    - `snnconv simulate model.keras --input x.npy --labels y.npy --steps 200`

    - `snnconv simulate model.snn.h5 --input x.npy --record lif -o run.npz --resume`
    """
    import numpy as np

    from ..conversion.verify import random_inputs
    from ..runtime.result import check_precision, check_steps, initial_voltages, recording
    from ..runtime.resumable.parts import Parts, checksums
    from ..runtime.samples import Samples
    from .model import find_model, read_run
    from .samples import as_inputs, as_labels, read_arrays
    from .screen import print_json, say, show

    if steps is not None:
        check_steps(steps, 1.0)
    check_dtype(dtype)
    check_precision(precision, dtype)
    check_strategy(strategy)
    voltage = _initial_voltage(initial_voltage)
    if record and out is None:
        raise ParameterError("records are written to a file. Name it with -o FILE.")
    if resume and out is None:
        raise ParameterError("--resume goes on with the file of an earlier run. Name it with -o FILE.")
    if out is not None:
        check_writable(out)
    file = find_model(model, keras, dt)
    steps, dt, read = read_run(file, steps, dt)
    check_steps(steps, dt)
    given = None if input is None else read_arrays(input, mapped=True)
    classes = None if labels is None else read_arrays(labels)
    distribution = new_strategy(strategy)
    graph = file.open().graph
    wanted = recording(graph, record or ())
    voltages = initial_voltages(graph, voltage, seed)
    xs = random_inputs(graph, seed) if given is None else as_inputs(given, graph)
    samples = Samples(graph, xs, steps, dtype)
    n = samples.at_first
    if classes is not None:
        shapes = [view.shape for view in graph.readouts.values()]
        if len(shapes) != 1 or len(shapes[0]) != 1:
            raise InputError("labels are for networks with one output of one value per class.")
        samples = Samples(graph, xs, steps, dtype, as_labels(classes, n, shapes[0][0]))

    files = {"MODEL": model, "--input": input, "--labels": labels, "--config": keras.config}
    about = {
        "version of snnconv": __version__,
        **checksums(files if out is not None else {}),
        "--steps": steps,
        "--dt": dt,
        "--dtype": dtype,
        "--precision": precision,
        "--initial-voltage": voltage,
        "--seed": seed if input is None or voltage == "uniform" else None,
        "--record": sorted(f"{name}.{kind}" for kind, names in wanted.items() for name in names),
        "--custom-objects": keras.custom_objects,
        "readout": read,
    }

    from .app import import_tensorflow

    import_tensorflow()
    from ..runtime.batches import Batches
    from ..runtime.engine import engines_of
    from ..runtime.resumable.run import LongRun
    from ..runtime.workers import Workers
    from ..tuning import Readout

    readout = Readout(**read)
    if readout.skip >= steps:
        raise ParameterError(f"the readout of {keras.config} leaves out {readout.skip} steps. Run more than {steps}.")
    workers = Workers(distribution)
    engines = engines_of(distribution, graph, dt, dtype, voltages, precision=precision)
    sizes = Batches(graph, dtype, engines, share=(workers.index, workers.n)).sizes(n, steps)
    run = LongRun(workers, None if out is None else Parts(out), about, n, steps, sizes, resume)
    if workers.n > 1 and not json:
        say(f"This is {workers.name(workers.index)} of {workers.n}. It runs {run.n_own:,} of {n:,} samples.")
    if resume and not json:
        done = f"{run.n_done:,} of {n:,} samples were done before."
        say(done if run.n_done else "There is no run to go on with: it starts at the first sample.")
    batches = Batches(graph, dtype, engines, batch_size=run.sizes[0], chunk_steps=run.sizes[1])
    is_mean = readout == Readout()

    def read_at(output: Any) -> Any:
        return np.nan_to_num(readout.read(output, dt), nan=-np.inf)

    account = run.run(graph, dt, batches, samples, wanted, None if is_mean else read_at)
    if workers.index:
        return
    labels_given = (
        None if classes is None else as_labels(classes, n, graph.readouts[next(iter(graph.outputs))].shape[0])
    )
    findings = [] if given is None else _findings(graph, run.head, xs, labels_given, steps, dt)
    about_spikes = {"dt": dt, "initial_voltage": voltage, "seed": seed}
    moved = None if precision == "float32" else moved_spikes(graph, samples, steps, precision, **about_spikes)
    if json:
        contents = _contents(graph, account, steps, dt, readout.skip)
        of_precision = {"precision": precision, "moved_spikes": None if moved is None else vars(moved)}
        more = {
            "dtype": dtype,
            **of_precision,
            "readout": str(readout),
            "findings": [finding.to_dict() for finding in findings],
            "random_inputs": input is None,
            "file": None if out is None else str(out),
        }
        print_json({**contents, **more})
        return
    if moved is not None:
        say(str(moved))
    what = f"{n:,} random samples (no --input)" if input is None else f"{n:,} samples"
    where = f" on {len(engines) * workers.n} devices" if len(engines) * workers.n > 1 else ""
    products = "" if precision == "float32" else f", products in {precision}"
    say(f"Ran {what} for {steps} steps of {dt * 1e3:g} ms in {dtype}{products}{where}.")
    if graph.populations:
        show(_rates_table(_contents(graph, account, steps, dt)["populations"]))
    if account.right is not None:
        if not is_mean:
            say(f"Answers are read as {keras.config} says: {readout}.")
        show(accuracy_table(account.right / account.n, dt, readout.skip))
    for finding in findings:
        say(f"Doctor: {finding}", indent=8)
    if out is not None:
        say(f"Wrote {out}.")


def check_dtype(dtype: str) -> None:
    """Raise ParameterError unless it is a type that both runtimes have."""
    if dtype not in ("float32", "float64"):
        raise ParameterError(f"--dtype must be float32 or float64. Received {dtype!r}.")


def accuracy_table(accuracy: Any, dt: float, skip: int = 0) -> Any:
    """Accuracy after 1, 2, 5, 10, … steps and at the end, with a bar for each.

    Parameters
    ----------
    accuracy : (n_steps,) array
    dt : float
        Length of a step, in seconds.
    skip : int
        Steps at the beginning that have no answer yet.
    """
    from .screen import bar, new_table

    table = new_table("steps", "time", "accuracy", "", left=0)
    table.columns[-1].justify = "left"
    n_steps = len(accuracy)
    shown = {base * 10**power for base in STEPS_SHOWN for power in range(len(str(n_steps)))}
    for step in sorted({step for step in shown if max(5, skip + 1) <= step < n_steps} | {n_steps}):
        share = float(accuracy[step - 1])
        table.add_row(str(step), f"{step * dt * 1e3:g} ms", f"{share:.1%}", bar(share))
    return table


def _initial_voltage(text: str) -> float | str:
    try:
        return text if text == "uniform" else float(text)
    except ValueError:
        raise ParameterError(f"--initial-voltage must be 'uniform' or a number up to 1. Received {text!r}.") from None


def _findings(graph: SpikingGraph, head: Head | None, xs: Any, y: Any, n_steps: int, dt: float) -> list[Finding]:
    """What the doctor finds in the first samples of the run, where inputs are held."""
    from ..tuning.doctor import examination, notable_of

    if head is None:  # run earlier, or by another worker
        return []
    few = len(head.output)
    given: dict[str, Any] = xs if isinstance(xs, dict) else {graph.inputs[0].name: xs}
    if any(given[node.name].ndim > len(node.shape) + 1 for node in graph.inputs):  # they vary in time
        return []
    held = graph.check_inputs({name: array[:few] for name, array in given.items()}, "float32")
    found = examination(graph, held, head.rates, head.output, n_steps, dt)
    return notable_of(found, None if y is None else y[:few])


def _contents(graph: SpikingGraph, account: Account, n_steps: int, dt: float, skip: int = 0) -> dict[str, Any]:
    """Rates of the populations, in Hz, and accuracy."""
    right, duration = account.right, n_steps * dt
    over_time = None if right is None else [None] * skip + (right[skip:] / account.n).tolist()
    populations = []
    for name in graph.populations:
        fired, spikes = account.fired[name], account.spikes[name] / account.n
        rates = {"mean_rate": spikes / fired.size / duration, "highest_rate": account.highest[name] / duration}
        silent = 1 - float(fired.mean())
        neurons = {"name": name, "n_neurons": fired.size}
        populations.append({**neurons, **rates, "silent": silent, "spikes_per_sample": spikes})
    return {
        "n_samples": account.n,
        "n_steps": n_steps,
        "dt": dt,
        "populations": populations,
        "accuracy": None if over_time is None else over_time[-1],
        "accuracy_over_time": over_time,
    }


def _rates_table(populations: list[dict[str, Any]]) -> Any:
    from ..graph.show import broken_name
    from .screen import new_table

    table = new_table("population", "neurons", "mean rate", "highest", "silent", "spikes per sample")
    for each in populations:
        rates = (f"{each['mean_rate']:.1f} Hz", f"{each['highest_rate']:.0f} Hz", f"{each['silent']:.0%}")
        row = (f"{each['n_neurons']:,}", *rates, f"{each['spikes_per_sample']:,.0f}")
        table.add_row(broken_name(each["name"], NAME_WIDTH), *row)
    return table


SAMPLES, BYTES = 8, 1 << 28  # that are compared at most


@dataclass(frozen=True)
class MovedSpikes:
    """Spikes of some samples in a precision, against float32; an entry is a neuron at a step of a sample."""

    precision: str
    n_samples: int
    n_entries: int
    n_differing: int
    n_spikes: int

    def __str__(self) -> str:
        share = self.n_differing / max(self.n_entries, 1)
        return (
            f"{self.precision} against float32, at the first {self.n_samples} samples: {share:.3%} of "
            f"{self.n_entries:,} entries (neuron and step) differ, of which {self.n_spikes:,} hold spikes."
        )


def moved_spikes(graph: SpikingGraph, samples: Samples, n_steps: int, precision: str, **options: Any) -> MovedSpikes:
    """How many spikes a precision moves, against float32, at the first samples.

    Parameters
    ----------
    options
        See `snnconv.Simulator`.
    """
    import numpy as np

    from ..runtime.simulator import Simulator

    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    n = max(1, min(SAMPLES, samples.at_first, BYTES // max(n_neurons * n_steps, 1)))
    _, (xs, _) = next(samples.parts(n))
    rounded, exact = (
        Simulator(graph, precision=each, **options).run(xs, n_steps, "all.spikes").spikes
        for each in (precision, "float32")
    )
    n_spikes = sum(int(np.count_nonzero(each)) for each in exact.values())
    n_moved = sum(int(np.count_nonzero(rounded[name] != exact[name])) for name in exact)
    return MovedSpikes(precision, n, n_neurons * n * n_steps, n_moved, n_spikes)


STRATEGIES = ("mirrored", "multiworker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:9000", "10.0.0.2:9000"]}, "task": {"type": "worker", "index": 0}}'


def check_strategy(name: str | None) -> None:
    """Find out without TensorFlow that there is no such strategy, or no cluster for it.

    Raises
    ------
    ParameterError
        If so.
    """
    if name is not None and name not in STRATEGIES:
        raise ParameterError(f"--strategy must be {' or '.join(STRATEGIES)}. Received {name!r}.")
    if name == "multiworker":
        try:
            config = json.loads(os.environ["TF_CONFIG"])
            kind, index = config["task"]["type"], config["task"]["index"]
            config["cluster"][kind][index]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ParameterError(
                f"--strategy multiworker needs all workers, and which of them this is, in the environment variable "
                f"TF_CONFIG, such as {EXAMPLE}. Received {os.environ.get('TF_CONFIG')!r}."
            ) from error


def new_strategy(name: str | None) -> Any:
    """The tf.distribute strategy of that name, or None; the first thing that TensorFlow is used for.

    Raises
    ------
    DistributionError
        If it cannot be set up.
    """
    if name is None:
        return None
    from .app import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    try:
        return tf.distribute.MirroredStrategy() if name == "mirrored" else tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise DistributionError(f"cannot set up the strategy '{name}': {one_line(error)}.") from error
