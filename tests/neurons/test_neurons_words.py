"""The words of neurons and synapses: their equations with numbers in them, and the meanings of their parameters."""

import dataclasses
import math

import numpy as np
import pytest

from snnconv import export
from snnconv.graph import Input, Population, SpikingGraph
from snnconv.neurons import IF, LIF, NEURONS, PiecewiseLinear, Sigmoid, Softplus, Softsign, SteppedLIF, Tanh
from snnconv.neurons.synapses import SYNAPSES, Alpha, Lowpass, Synapse

ACCUMULATED = "v += spikes due at the mean current so far; floor(v) spikes, and v loses as many"


@pytest.mark.parametrize(
    ("neuron", "rate"),
    [
        (LIF(), "1/(0.002 + 0.02·ln(1 + 1/(J - 1))) Hz for J > 1, else 0; < 500 Hz"),
        (LIF(tau_ref=0), "1/(0 + 0.02·ln(1 + 1/(J - 1))) Hz for J > 1, else 0"),
        (LIF(smoothing=0.1), "1/(0.002 + 0.02·ln(1 + 1/(s·softplus((J - 1)/s), s = 0.1))) Hz; < 500 Hz"),
        (SteppedLIF(), "1/(0.001·(floor(ln(1 + 1/(J - 1))·19.98) + 3)) Hz for J > 1, else 0; ≤ 333.3 Hz"),
        (IF(), "max(J, 0) Hz"),
        (IF(rate_limit=250.0), "min(max(J, 0), 250) Hz"),
        (PiecewiseLinear(0.01, 0.2, 5.0, 600.0), "min(J, 600) Hz for J > 5, else negative_slope·(J - 5)"),
        (PiecewiseLinear(), "J Hz for J > 0, else 0"),
        (Sigmoid(), "100 / (1 + exp(-J)) Hz"),
        (Tanh(max_rate=50.0), "50·tanh(J) Hz"),
        (Softplus(), "100·ln(1 + exp(J)) Hz"),
        (Softsign(), "100·J / (1 + |J|) Hz"),
    ],
)
def test_rate_equations(neuron, rate):
    assert neuron.equations.rate == rate


@pytest.mark.parametrize(
    ("neuron", "step", "threshold", "reset", "unit"),
    [
        (
            LIF(min_voltage=-1.0),
            "v += (J - v)·(1 - exp(-free/0.02)), free: the part of the step outside the refractory period, in s; "
            "v > 1 is a spike, then v = 0 for 0.002 s from the crossing on; v ≥ -1",
            *("v > 1", "to 0", "thresholds"),
        ),
        (
            SteppedLIF(),
            "v += 0.04883·(J - v); v > 1 is a spike, then v = 0, held for the next 2 steps; v ≥ 0; "
            "all for steps of 0.001 s",
            *("v > 1", "to 0", "thresholds"),
        ),
        (IF(), "v += max(J, 0)·dt; n = floor(v) spikes, v -= n", "v ≥ 1", "v -= n", "Hz"),
        (IF(0.1, -2.0, 1), "v += J·dt; n = min(floor(v), 1) spikes, v -= n; v ≥ -2", "v ≥ 1", "v -= n", "Hz"),
        (IF(min_voltage=-math.inf), "v += J·dt; n = floor(v) spikes, v -= n", "v ≥ 1", "v -= n", "Hz"),
        (PiecewiseLinear(), ACCUMULATED, "v ≥ 1", "v -= n", "Hz"),
        (Tanh(), ACCUMULATED, "v ≥ 1", "v -= n", "no unit"),
    ],
)
def test_steps_thresholds_resets_and_units(neuron, step, threshold, reset, unit):
    found = neuron.equations
    assert (found.step, found.threshold, found.reset, found.unit) == (step, threshold, reset, unit)


@pytest.mark.parametrize("kind", [*NEURONS.values()])
def test_every_parameter_of_a_neuron_has_a_meaning(kind):
    assert set(kind.meanings) == {field.name for field in dataclasses.fields(kind)}
    assert all(kind.meanings.values())


def test_synapses_say_their_equation_and_others_where_theirs_is():
    assert Lowpass().equation == "y += (1 - a)·(x - y)"
    assert Alpha().equation == "two lowpasses y += (1 - a)·(x - y) in series, solved exactly"

    @dataclasses.dataclass(frozen=True)
    class Own(Synapse):
        tau: float = 0.1
        state = ("y",)
        step = Lowpass.step

    del SYNAPSES["Own"]
    assert Own().equation == f"defined by Own.step in {__name__}"


@pytest.mark.parametrize(("neuron", "is_told"), [(LIF(), True), (IF(), False), (SteppedLIF(), False)])
def test_a_c_program_tells_the_arithmetic_of_its_own_neurons_alone(tmp_path, neuron, is_told):
    population = Population(
        name="p", inputs=("x",), shape=(3,), neuron=neuron, neuron_bias=np.ones(3), gain=np.ones(3)
    )  # fmt: skip
    graph = SpikingGraph((Input(name="x", shape=(3,)), population), {"y": "p"})
    export.export(graph, tmp_path / "c", "c", numbers="double", n_steps=5)
    text = (tmp_path / "c" / "README.md").read_text("utf-8")
    assert ("A LIF neuron needs no exponential in its step" in text) == is_told
    assert ("FREE_STEP" in text) == is_told
    assert "\n\n\n" not in text
