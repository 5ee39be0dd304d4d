"""The account of a run: bounds on each node's sum at this and every later step, from the residual voltages of a run.

A node's sum after n steps is ``S(n) = n·a + E(n)``, where ``a`` is its value in rates. What is linear passes E on as it
passes values on. An IF neuron that subtracts at a spike keeps its books exactly: after step T,

    h·v(n) = h·v(T) + (n - T)·c + P(n) - P(T) - (S(n) - S(T)),

where c is the current in rates times the amplitude, h the height of a spike, and P the E of the current. It spikes
whenever v reaches 1, so that with ``low <= P(n) <= high`` for all n >= T the residual voltage v(T) bounds E(n):

    a >= 0:  E(T) + min(0, h·(v(T) - 1) + low - P(T))  <=  E(n)  <=  E(T) + max(0, h·v(T) + high - P(T))
    c < 0:   E(T)  <=  E(n)  <=  E(T) + h·max(0, floor(v(T) + (c + high - P(T))/h))

A neuron whose voltage is so low that the last floor is 0 never spikes again, and adds nothing to what is uncertain
behind it. A neuron that takes spikes back keeps the same books with S the spikes less those taken back: it does so at
voltages below 0 alone, and is below 1 behind it, so that both bounds for a >= 0 stand as they are, and what it has sent
is all that it can take back, ``E(n) >= 0`` for c < 0. P(T) is in the books too:
``P(T) = S(T) + h·(v(T) - v(0)) - T·c``.

The width of E(n) does not grow with n, so that the error of the mean, E(n)/n, falls as 1/n. What grows is rounding,
which `Account.drift` bounds step by step.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ...errors import ConversionError
from ...graph import Input, Linear, Node, Population, SpikingGraph
from ...graph.nodes import AveragePool, Difference, MaxPool, Readout, RunningSum, Weighted
from ...neurons import IF, SignedIF
from ...neurons.piecewise_linear import PiecewiseLinear
from ...runtime.rates import linear_values

MOST_STEPS = 1 << 16
"""Steps up to which a bound holds; in float32 the rounding errors of a run grow with its length."""

TINY = 4e-6  # of a threshold: spikes may come that early, so that rounding does not delay those that fall due exactly


@dataclass(frozen=True, eq=False)
class Account:
    """Values in rates of a node, and bounds on how far its sum is from theirs at any step n from step T on.

    All are arrays (n, *shape). The sum lies in ``n·limit + middle ± (radius + n·drift)``.

    Parameters
    ----------
    rate : values of the rate network
    limit : values that the means tend to: those of the rate network, cut where a spike at every step is too little
    middle, radius : of the error of the sum, in units of the output times steps
    drift : most that rounding in the run adds to the error in a step
    """

    rate: np.ndarray
    limit: np.ndarray
    middle: np.ndarray
    radius: np.ndarray
    drift: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """Lower end of the error, without rounding."""
        return self.middle - self.radius

    @property
    def high(self) -> np.ndarray:
        """Upper end of the error, without rounding."""
        return self.middle + self.radius

    def size(self, n_steps: int) -> np.ndarray:
        """Largest magnitude of a mean over at least `n_steps` steps."""
        return np.abs(self.limit) + (np.abs(self.middle) + self.radius) / n_steps + self.drift

    def rows(self, rows: np.ndarray) -> Account:
        """The account of some samples."""
        return Account(**{name: array[rows] for name, array in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Books:
    """A population after T steps: its spikes so far, and the voltages before and after them.

    Parameters
    ----------
    counts, voltage : (n, *shape) array
    initial_voltage : array that broadcasts against them
    """

    counts: np.ndarray
    voltage: np.ndarray
    initial_voltage: Any


@dataclass(frozen=True)
class Clock:
    """The run that the books were kept in.

    Parameters
    ----------
    n_steps : int
        T; 0 before the first step.
    dt : float
        Length of a step, in seconds.
    epsilon : float
        Largest relative error of rounding a number of the run.
    """

    n_steps: int
    dt: float
    epsilon: float

    @property
    def first(self) -> int:
        """First step that the bounds are for."""
        return max(self.n_steps, 1)


def accounts(
    graph: SpikingGraph,
    xs: Mapping[str, np.ndarray],
    books: Mapping[str, Books],
    clock: Clock,
    wanted: Collection[str],
) -> dict[str, Account]:
    """The accounts of some nodes.

    Parameters
    ----------
    xs : mapping of input name to (n, *shape) array
        Held constant.
    books : mapping of population name to Books

    Raises
    ------
    ConversionError
        If a node keeps no such books.
    """
    found: dict[str, Account] = {}
    takers = Counter(name for node in graph.nodes for name in node.inputs)
    for node in graph.nodes:
        if isinstance(node, Input):
            x = np.asarray(xs[node.name], "float64")
            found[node.name] = Account(x, x, *[np.zeros_like(x)] * 3)
        elif isinstance(node, Population):
            found[node.name] = spiking(node.neuron, node, found[node.inputs[0]], books[node.name], clock)
        else:
            found[node.name] = passed(node, [found[name] for name in node.inputs], clock)
        for name in node.inputs:
            takers[name] -= 1
            if not takers[name] and name not in wanted:
                found.pop(name, None)
    return found


@singledispatch
def passed(node: Node, sources: list[Account], clock: Clock) -> Account:
    """The account of a node that is no population."""
    raise ConversionError(
        f"node '{node.name}' ({node.kind}) keeps values back that no neuron's voltage shows. Certify networks without "
        f"synapses."
    )


@passed.register
def _(node: Linear, sources: list[Account], clock: Clock) -> Account:
    sizes = [source.size(clock.first) for source in sources]
    rate, limit = linear_values(node, [(source.rate, source.limit) for source in sources])
    (middle,) = linear_values(_unbiased(node), [(source.middle,) for source in sources])
    spread = [(source.radius, source.drift, size) for source, size in zip(sources, sizes, strict=True)]
    radius, drift, size = linear_values(_absolute(node), spread)
    (added,) = linear_values(node, [(np.zeros((1, *source.rate.shape[1:])),) for source in sources])
    return Account(rate, limit, middle, radius, drift + _n_roundings(node) * clock.epsilon * (size + np.abs(added)))


@passed.register(RunningSum)
@passed.register(Difference)
@passed.register(Readout)
def _(node: Node, sources: list[Account], clock: Clock) -> Account:
    return sources[0]  # a sum that is taken apart again behind a MaxPool; a function that the reader applies to means


@passed.register
def _(node: MaxPool, sources: list[Account], clock: Clock) -> Account:
    # of sums: the largest is at least that of the place with the largest limit, at most what any place can reach
    (source,) = sources
    rate, limit, drift, size = linear_values(
        node, [(source.rate, source.limit, source.drift, source.size(clock.first))]
    )
    (low,) = linear_values(node, [(source.low + MOST_STEPS * source.limit,)])
    (high,) = linear_values(node, [(source.high + clock.first * source.limit,)])
    low, high = low - MOST_STEPS * limit, high - clock.first * limit
    drift = drift + clock.epsilon * MOST_STEPS * size  # a sum is rounded to its own last digit
    return Account(rate, limit, (low + high) / 2, (high - low) / 2, drift)


@singledispatch
def spiking(neuron: Any, node: Population, current: Account, books: Books, clock: Clock) -> Account:
    """The account of a population, whose input has the account `current`."""
    raise ConversionError(
        f"population '{node.name}' has {neuron.kind} neurons, whose voltages do not hold all of the current that was "
        f"not spent. Certify networks of relu, relu6 and leaky relu, as `convert` makes them."
    )


@spiking.register
def _(neuron: IF, node: Population, current: Account, books: Books, clock: Clock) -> Account:
    if neuron.min_voltage != -math.inf and (current.radius.any() or current.middle.any()):
        raise ConversionError(
            f"population '{node.name}' has IF neurons with min_voltage={neuron.min_voltage}, which forget negative "
            f"current. Certify networks of IF neurons with min_voltage=-inf, as relu is converted to."
        )
    return _subtracting(neuron, node, current, books, clock)


@spiking.register
def _(neuron: SignedIF, node: Population, current: Account, books: Books, clock: Clock) -> Account:
    return _subtracting(neuron, node, current, books, clock)


def _subtracting(neuron: Any, node: Population, current: Account, books: Books, clock: Clock) -> Account:
    """The account of neurons whose voltage keeps all of the current that was not spent."""
    height, c = neuron.amplitude / clock.dt, neuron.amplitude * (current.limit + node.neuron_bias)
    most = math.inf if neuron.max_spikes_per_step is None else neuron.max_spikes_per_step * height
    low, high, drift = (neuron.amplitude * each for each in (current.low, current.high, current.drift))
    now = height * (books.counts + books.voltage - books.initial_voltage) - clock.n_steps * c
    drift = drift + clock.epsilon * (8 * height + 2 * (high - low) + 4 * np.abs(c))
    limit = np.minimum(np.maximum(c, 0.0), most)
    lower, upper = _later(low - now, high - now, limit, height, books.voltage, drift, clock)
    falling = c * (1 - 1 / 64) + drift < 0
    reach = height * books.voltage + np.maximum(high - now, 0.0) + (clock.n_steps + 1) * drift
    creep = clock.epsilon * MOST_STEPS * (np.abs(reach) + height)
    silent = height * np.maximum(np.floor((reach + c + creep) / height + TINY), 0.0)
    upper = np.where(falling, silent, np.where(limit < most, upper, 0.0))
    if neuron.fires_negative:  # at a limit of 0 all that was sent may be taken back
        lower = np.where(limit > 0, lower, -height * books.counts)
    error = height * books.counts - clock.n_steps * limit
    rate = neuron.rate(current.rate + node.neuron_bias)
    drift = np.where(falling, 0.0, drift)
    return Account(rate, limit, error + (upper + lower) / 2, (upper - lower) / 2, drift)


@spiking.register
def _(neuron: PiecewiseLinear, node: Population, current: Account, books: Books, clock: Clock) -> Account:
    if neuron.threshold:
        raise ConversionError(
            f"population '{node.name}' has a threshold of {neuron.threshold:g} Hz, where its rate jumps, so that a "
            f"bound on the current is none on the rate. Certify networks without activations that have a threshold."
        )
    height, amplitude, T, first = neuron.amplitude / clock.dt, neuron.amplitude, clock.n_steps, clock.first
    c, top = current.limit + node.neuron_bias, math.inf if neuron.max_rate is None else neuron.max_rate
    due, furthest = neuron.rate(c), math.inf if neuron.max_spikes is None else neuron.max_spikes * height
    limit = np.clip(due, -furthest, furthest)
    # the slopes that lie between the mean currents that are possible from now on bound what becomes of their errors
    least, most = (
        c + np.minimum(current.low, 0) / first - current.drift,
        c + np.maximum(current.high, 0) / first + current.drift,
    )
    pieces = [(np.asarray(neuron.negative_slope), least < 0), (1.0, (most > 0) & (least < top)), (0.0, most > top)]
    flattest = np.min([np.where(here, slope, math.inf) for slope, here in pieces], 0)
    steepest = np.max([np.where(here, slope, -math.inf) for slope, here in pieces], 0)
    ends = [amplitude * slope * end for slope in (flattest, steepest) for end in (current.low, current.high)]
    low, high = np.min(ends, 0), np.max(ends, 0)
    now = height * (books.counts + books.voltage - books.initial_voltage) - T * due
    largest = np.maximum(np.abs(flattest), np.abs(steepest))
    # the running mean of the current is rounded at every step, and each time counts for all steps before
    rounding = clock.epsilon * (8 * height + amplitude * (MOST_STEPS / 2 + 8) * (np.abs(c) + current.size(first)))
    drift = amplitude * largest * current.drift + rounding
    lower, upper = _later(low - now, high - now, limit, height, books.voltage, drift, clock)
    if neuron.fires_negative:  # it takes back what it sent too much
        slack = T * drift + TINY * height
        lower = np.minimum(low - now + height * (books.voltage - 1) - slack, 0.0)
        upper = np.maximum(high - now + height * (books.voltage + 1) + slack, 0.0)
    # behind with spikes, it sends one at every step, which is as much as the limit or more
    lower, upper = np.where(limit > -furthest, lower, 0.0), np.where(limit < furthest, upper, 0.0)
    error = height * books.counts - T * limit
    rate = neuron.rate(current.rate + node.neuron_bias)
    return Account(rate, limit, error + (upper + lower) / 2, (upper - lower) / 2, drift)


def _later(
    low: np.ndarray,
    high: np.ndarray,
    limit: np.ndarray,
    height: float,
    voltage: np.ndarray,
    drift: np.ndarray,
    clock: Clock,
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on the error's growth after step T, where that of what is due lies between `low` and `high`."""
    slack = clock.n_steps * drift + TINY * height
    lower = np.where(limit > 0, np.minimum(height * (voltage - 1) + np.minimum(low, 0.0) - slack, 0.0), 0.0)
    return lower, np.maximum(height * voltage + np.maximum(high, 0.0) + slack, 0.0)


def _n_roundings(node: Linear) -> int:
    """Roundings on the way to one of its values."""
    if isinstance(node, Weighted):
        return node.kernel.size // node.kernel.shape[-1] + 4
    if isinstance(node, AveragePool):
        return math.prod(node.size) + 2
    return len(node.inputs) + 2


def _unbiased(node: Linear) -> Linear:
    """The node without what it adds."""
    changes = {name: None for name in ("bias", "offset") if getattr(node, name, None) is not None}
    return dataclasses.replace(node, **changes) if changes else node


def _absolute(node: Linear) -> Linear:
    """The node without what it adds, and with the magnitudes of what it multiplies by."""
    node = _unbiased(node)
    changes = {name: np.abs(getattr(node, name)) for name in ("kernel", "scale") if hasattr(node, name)}
    return dataclasses.replace(node, **changes) if changes else node
