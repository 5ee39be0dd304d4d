"""The error of each layer and its shares, and what is said of an answer that is one class for all."""

import json
import math
import sys
from functools import partial

import keras
import numpy as np
import pytest

import snnconv
from snnconv.errors import HealthWarning
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.graph.report import LayerReport
from snnconv.neurons import IF
from snnconv.tuning.doctor import error_table, examination, examine, layer_errors
from snnconv.tuning.doctor.checks import large_error

from ..helpers.command import run

UNITS = 4
X = np.eye(UNITS)[np.arange(20) % UNITS]


def deep(n_layers, gain=100.0):
    """Layers of IF neurons one to one, and the classes; the class is the input that is 1."""
    nodes = [Input(name="x", shape=(UNITS,))]
    for layer in range(n_layers):
        nodes += [
            Dense(name=f"dense{layer}", inputs=(nodes[-1].name,), shape=(UNITS,), kernel=np.eye(UNITS) * gain),
            Population(
                name=f"if{layer}",
                inputs=(f"dense{layer}",),
                shape=(UNITS,),
                neuron=IF(min_voltage=-math.inf, max_spikes=1),
                neuron_bias=np.zeros(()),
                gain=np.ones(()),
            ),
        ]
    nodes.append(Dense(name="out", inputs=(nodes[-1].name,), shape=(UNITS,), kernel=np.eye(UNITS)))
    return SpikingGraph(tuple(nodes), {"y": "out"}, report=(LayerReport("out", "Dense", "converted"),))


def examined(measured, n_steps=10):
    """An examination of one layer whose rates were measured like this, in Hz; 100 Hz are expected where X is 1."""
    graph = deep(1)
    xs = graph.check_inputs(X, "float32")
    return examination(graph, xs, {"if0": np.broadcast_to(measured, X.shape)}, X, n_steps, 0.001)


def test_shares_of_a_layers_error_by_hand():
    (exact,) = layer_errors(examined(100 * X))
    assert (exact.error, exact.clipping, exact.rounding, exact.silent, exact.time) == (0, 0, 0, 0, 0)
    (woken,) = layer_errors(examined(100 * X + 100 * np.roll(X, 1, 1)))
    assert woken.error == pytest.approx(1)
    assert woken.silent == 1
    (late,) = layer_errors(examined(0 * X))
    assert late.error == pytest.approx(1)
    assert late.time == 1
    (rounded,) = layer_errors(examined(X / 0.012, n_steps=12))  # 1 spike in 12 ms; 1.2 are due
    assert rounded.error == pytest.approx(1 / 6)
    assert rounded.rounding == pytest.approx(1)


def test_what_is_clipped_is_a_share_of_its_own():
    graph = deep(1, gain=2000.0)
    (error,) = layer_errors(examine(graph, graph.check_inputs(X, "float32"), 20, 0.001))
    assert error.error == pytest.approx(0.5)
    assert error.clipping == pytest.approx(1)


def test_depth_is_the_longest_way_and_the_table_has_a_row_for_each_layer():
    graph = deep(3)
    errors = layer_errors(examine(graph, graph.check_inputs(X, "float32"), 100, 0.001))
    assert [(each.layer, each.depth) for each in errors] == [("if0", 1), ("if1", 2), ("if2", 3)]
    assert [row[0] for row in error_table(errors).rows] == ["if0", "if1", "if2"]


def test_too_few_steps_for_the_depth_are_found():
    found = {each.kind: each for each in snnconv.doctor(deep(6), X, n_steps=8)}
    assert found["few_steps"].layer == "if5"
    assert found["few_steps"].numbers["steps_needed"] == 12
    assert "few_steps" not in {each.kind for each in snnconv.doctor(deep(6), X, n_steps=12)}


def test_a_layer_beyond_the_bound_is_named_with_what_its_error_is():
    (found,) = large_error(examined(100 * X + 200 * np.roll(X, 1, 1)))
    assert (found.kind, found.layer) == ("large_error", "if0")
    assert "off by 200% after 10 steps" in found.what
    assert "100% of it is spikes of neurons that should be silent" in found.what
    assert not list(large_error(examined(100 * X + 50 * np.roll(X, 1, 1))))


def test_one_answer_for_all_is_warned_of_in_predict_and_evaluate():
    graph = deep(2, np.array([1000.0, 100.0, 100.0, 100.0]))  # only the first neurons have spiked by then
    with pytest.warns(HealthWarning, match="all 20 samples get the class 0 after 3 steps, and 75% of them another one"):
        snnconv.Simulator(graph).predict(X, 3)
    with pytest.warns(HealthWarning, match="Rates are off by 90% from if1 on. Calibrate"):
        snnconv.Simulator(graph).evaluate(X, X.argmax(-1), 3)
    snnconv.Simulator(graph).predict(X, 50)  # and no warning, which would be an error here
    snnconv.Simulator(graph).predict(X[:1], 3)


def test_an_output_of_no_spikes_is_warned_of_for_one_sample_and_many(monkeypatch):
    """At 100 Hz no neuron reaches its threshold in three steps."""
    simulator = snnconv.Simulator(deep(2))
    matching = partial(pytest.warns, HealthWarning)
    with matching(
        match=r"if0: no neuron spikes in 3 steps of 20 samples, .*up to 100 Hz, .*raise scale_firing_rates, or calib"
    ) as caught:
        simulator.predict(X, 3)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with matching(match="of 2 samples"):
        simulator.predict(X[:2], 3)
    with matching(match="of 1 sample"):
        simulator.predict(X[:1], 3)
    with matching(match="of 20 samples"):
        simulator.evaluate(X, X.argmax(-1), 3)
    with matching(match="of 3 samples"):
        simulator.evaluate(X[:3], 2 * X[:3], 3)  # values, whose error is measured
    simulator.predict(np.zeros((2, UNITS)), 3)  # and no warning, which would be an error here
    kinds = {each.kind for each in snnconv.doctor(simulator.graph, X, n_steps=3)}
    assert "dead_output" in kinds
    assert not kinds & {"one_answer", "large_error"}, "which say less"
    monkeypatch.setattr(
        sys.modules["snnconv.tuning.doctor.doctor"], "examine", None
    )  # nothing is examined where answers differ
    simulator.predict(X[:2], 50)
    simulator.evaluate(X, 2 * X, 50)


def test_a_network_whose_rates_are_constant_too_is_not_warned_of():
    answers = snnconv.Simulator(deep(2)).predict(np.tile(X[:1], (20, 1)), 3)  # a warning would be an error here
    assert (answers.argmax(-1) == 0).all()


def test_the_command_prints_the_error_of_each_layer(tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((UNITS,))
    snnconv.convert(keras.Model(x, keras.layers.Dense(3)(keras.layers.Dense(8, "relu", name="hidden")(x)))).save(
        tmp_path / "n.snn.h5"
    )
    np.save(tmp_path / "x.npy", X)
    arguments = ["doctor", tmp_path / "n.snn.h5", "--data", tmp_path / "x.npy", "--steps", "3"]
    text = run(*arguments)
    assert "Error of each layer's rates" in text
    assert "clipping" in text
    (layer,) = json.loads(run(*arguments, "--json"))["layers"]
    assert layer["layer"] == "hidden"
    assert layer["error"] > 0
