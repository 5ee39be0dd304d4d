"""``snnconv simulate``: run a graph in spikes, on the devices and machines that ``--strategy`` names."""

from __future__ import annotations

import json
import math
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DistributionError, ParameterError, one_line
from ..text.plain import plural, run_text
from ..text.table import Table
from .app import complete_one_of
from .options import Dt, Dtype, Force, Input, Json, KerasOptions, Labels, Model, ScaleFiringRates, Synapse

if TYPE_CHECKING:
    import numpy as np

    from ..graph import SpikingGraph
    from ..runtime.resumable.account import Account
    from ..runtime.resumable.run import LongRun
    from ..runtime.resumable.simulation import MovedSpikes, Simulation
    from ..runtime.samples import Samples
    from ..tuning import Readout
    from ..tuning.doctor import Finding

STEPS_SHOWN = (1, 2, 5)  # times powers of ten


def simulate(
    model: Model,
    input: Input = None,
    labels: Labels = None,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Time steps to run.  [default: the config's, or 100]")
    ] = None,
    dt: Dt = None,
    read_from: Annotated[
        int | None,
        typer.Option(
            "--read-from",
            metavar="N",
            help="Answers are plain means from this step on.  [default: as calibration chose, or 1]",
        ),
    ] = None,
    dtype: Dtype = "float32",
    initial_voltage: Annotated[
        str,
        typer.Option(
            metavar="V",
            help="Voltage before the first step, where the network has none of its own: a number up to 1, or uniform.",
        ),
    ] = "0",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of random inputs and uniform voltages.")] = 0,
    record: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Population to record, or NAME.spikes, .voltages, .rates; all. Repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write output and records to an .npz file.")
    ] = None,
    force: Force = False,
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
    worker_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Wait so long for the other workers of --strategy multiworker.")
    ] = 60.0,
    synapse: Synapse = None,
    scale_firing_rates: ScaleFiringRates = None,
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
    from ..conversion.verify import random_inputs
    from ..files.output import check_file
    from ..runtime.arguments import check_precision, check_read_from, check_steps, initial_voltages, recording
    from .model import find_model, read_run
    from .samples import as_inputs, read_data
    from .screen import print_json

    if steps is not None:
        check_steps(steps, 1.0)
    check_dtype(dtype)
    check_precision(precision, dtype)
    check_strategy(strategy)
    if not 0 < worker_timeout < math.inf:
        raise ParameterError(f"--worker-timeout must be a number of seconds above 0. Received {worker_timeout}.")
    voltage = _initial_voltage(initial_voltage)
    if record and out is None:
        raise ParameterError("records are written to a file. Name it with -o FILE.")
    if resume and out is None:
        raise ParameterError("--resume goes on with the file of an earlier run. Name it with -o FILE.")
    if out is not None:
        check_file(out, (".npz",), force)
    file = find_model(model, keras, dt)
    steps, read = read_run(file, steps)
    check_steps(steps, file.dt)
    given, classes = read_data(input, labels, mapped=True)
    distribution = new_strategy(strategy, worker_timeout)
    graph = file.open(synapse, scale_firing_rates, given).graph
    recorded = recording(graph, record or ())
    initial_voltages(graph, voltage, seed)
    xs = random_inputs(graph, seed) if given is None else as_inputs(given, graph)
    samples = _samples(graph, xs, given, classes, steps, dtype)

    from .app import import_tensorflow

    import_tensorflow()
    from ..runtime.resumable.run import LongRun
    from ..runtime.resumable.simulation import Simulation, moved_spikes
    from ..tuning import Readout

    if read_from is not None or not read:
        readout = Readout.of(check_read_from(graph, read_from, steps))
        said = "--read-from says" if read_from is not None else "calibration chose"
    else:
        readout, said = Readout(**read), f"{keras.config} says"
    if readout.skip >= steps:
        raise ParameterError(f"the readout of {keras.config} leaves out {readout.skip} steps. Run more than {steps}.")
    simulation = Simulation(
        graph=graph,
        samples=samples,
        n_steps=steps,
        dt=file.dt,
        recorded=recorded,
        dtype=dtype,
        precision=precision,
        initial_voltage=voltage,
        seed=seed if input is None or voltage == "uniform" else None,
        out=out,
        files={"MODEL": model, "--input": input, "--labels": labels, "--config": keras.config},
        others={"--custom-objects": keras.custom_objects, "readout": vars(readout)},
    )
    run = LongRun(simulation, distribution, resume)
    if not json:
        _show_beginning(simulation, run, resume)
    account = run.run(None if readout == Readout() else partial(_read_out, readout, file.dt))
    if run.workers.index:
        return
    findings = [] if given is None else _findings(simulation, run)
    moved = None if precision == "float32" else moved_spikes(simulation)
    if json:
        more = {
            "dtype": dtype,
            "precision": precision,
            "moved_spikes": None if moved is None else vars(moved),
            "readout": str(readout),
            "findings": [finding.to_dict() for finding in findings],
            "random_inputs": input is None,
            "file": None if out is None else str(out),
        }
        print_json({**_contents(simulation, account, readout.skip), **more})
        return
    n = simulation.n
    what = f"{plural(n, 'random sample')} (no --input)" if input is None else plural(n, "sample")
    where = f" on {run.n_devices} devices" if run.n_devices > 1 else ""
    products = "" if precision == "float32" else f", products in {precision}"
    ran = f"Ran {what} for {run_text(steps, file.dt)} in {dtype}{products}{where}."
    reading = "" if readout == Readout() else f"Answers are read as {said}: {readout}."
    _show(simulation, account, findings, moved, ran, reading, readout.skip)


