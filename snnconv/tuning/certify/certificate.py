"""Certificates: for each sample a proof that no later step changes the class, and bounds on every value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, ParameterError
from ...graph import Dense, Inputs, Population, Readout, SpikingGraph
from ...runtime.arguments import check_steps
from ...runtime.batches import sizes
from ...text.plain import plural
from ...text.progress import track
from .account import MOST_STEPS, Account, Books, Clock, accounts, passed

if TYPE_CHECKING:
    from ...runtime.simulator import Simulator

SURE = 1e-9  # of the largest value: two values in rates that are no closer differ, whatever rounding in float64 did
MOST_VALUES = 1 << 22  # of a layer, for the samples that are certified together


@dataclass(frozen=True, eq=False)
class Certificate:
    """Proofs about the answers of a run, sample by sample.

    Parameters
    ----------
    classes : (n,) array of int, or None
        Largest mean output after `n_steps` steps; None where the output is no list of values.
    agrees : (n,) array of bool, or None
        Whether the rate network gives that class: the run's exact error is known, since an IF neuron loses nothing.
    proven : (n,) array of bool, or None
        Whether moreover no later step changes the class while the input is held, up to step 65,536.
    values : (n, *output) array
        Mean output after `n_steps` steps, before a softmax or the like.
    rates : (n, *output) array
        What the rate network gives, in float64.
    bounds : (n, *output) array
        From `n_steps` steps on, up to step 65,536, the mean output lies within `rates` ± `bounds`.
    n_steps : int
    """

    classes: np.ndarray | None
    agrees: np.ndarray | None
    proven: np.ndarray | None
    values: np.ndarray
    rates: np.ndarray
    bounds: np.ndarray
    n_steps: int

    @property
    def errors(self) -> np.ndarray:
        """(n, *output) distance of the values from the rate network's, after `n_steps` steps."""
        return self.values - self.rates

    def __repr__(self) -> str:
        steps = plural(self.n_steps, "step")
        off = f"values off by up to {np.abs(self.errors).max():.3g}, from here on by at most {self.bounds.max():.3g}"
        if self.proven is None or self.agrees is None:
            return f"<certificate of {len(self.values):,} samples after {steps}: {off}>"
        return (
            f"<certificate of {len(self.values):,} samples after {steps}: {self.proven.mean():.1%} of the "
            f"classes proven for good, {self.agrees.mean():.1%} are those of the rates; {off}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in vars(self).items()}


def certify(simulator: Simulator, x: Any, n_steps: int) -> Certificate:
    """Run samples, and prove what can be proven about their answers; see `snnconv.Simulator.certify`."""
    graph = simulator.graph
    n_steps, xs = _checked(graph, x, n_steps, simulator.dt, simulator.dtype)
    if simulator.precision != "float32":
        raise ParameterError(f"certify is for precision 'float32'. Received {simulator.precision!r}.")
    clock = Clock(n_steps, simulator.dt, float(np.finfo(simulator.dtype).eps) / 2)
    names, label = list(graph.populations), next(iter(graph.outputs))
    found: list[dict[str, Any]] = []
    with track(xs.n, unit="samples") as advance:
        for part in _parts(graph, xs):
            result = simulator.run(part, n_steps, record=[f"{name}.rates" for name in names])
            books = {
                name: Books(
                    np.rint(result.rates[name] * (n_steps * simulator.dt)),
                    np.asarray(result.state[name]["voltage"], "float64"),
                    simulator.initial_voltages[name],
                )
                for name in names
            }
            values = result.outputs[label].mean(1, dtype="float64")
            found.append(_proofs(graph, part, books, clock, values))
            advance(part.n)
    joined = {key: np.concatenate([each[key] for each in found]) for key in found[0]}
    return Certificate(**{"classes": None, "agrees": None, "proven": None, **joined}, n_steps=n_steps)


def settled_steps(graph: SpikingGraph, x: Any, dt: float | None = None, dtype: str = "float32") -> np.ndarray:
    """Number of steps after which a sample's class cannot change any more, whatever the phases of the neurons.

    From the start on, without a run: the error of a sum is bounded for good, and the lead of a class grows with every
    step.

    Parameters
    ----------
    x : (n, *input) array, or a list or a dict of them where there are several inputs
        Held constant.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    dtype : str
        "float32" or "float64", of the run.

    Returns
    -------
    (n,) array of float
        Infinity where there is no proof.

    Raises
    ------
    ConversionError
        If the network has a layer that cannot be certified; the message names it.
    InputError
        If its output is no list of values, one for each class.
    """
    dt = graph.dt if dt is None else dt
    _, xs = _checked(graph, x, 1, dt, dtype)
    if not _has_classes(graph):
        raise InputError("settled_steps takes networks with one output of one value per class.")
    clock = Clock(0, dt, float(np.finfo(dtype).eps) / 2)
    found = []
    for part in _parts(graph, xs):
        books = {node.name: _opened(node, part.n) for node in graph.nodes if isinstance(node, Population)}
        output, source = _ends(graph, part, books, clock)
        classes = output.limit.argmax(-1)
        own = np.arange(part.n)
        lead = _leads(graph, source, output, classes, clock)
        pace = lead.limit - lead.drift
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(pace > 0, np.maximum(np.ceil(-lead.low / pace), 1), np.inf)
        steps[own, classes] = 1
        steps = steps.max(-1)
        found.append(np.where(_agree(output, classes) & (steps <= MOST_STEPS), steps, np.inf))
    return np.concatenate(found)


def _checked(graph: SpikingGraph, x: Any, n_steps: int, dt: float, dtype: str) -> tuple[int, Inputs]:
    n_steps = check_steps(n_steps, dt)
    if len(graph.outputs) > 1:
        raise InputError("certify takes networks with one output.")
    xs = graph.check_inputs(x, dtype, n_steps)
    if xs.varying:
        raise InputError("certify takes inputs that are held: what varies in time has no rates to come close to.")
    if n_steps > MOST_STEPS:
        raise ParameterError(f"certify takes at most {MOST_STEPS:,} steps. Received {n_steps:,}.")
    return n_steps, xs


def _parts(graph: SpikingGraph, xs: Inputs) -> list[Inputs]:
    size, _ = sizes(graph, xs.n, 1, "float64", memory=8 * MOST_VALUES)
    return list(xs.parts(size))


def _opened(node: Population, n: int) -> Books:
    """Books of neurons that have not started."""
    voltage = np.full((n, *node.shape), node.initial_voltage)
    return Books(np.zeros_like(voltage), voltage, node.initial_voltage)


def _proofs(
    graph: SpikingGraph, xs: Inputs, books: Mapping[str, Books], clock: Clock, values: np.ndarray
) -> dict[str, Any]:
    """The fields of a certificate, for some samples."""
    output, source = _ends(graph, xs, books, clock)
    bounds = np.abs(output.limit - output.rate) + output.drift
    bounds = bounds + (np.abs(output.middle) + output.radius) / clock.n_steps
    found = {"values": values, "rates": output.rate, "bounds": bounds}
    if not _has_classes(graph):
        return found
    classes, own = values.argmax(-1), np.arange(len(values))
    lead = _leads(graph, source, output, classes, clock)
    pace = lead.limit - lead.drift
    is_ahead = (pace > 0) & (clock.n_steps * pace + lead.low > 0)
    is_ahead[own, classes] = True
    agrees = _agree(output, classes)
    return {**found, "classes": classes, "agrees": agrees, "proven": agrees & is_ahead.all(-1)}


def _agree(output: Account, classes: np.ndarray) -> np.ndarray:
    """(n,) whether the rate network gives these classes, by more than rounding."""
    own = np.arange(len(classes))
    lead = output.rate[own, classes][:, None] - output.rate
    lead[own, classes] = np.inf
    return lead.min(-1) > SURE * np.abs(output.rate).max(-1)


def _has_classes(graph: SpikingGraph) -> bool:
    shape = graph[next(iter(graph.outputs.values()))].shape
    return len(shape) == 1 and shape[0] > 1


def _ends(graph: SpikingGraph, xs: Inputs, books: Mapping[str, Books], clock: Clock) -> tuple[Account, Account]:
    """The accounts of the output, and of what feeds its last dense layer, or of the output again."""
    last = _last(graph)
    source = last.inputs[0] if isinstance(last, Dense) else last.name
    found = accounts(graph, xs, books, clock, {last.name, source})
    return found[last.name], found[source]


def _last(graph: SpikingGraph) -> Any:
    node = graph[next(iter(graph.outputs.values()))]
    return graph[node.inputs[0]] if isinstance(node, Readout) else node


def _leads(graph: SpikingGraph, source: Account, output: Account, classes: np.ndarray, clock: Clock) -> Account:
    """The account of the lead of each sample's class over the others.

    Its error is bounded by that of the difference of two rows of the last kernel, which is smaller than the sum of two
    bounds: a spike of the layer before counts for both.
    """
    last, n_classes = _last(graph), output.limit.shape[-1]
    kernel = last.kernel.astype("float64") if isinstance(last, Dense) else np.eye(n_classes)
    bias = last.bias.astype("float64") if isinstance(last, Dense) and last.bias is not None else np.zeros(n_classes)
    found = {name: np.empty_like(output.limit) for name in vars(output)}
    for each in np.unique(classes):
        rows = np.flatnonzero(classes == each)
        node = Dense(
            name="lead",
            inputs=("source",),
            shape=(n_classes,),
            kernel=kernel[:, each, None] - kernel,
            bias=bias[each] - bias,
        )
        lead = passed(node, [source.rows(rows)], clock)
        for name, array in vars(lead).items():
            found[name][rows] = array
        found["drift"][rows] = output.drift[rows][:, each, None] + output.drift[rows]  # each is rounded by itself
    return Account(**found)
