"""``snnconv simulate``: run a graph in spikes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, ParameterError
from .options import Config, CustomObjects, Dt, Dtype, Input, KerasOptions, Model, Steps, Unsafe

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..runs import Result

NAME_WIDTH = 20  # longer names are broken, so that the table fits 80 columns
STEPS_SHOWN = (1, 2, 5)  # times powers of ten


def simulate(
    model: Model,
    input: Input = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", "-l", metavar="FILE", help="Class numbers, in an .npy or .npz file, for an accuracy."),
    ] = None,
    steps: Steps = 100,
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
    config: Config = None,
    custom_objects: CustomObjects = None,
    unsafe: Unsafe = False,
) -> None:
    """Run a spiking network and print its rates and accuracy.

    Inputs are held constant, or vary in time where they have an axis of steps behind that of the samples.

    Examples:

    - `snnconv simulate model.keras --input x.npy --labels y.npy --steps 200`

    - `snnconv simulate model.snn.h5 --record lif -o run.npz`
    """
    from ..runs import check_steps, initial_voltages, recording
    from ..verification import random_inputs
    from .models import as_inputs, as_labels, check_model_file, check_writable, read_arrays, read_dt, read_graph
    from .screen import say, show

    check_steps(steps, 1.0)
    check_dtype(dtype)
    voltage = _initial_voltage(initial_voltage)
    if record and out is None:
        raise ParameterError("records are written to a file. Name it with -o FILE.")
    if out is not None:
        check_writable(out)
    options = KerasOptions(config, custom_objects, unsafe)
    check_model_file(model, options)
    dt = read_dt(model, dt)
    check_steps(steps, dt)
    given = None if input is None else read_arrays(input)
    classes = None if labels is None else read_arrays(labels)
    graph = read_graph(model, options)
    wanted = recording(graph, record or ())
    initial_voltages(graph, voltage, seed)
    xs = graph.check_inputs(random_inputs(graph, seed) if given is None else as_inputs(given, graph), dtype, steps)
    n = len(next(iter(xs.values())))
    y = None
    if classes is not None:
        shapes = [view.shape for view in graph.readouts.values()]
        if len(shapes) != 1 or len(shapes[0]) != 1:
            raise InputError("labels are for networks with one output of one value per class.")
        y = as_labels(classes, n, shapes[0][0])

    from .quiet import import_tensorflow

    import_tensorflow()
    from ..simulator import Simulator

    entries = {f"{name}.{kind}" for kind, names in wanted.items() for name in names} | {"all.rates"}
    result = Simulator(graph, dt, dtype, voltage, seed).run(xs, steps, record=sorted(entries))
    what = f"{n:,} random samples (no --input)" if input is None else f"{n:,} samples"
    say(f"Ran {what} for {steps} steps of {dt * 1e3:g} ms in {dtype}.")
    if graph.populations:
        show(_rates_table(graph, result))
    if y is not None:
        show(accuracy_table(_accuracy_over_time(result.output, y), dt))
    if out is not None:
        _write(out, graph, result, wanted)
        say(f"Wrote {out}.")


def check_dtype(dtype: str) -> None:
    """Raise ParameterError unless it is a type that both runtimes have."""
    if dtype not in ("float32", "float64"):
        raise ParameterError(f"--dtype must be float32 or float64. Received {dtype!r}.")


def accuracy_table(accuracy: Any, dt: float) -> Any:
    """Accuracy after 1, 2, 5, 10, … steps and at the end, with a bar for each.

    Parameters
    ----------
    accuracy : (n_steps,) array
    dt : float
        Length of a step, in seconds.
    """
    from .screen import bar, new_table

    table = new_table("steps", "time", "accuracy", "", left=0)
    table.columns[-1].justify = "left"
    n_steps = len(accuracy)
    shown = {base * 10**power for base in STEPS_SHOWN for power in range(len(str(n_steps)))}
    for step in sorted({step for step in shown if 5 <= step < n_steps} | {n_steps}):
        share = float(accuracy[step - 1])
        table.add_row(str(step), f"{step * dt * 1e3:g} ms", f"{share:.1%}", bar(share))
    return table


def _initial_voltage(text: str) -> float | str:
    try:
        return text if text == "uniform" else float(text)
    except ValueError:
        raise ParameterError(f"--initial-voltage must be 'uniform' or a number up to 1. Received {text!r}.") from None


def _rates_table(graph: SpikingGraph, result: Result) -> Any:
    import numpy as np

    from ..graph.summary import broken_name
    from .screen import new_table

    table = new_table("population", "neurons", "mean rate", "highest", "silent", "spikes per sample")
    duration = result.n_steps * result.dt
    for name in graph.populations:
        rates = result.rates[name].reshape(len(result.rates[name]), -1)
        spikes = rates.sum(1).mean() * duration
        silent = np.mean(rates.max(0) == 0)
        row = (f"{rates.shape[1]:,}", f"{rates.mean():.1f} Hz", f"{rates.max():.0f} Hz", f"{silent:.0%}")
        table.add_row(broken_name(name, NAME_WIDTH), *row, f"{spikes:,.0f}")
    return table


def _accuracy_over_time(output: Any, y: Any) -> Any:
    """Share of samples whose output, summed up to a step, is largest at the right class; for each step."""
    import numpy as np

    return (np.cumsum(output, 1, "float64").argmax(-1) == y[:, None]).mean(0)


def _write(path: Path, graph: SpikingGraph, result: Result, wanted: Any) -> None:
    import numpy as np

    from ..files import replacing

    outputs = result.output if isinstance(result.output, dict) else {"": result.output}
    arrays: dict[str, Any] = {f"output/{label}".rstrip("/"): array for label, array in outputs.items()}
    for kind, names in wanted.items():
        arrays |= {f"{kind}/{name}": getattr(result, kind)[name] for name in graph.populations if name in names}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, times=result.times, dt=result.dt, **arrays)