def _samples(graph: SpikingGraph, xs: Any, given: Any, classes: Any, n_steps: int, dtype: str) -> Samples:
    from ..runtime.samples import Samples
    from .samples import class_numbers

    samples = Samples(graph, xs, n_steps, dtype)
    y = class_numbers(graph, given, classes, samples.at_first)
    return samples if y is None else Samples(graph, xs, n_steps, dtype, y)


def _show_beginning(simulation: Simulation, run: LongRun, resume: bool) -> None:
    from .screen import say

    workers, n = run.workers, simulation.n
    if workers.n > 1:
        say(f"This is {workers.name(workers.index)} of {workers.n}. It runs {run.n_own:,} of {n:,} samples.")
    if resume:
        done = f"{run.n_done:,} of {n:,} samples were done before."
        say(done if run.n_done else "There is no run to go on with: it starts at the first sample.")


def _show(
    simulation: Simulation,
    account: Account,
    findings: list[Finding],
    moved: MovedSpikes | None,
    ran: str,
    reading: str,
    skip: int,
) -> None:
    """Print spikes that moved, `ran`, rates, how answers are read, accuracy, findings, and the file."""
    from .screen import say, show

    if moved is not None:
        say(str(moved))
    say(ran)
    if simulation.graph.populations:
        show(_rates_table(_contents(simulation, account)["populations"]))
    if any(view.neuron.fires_negative for view in simulation.graph.populations.values()):
        say("A spike of -1 takes one off in these numbers. snnconv energy counts all that are sent.")
    if account.right is not None:
        if reading:
            say(reading)
        show(accuracy_table(account.right / account.n, simulation.dt, skip))
    for finding in findings:
        say(f"Doctor: {finding}", indent=8)
    if simulation.out is not None:
        say(f"Wrote {simulation.out}.")


def _read_out(readout: Readout, dt: float, output: np.ndarray) -> np.ndarray:
    """Answers read after each step; the lowest number stands where there is none yet, so that none counts there."""
    import numpy as np

    return np.nan_to_num(readout.read(output, dt), nan=-np.inf)


def check_dtype(dtype: str) -> None:
    """Raise ParameterError unless it is a type that both runtimes have."""
    if dtype not in ("float32", "float64"):
        raise ParameterError(f"--dtype must be float32 or float64. Received {dtype!r}.")


def accuracy_table(accuracy: Any, dt: float, skip: int = 0) -> Table:
    """Accuracy after 1, 2, 5, 10, … steps and at the end, with a bar for each.

    Parameters
    ----------
    accuracy : (n_steps,) array
    dt : float
        Length of a step, in seconds.
    skip : int
        Steps at the beginning that have no answer yet.
    """
    from .screen import bar

    rows = []
    n_steps = len(accuracy)
    shown = {base * 10**power for base in STEPS_SHOWN for power in range(len(str(n_steps)))}
    for step in sorted({step for step in shown if max(5, skip + 1) <= step < n_steps} | {n_steps}):
        share = float(accuracy[step - 1])
        rows.append((str(step), f"{step * dt * 1e3:g} ms", f"{share:.1%}", bar(share)))
    return Table(("steps", "time", "accuracy", ""), rows, left=(3,))


