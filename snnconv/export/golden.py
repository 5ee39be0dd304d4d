"""Golden vectors of an integer graph: inputs, and the integers that programs and circuits must give for them.

Their samples are chosen: a weight whose input is silent in all of them could be wrong without being seen. From the
given samples those are taken that make the most weights matter, and made-up ones where these leave too many out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ExportError
from ..graph.inputs import has_steps
from ..quantize import IntegerGraph, MaxPool, SumPool, WeightedNode, run
from ..quantize.reference import sum_pool
from ..text.plain import plural
from .integers import samples
from .target import Settings

MAX_GOLDEN = 1 << 18  # entries of spikes in the golden vectors, one per sample, step and neuron
FEWEST_STEPS = 10  # of them, whatever the size of the network
ENOUGH = 0.95  # share of weights that are to matter
MADE_UP = 12  # samples to choose from where the given ones do not do
MOST_CANDIDATES = 64
MAX_CHOICE = 1 << 22  # entries of spikes that are computed for the choice


@dataclass(frozen=True, eq=False)
class Golden:
    """Golden vectors: the integers of a graph for some samples, for other programs to be compared with.

    Parameters
    ----------
    codes : (n, *input) or (n, n_steps, *input) int32 array
        Inputs, rounded: what is given to the network.
    spikes : mapping of layer to (n, n_steps, *units) uint8 array
    voltages : mapping of layer to (n, n_steps, *units) int32 array
        After each step.
    readouts : mapping of readout to (n, n_steps, *units) int32 array
        Y, the sum over time, after each step.
    n_steps : int
    varies : bool
        Whether inputs change from step to step.
    covered : float
        Share of the weights whose input is other than 0 at some step.
    """

    codes: np.ndarray
    spikes: Mapping[str, np.ndarray]
    voltages: Mapping[str, np.ndarray]
    readouts: Mapping[str, np.ndarray]
    n_steps: int
    varies: bool
    covered: float

    @property
    def note(self) -> str:
        """A sentence on its samples for the verdict, without full stop."""
        return f"golden vectors: {self.size}, in which the inputs of {self.covered:.1%} of the weights are not silent"

    @property
    def size(self) -> str:
        """Its size in words, as in "4 samples of 100 steps"."""
        return f"{plural(len(self.codes), 'sample')} of {plural(self.n_steps, 'step')}"

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by their names in files."""
        found = {"inputs": self.codes}
        for kind in ("spikes", "voltages", "readouts"):
            found |= {f"{kind}/{name}": array for name, array in getattr(self, kind).items()}
        return found


