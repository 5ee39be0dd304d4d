"""A neuron's step in C, written from its step in Python: the numbers of NumPy, and refusals by name."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from snnconv import export
from snnconv.errors import ExportError
from snnconv.export.c import compiling
from snnconv.export.c.compiling import Recorded, run_samples
from snnconv.export.c.doubles import DoubleWriter
from snnconv.export.c.program import DOUBLE
from snnconv.export.c.source import header, source
from snnconv.export.c.tracer import Trace
from snnconv.graph import Affine, Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF, Neuron, PiecewiseLinear, Sigmoid, SignedIF, Softplus, Softsign, SteppedLIF, Tanh

from ..helpers.c_programs import NEEDS_COMPILER
from ..helpers.integer_networks import Line

N_NEURONS, N_STEPS, DT = 200, 2000, 0.001


@dataclass(frozen=True)
class Base(Neuron, abstract=True):  # not registered: other tests go through all registered neurons
    """A neuron without a rate."""

    amplitude: float = 0.01

    def rate(self, J, xp=np):
        raise NotImplementedError

    gain_bias = max_rates_intercepts = scale_rates = rate


@dataclass(frozen=True)
class Adaptive(Base, abstract=True):
    """A LIF whose threshold rises with each spike; the name of its second variable is that of an output in C."""

    state: ClassVar[tuple[str, ...]] = ("voltage", "value")

    def step(self, J, state, dt, xp=np):
        v = state["voltage"] + (J - state["voltage"]) * -math.expm1(-dt / 0.02)
        threshold = 1 + state["value"]
        spiked = v > threshold
        spikes = xp.where(spiked, xp.ones_like(v), xp.zeros_like(v))
        value = xp.where(spiked, state["value"] + 0.1, state["value"] * math.exp(-dt / 0.1))
        return spikes, {"voltage": xp.where(spiked, v - threshold, v), "value": value}


@dataclass(frozen=True)
class Everything(Base, abstract=True):
    """No neuron of this world: all operations that a step can have."""

    state: ClassVar[tuple[str, ...]] = ("voltage", "int", "T 1")

    def step(self, J, state, dt, xp=np):
        v, whole, other = (state[name] for name in self.state)
        high, low = J > 1, ~(J >= -1)
        rounded = xp.where(high | low, xp.floor(J * 4), xp.ceil(J * 4)) / 4 - xp.floor(xp.zeros_like(v) - 0.5)
        is_near = xp.where(high, xp.minimum(v, 0.5) == v, (v != J) & (abs(v) <= 1))
        spikes = xp.where(is_near, xp.ones_like(v), xp.zeros_like(v)) + high * 2.0
        far = np.clip(xp.maximum(v, -math.inf) + J**2 - np.square(v), -3, 3)
        huge = xp.floor(whole + 2.0**52 * J) - 2.0**52 * xp.floor(J)
        return spikes, {"voltage": far, "int": huge, "T 1": -rounded + other * 0.5 - np.abs(whole) / 2.0**54}


def slopes():
    return tuple(np.linspace(0, 1, N_NEURONS))


# the neuron, and the factor between a random current around 1 and one that makes it fire
CASES = {
    "LIF": (LIF(), 1),
    "LIF without rest": (LIF(tau_ref=0.0), 1),
    "LIF that rests for less than a step": (LIF(tau_rc=0.013, tau_ref=0.0004, min_voltage=-0.7), 1),
    "LIF that rests for several steps": (LIF(tau_ref=0.0053, min_voltage=-math.inf), 1),
    "SteppedLIF": (SteppedLIF(), 1),
    "SteppedLIF with a floor": (SteppedLIF(tau_rc=0.01, tau_ref=0.003, min_voltage=-0.5, leak_bits=8), 1),
    "IF": (IF(), 2000),
    "IF with one spike": (IF(max_spikes=1, min_voltage=0.0), 500),
    "IF with a floor": (IF(min_voltage=-0.5), 500),
    "IF without a floor": (IF(min_voltage=-math.inf), 500),
    "SignedIF": (SignedIF(), 500),
    "SignedIF with a low negative threshold": (SignedIF(negative_threshold=0.125), 500),
    "PiecewiseLinear": (PiecewiseLinear(negative_slope=slopes(), threshold=20.0, max_rate=300.0), 200),
    "Softsign": (Softsign(), 2),
    "Adaptive": (Adaptive(), 1),
    "Everything": (Everything(), 1),
}


@pytest.fixture(scope="module")
def currents():
    return np.random.default_rng(0).normal(0.8, 1.5, (N_STEPS, N_NEURONS))


@pytest.fixture(scope="module")
def computed(currents, tmp_path_factory):
    """Spikes and state of every neuron at each step, by the name of its case: one program for all."""
    shape, nodes = (N_NEURONS,), [Input(name="x", shape=(N_NEURONS,))]
    for number, (neuron, factor) in enumerate(CASES.values()):
        scaled = {"scale": np.array(float(factor)), "offset": None}
        nodes.append(Affine(name=f"a{number}", inputs=("x",), shape=shape, **scaled))
        fields = {"neuron": neuron, "neuron_bias": np.zeros(()), "gain": np.ones(())}
        nodes.append(Population(name=f"n{number}", inputs=(f"a{number}",), shape=shape, **fields))
    graph = SpikingGraph(tuple(nodes), {"y": nodes[-1].name})
    writer = DoubleWriter(graph, DT)
    program, folder = writer.program(), tmp_path_factory.mktemp("c")
    texts = {"params.h": program.params, "network.h": header(program), "network.c": source(program)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    recorded = [
        Recorded("double", "f8", shape, f"net.{member.name}[j]")
        for name in graph.populations
        for member in writer.fields(graph[name])
    ]
    found = iter(run_samples(folder, "net", currents[None], N_STEPS, True, recorded))
    return {case: {key: next(found)[0] for key in (*neuron.state, "output")} for case, (neuron, _) in CASES.items()}


@NEEDS_COMPILER
@pytest.mark.parametrize("case", CASES)
def test_every_number_of_the_step_in_c_is_that_of_numpy(case, currents, computed):
    neuron, factor = CASES[case]
    state, n_spikes = neuron.initial_state((N_NEURONS,)), 0
    for step, current in enumerate(currents * factor):
        spikes, state = neuron.step(current, state, DT)
        found = computed[case]
        np.testing.assert_array_equal(found["output"][step], spikes * (neuron.amplitude / DT))
        for name in neuron.state:
            np.testing.assert_array_equal(found[name][step], state[name], err_msg=name)
        n_spikes += np.count_nonzero(spikes)
    assert n_spikes > 1000


@NEEDS_COMPILER
def test_a_neuron_of_ones_own_exports_with_an_exact_verdict(tmp_path):
    rng = np.random.default_rng(0)
    line = Line((7,)).dense("d", rng.normal(0, 1, (7, 6))).neurons("own", Adaptive(), rng.normal(1, 1, 6))
    graph = line.dense("out", rng.normal(size=(6, 3))).graph()
    verdict = export.export(graph, tmp_path / "net", "c", n_steps=100, numbers="double")
    assert verdict.exact
    assert verdict.measured.total.n_spikes > 50
    assert compiling.build(tmp_path / "net", ("-O3", "-Wconversion")).passed
    assert "double own_voltage[6]" in (tmp_path / "net/network.h").read_text()


@NEEDS_COMPILER
def test_negative_spikes_are_counted(tmp_path):
    line = Line((4,)).neurons("both", Softsign(), np.array([-3.0, -1.0, 1.0, 3.0])).dense("out", np.ones((4, 1)))
    verdict = export.export(line.graph(), tmp_path / "net", "c", x=np.zeros((1, 4)), n_steps=100, numbers="double")
    assert verdict.exact
    assert verdict.measured.total.n_spikes > 10


def traced(neuron):
    trace = Trace(f"{neuron.kind} neurons", DOUBLE, lambda array: "constants[j]")
    current = trace.given("x[j]", "J")
    state = {name: trace.given(f"{name}[j]", f"old_{name}") for name in neuron.state}
    spikes, after = neuron.step(current, state, DT)
    return trace.code({"spikes": spikes} | {f"new_{name}": after[name] for name in neuron.state})[0]


@pytest.mark.parametrize(
    ("neuron", "operation"), [(Tanh(), "tanh"), (Sigmoid(), "tanh"), (Softplus(), "exp")], ids=lambda value: str(value)
)
def test_a_function_of_a_library_is_refused_by_name(neuron, operation):
    with pytest.raises(ExportError, match=f"{neuron.kind} neurons compute '{operation}' in their step"):
        traced(neuron)


@dataclass(frozen=True)
class Odd(Base, abstract=True):
    """A neuron whose step is a function of the current that is no arithmetic of arrays."""

    function: object = None
    state: ClassVar[tuple[str, ...]] = ("voltage",)

    def step(self, J, state, dt, xp=np):
        return self.function(J), state


@pytest.mark.parametrize(
    "function",
    [
        lambda J: J if J > 1 else 0.0,
        lambda J: math.exp(J),
        lambda J: J.mean(),
        lambda J: np.add.reduce(J),
        lambda J: np.sum(J),
        lambda J: np.add(J, J, where=True),
        lambda J: J**0.5,
        lambda J: (J > 1) + (J > 2),
        lambda J: J + math.inf,
    ],
)
def test_a_step_that_is_no_arithmetic_of_arrays_is_refused_by_name(function, tmp_path):
    line = Line((3,)).neurons("odd", Odd(function=function)).dense("out", np.ones((3, 1)))
    with pytest.raises(ExportError, match=r"cannot hold the Odd neurons of 'odd'\. Convert the model with swap_activ"):
        export.export(line.graph(), tmp_path / "net", "c", n_steps=5, numbers="double")


def test_what_a_choice_does_not_take_is_not_computed():
    """The division of a LIF's spike stands in the branch of the spike, where the choice of its divisor is made."""
    lines = traced(LIF())
    assert "if (!t7) {" in lines  # what is short stands first
    start = lines.index("} else {")
    assert [line for line in lines if "/" in line] == [line for line in lines[start:] if "/" in line] != []
    assert "    const double t9 = J - 1.0;" in lines[start:]


def test_equal_operations_are_one_line_and_unused_ones_none():
    lines = traced(Odd(function=lambda J: (J * 2 + J * 2, J * 3)[0]))
    assert lines == [
        "const double J = x[j];",
        "const double old_voltage = voltage[j];",
        "const double t1 = J * 2.0;",
        "const double spikes = t1 + t1;",
    ]