def _initial_voltage(text: str) -> float | str:
    try:
        return text if text == "uniform" else float(text)
    except ValueError:
        raise ParameterError(f"--initial-voltage must be 'uniform' or a number up to 1. Received {text!r}.") from None


def _findings(simulation: Simulation, run: LongRun) -> list[Finding]:
    """Findings of the doctor in the first samples of the run, where inputs are held."""
    from ..tuning.doctor import examination, notable_of

    head, samples = run.head, simulation.samples
    if head is None or samples.varying:  # None: run earlier, or by another worker
        return []
    _, (xs, y) = next(samples.parts(len(head.output)))
    held = simulation.graph.check_inputs(xs, "float32")
    found = examination(simulation.graph, held, head.rates, head.output, simulation.n_steps, simulation.dt)
    return notable_of(found, y)


def _contents(simulation: Simulation, account: Account, skip: int = 0) -> dict[str, Any]:
    """Rates of the populations, in Hz, and accuracy."""
    right, duration = account.right, simulation.n_steps * simulation.dt
    over_time = None if right is None else [None] * skip + (right[skip:] / account.n).tolist()
    populations = []
    for name in simulation.graph.populations:
        fired, spikes = account.fired[name], account.spikes[name] / account.n
        rates = {"mean_rate": spikes / fired.size / duration, "highest_rate": account.highest[name] / duration}
        silent = 1 - float(fired.mean())
        neurons = {"name": name, "n_neurons": fired.size}
        populations.append({**neurons, **rates, "silent": silent, "spikes_per_sample": spikes})
    return {
        "n_samples": account.n,
        "n_steps": simulation.n_steps,
        "dt": simulation.dt,
        "populations": populations,
        "accuracy": None if over_time is None else over_time[-1],
        "accuracy_over_time": over_time,
    }


def _rates_table(populations: list[dict[str, Any]]) -> Table:
    rows = []
    for each in populations:
        rates = (f"{each['mean_rate']:.1f} Hz", f"{each['highest_rate']:.0f} Hz", f"{each['silent']:.0%}")
        rows.append((each["name"], f"{each['n_neurons']:,}", *rates, f"{each['spikes_per_sample']:,.0f}"))
    headings = ("population", "neurons", "mean rate", "highest", "silent", "spikes per sample")
    return Table(headings, rows, name_width=20)


STRATEGIES = ("mirrored", "multiworker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:9000", "10.0.0.2:9000"]}, "task": {"type": "worker", "index": 0}}'


def check_strategy(name: str | None) -> None:
    """Check without TensorFlow that there is such a strategy, and a cluster for it.

    Raises
    ------
    ParameterError
        If not.
    """
    if name is not None and name not in STRATEGIES:
        raise ParameterError(f"--strategy must be {' or '.join(STRATEGIES)}. Received {name!r}.")
    if name == "multiworker":
        try:
            _workers()
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ParameterError(
                f"--strategy multiworker needs all workers, and which of them this is, in the environment variable "
                f"TF_CONFIG, such as {EXAMPLE}. Received {os.environ.get('TF_CONFIG')!r}."
            ) from error


def _workers() -> tuple[list[str], int]:
    """Addresses of all workers of TF_CONFIG, and which of them this is."""
    config = json.loads(os.environ["TF_CONFIG"])
    tasks = [(kind, number) for kind in ("chief", "worker") for number in range(len(config["cluster"].get(kind, ())))]
    addresses = [config["cluster"][kind][number] for kind, number in tasks]
    for address in addresses:
        int(address.rpartition(":")[2])  # its port
    return addresses, tasks.index((config["task"]["type"], int(config["task"]["index"])))


def new_strategy(name: str | None, timeout: float) -> Any:
    """The tf.distribute strategy of that name, or None; the first thing that TensorFlow is used for.

    Parameters
    ----------
    timeout : float
        Seconds that a worker waits for the others.

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
        if name == "mirrored":
            return tf.distribute.MirroredStrategy()
        from ..runtime.rendezvous import meet, watched

        workers = _workers()
        meet(*workers, timeout, partial(typer.echo, err=True))
        with watched(*workers, timeout):
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise DistributionError(f"cannot set up the strategy '{name}': {one_line(error)}.") from error