def golden_vectors(integers: IntegerGraph, settings: Settings) -> Golden:
    """Vectors of samples that make most weights matter; of fewer samples, and then steps, where the network is large.

    Raises
    ------
    ExportError
        If no sample is asked for.
    """
    wanted = settings.options["golden"]
    if wanted < 1:
        raise ExportError(f"--golden must be a whole number above 0. Received {wanted}.")
    units = max(1, sum(layer.n_neurons for layer in integers.populations.values()))
    n_steps = min(settings.n_steps, max(FEWEST_STEPS, MAX_GOLDEN // units))
    n = max(1, min(wanted, MAX_GOLDEN // (units * n_steps)))
    most = max(n, min(MOST_CANDIDATES, MAX_CHOICE // (units * n_steps)))
    given = samples(integers, settings.inputs.part(slice(most)).during(slice(n_steps)))
    return record_golden(integers, _chosen(integers, given, n, n_steps), n_steps)


def record_golden(integers: IntegerGraph, x: np.ndarray, n_steps: int) -> Golden:
    """Golden vectors for inputs in the units of the float network."""
    result = run(integers, x, n_steps, record=["all.spikes", "all.voltages"] if integers.populations else ())
    sums = {integers.outputs[label]: array.cumsum(1).astype("int32") for label, array in result.outputs.items()}
    varies = has_steps(x, integers.input.shape)
    codes = integers.check_inputs(x, n_steps).astype("int32")
    covered = coverage(integers, _active(integers, codes, result.spikes, varies).any(0))
    return Golden(codes, result.spikes, result.voltages, sums, n_steps, varies, covered)


def coverage(integers: IntegerGraph, active: Any) -> float:
    """Share of the weights that matter, for the rows of weights that do."""
    rows = [layer.kernel.shape[-1] for layer in _layers(integers) for _ in range(_n_rows(layer))]
    return float(np.average(active, weights=rows)) if rows else 1.0


def _chosen(integers: IntegerGraph, given: np.ndarray, n: int, n_steps: int) -> np.ndarray:
    """At most n of the given samples, with made-up ones in the place of the last where they leave too much out."""
    varies = has_steps(given, integers.input.shape)
    if len(given) <= n and varies:
        return given
    candidates = given if varies else np.concatenate([given, _made_up(integers)])
    codes = integers.check_inputs(candidates, n_steps)
    record = ["all.spikes"] if integers.populations else ()
    active = _active(integers, codes, run(integers, candidates, n_steps, record=record).spikes, varies)
    chosen = _greedy(integers, active, range(len(given)), n)
    if not varies and coverage(integers, active[chosen].any(0)) < ENOUGH:
        # half of them stay real samples: made-up ones show nothing of what is usual
        more = _greedy(integers, active, range(len(candidates)), n, chosen[: max(1, n - n // 2)])
        if coverage(integers, active[more].any(0)) > coverage(integers, active[chosen].any(0)):
            chosen = more
    return candidates[sorted(chosen)]


def _greedy(
    integers: IntegerGraph, active: np.ndarray, among: range, n: int, chosen: list[int] | None = None
) -> list[int]:
    """Numbers of n samples, each the one that makes the most weights matter that did not yet; ties to the first."""
    chosen = list(chosen or [])
    while len(chosen) < min(n, len(among)):
        seen = active[chosen].any(0)
        left = [number for number in among if number not in chosen]
        chosen.append(max(left, key=lambda number: coverage(integers, active[number] | seen)))
    return chosen


def _made_up(integers: IntegerGraph) -> np.ndarray:
    """Samples of the whole range of the code: all at an end of it, and at random with more or fewer at the ends."""
    code, shape, rng = integers.input.code, integers.input.shape, np.random.default_rng(0)
    ends = [np.full(shape, code.low), np.full(shape, code.high)]
    shares = np.linspace(0.1, 0.9, MADE_UP - len(ends))
    return np.stack([*ends, *(np.where(rng.random(shape) < share, code.high, code.low) for share in shares)])


def _layers(integers: IntegerGraph) -> list[WeightedNode]:
    return [node for node in integers.nodes if isinstance(node, WeightedNode)]


def _n_rows(layer: WeightedNode) -> int:
    return math.prod(layer.kernel.shape[:-1])


def _active(integers: IntegerGraph, codes: np.ndarray, spikes: Mapping[str, np.ndarray], varies: bool) -> np.ndarray:
    """Whether the input of each row of weights is other than 0 at some step, (n, rows of all layers)."""
    sent: dict[str, Any] = {integers.input.name: (codes != 0).any(1) if varies else codes != 0}
    sent |= {name: array.any(1) for name, array in spikes.items()}
    found = [np.zeros((len(codes), 0), bool)]
    for node in integers.nodes:
        if isinstance(node, SumPool):
            sent[node.name] = sum_pool(node, sent[node.inputs[0]].astype("int64")) > 0
        elif isinstance(node, MaxPool):
            sent[node.name] = node.largest(sent[node.inputs[0]].astype("int64")) > 0
        elif isinstance(node, WeightedNode):
            found.append(_rows(node, sent[node.inputs[0]]))
    return np.concatenate(found, 1)


def _rows(layer: WeightedNode, active: np.ndarray) -> np.ndarray:
    """Whether each row of a layer's weights has an input that is active, (n, rows)."""
    active = active.reshape(len(active), *layer.input_shape)
    if not layer.strides:
        return active
    *window, n_in = layer.kernel.shape[:-1]
    padded = np.pad(active, ((0, 0), *layer.padding, (0, 0)))
    axes = tuple(range(1, len(window) + 1))
    found = []
    for offset in np.ndindex(*window):
        sizes = zip(offset, layer.connection_shape[:-1], layer.strides, layer.dilation, strict=True)
        places = (slice(o * rate, o * rate + (size - 1) * stride + 1, stride) for o, size, stride, rate in sizes)
        seen = padded[(slice(None), *places)].any(axes)
        found.append(seen.reshape(len(active), layer.groups, n_in).any(1))  # of groups, the same row of any
    return np.concatenate(found, 1)
