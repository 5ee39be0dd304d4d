"""Populations and readouts know the nodes around them, and mappings of them the names that there are."""

import numpy as np
import pytest

from snnconv.graph import Dense, Input, Population, Readout
from snnconv.graph.views import PopulationView, ReadoutView, population_views, readout_views
from snnconv.neurons import LIF

KERNEL, BIAS, TRAINED = np.eye(3), np.arange(3.0), np.full((3, 3), 2.0)
NODES = {
    node.name: node
    for node in (
        Input(name="x", shape=(3,)),
        Dense(name="dense", inputs=("x",), shape=(3,), kernel=KERNEL, bias=BIAS, trained={"kernel": TRAINED}),
        Population(
            name="lif",
            inputs=("dense",),
            shape=(3,),
            neuron=LIF(tau_rc=0.03),
            neuron_bias=np.ones(3),
            gain=np.full(3, 2.0),
            trained={"bias": np.ones(3)},
        ),
        Population(name="bare", inputs=("lif",), shape=(3,), neuron=LIF(), neuron_bias=np.zeros(()), gain=np.ones(())),
        Dense(name="out", inputs=("bare",), shape=(3,), kernel=KERNEL),
        Readout(name="soft", inputs=("out",), shape=(3,), function="softmax"),
    )
}
POPULATIONS, READOUTS = population_views(NODES), readout_views(NODES, {"y": "soft", "raw": "out"})


def test_a_population_has_the_kernel_right_before_it():
    view = POPULATIONS["lif"]
    assert (view.linear, view.input, view.shape) == (NODES["dense"], "x", (3,))
    assert np.array_equal(view.kernel, KERNEL)
    assert np.array_equal(view.dense_bias, BIAS)
    assert np.array_equal(view.trained.kernel, TRAINED)
    assert view.trained.dense_bias is None
    assert np.array_equal(view.trained.neuron_bias, np.ones(3))
    assert np.array_equal(view.gain, np.full(3, 2.0))


def test_a_population_behind_another_has_no_kernel():
    view = POPULATIONS["bare"]
    assert (view.linear, view.kernel, view.dense_bias, view.input) == (None, None, None, "lif")


def test_parameters_of_the_neuron_are_attributes_and_others_are_refused_by_name():
    assert POPULATIONS["lif"].tau_rc == 0.03
    with pytest.raises(AttributeError, match=r"population 'lif' \(LIF\) has no attribute 'leak'"):
        _ = POPULATIONS["lif"].leak


def test_a_readout_has_its_kernel_whether_a_function_follows_or_not():
    assert (READOUTS["y"].linear, READOUTS["y"].activation) == (NODES["out"], "softmax")
    assert (READOUTS["raw"].linear, READOUTS["raw"].activation) == (NODES["out"], "linear")


def test_mappings_hold_views_and_say_which_names_there_are():
    assert {type(view) for view in POPULATIONS.values()} == {PopulationView}
    assert {type(view) for view in READOUTS.values()} == {ReadoutView}
    with pytest.raises(KeyError, match=r"no population is named 'dense'. There are: \['lif', 'bare'\]"):
        _ = POPULATIONS["dense"]
