"""The page of layers: made from the registry, so that it has every layer of Keras and says what becomes of it."""

import inspect
import sys

import keras
import pytest
from keras import layers as kl
from keras import ops

from snnconv.conversion.trace.registry import operation_refusal

from ..helpers.doc_blocks import ROOT

ABSTRACT = {"Layer", "Wrapper"}
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}


@pytest.fixture(scope="module")
def reference():
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import layer_reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return layer_reference


def test_every_layer_is_in_one_of_the_tables(reference):
    names = {name for name, value in vars(kl).items() if isinstance(value, type) and issubclass(value, kl.Layer)}
    names = {name for name in names if getattr(kl, name).__name__ == name}  # without other names of the same
    converted = {name for name, kind in reference.layers().items() if kind in reference.handled()}
    refused = {name for name, _ in reference.refused_rows()}
    assert names - ABSTRACT - CELLS <= converted | refused
    assert not converted & refused
    assert "```{layer-reference}" in (ROOT / "docs/layers.md").read_text("utf-8")


def test_what_layers_and_activations_become(reference):
    found = {
        name: reference.becomes(name, kind) for name, kind in reference.layers().items() if name in ("Conv2D", "LIF")
    }
    assert found == {"Conv2D": "Conv", "LIF": "Affine, LIF"}
    activations = {name: (inside, end) for name, inside, end in reference.activation_rows()}
    assert activations["relu"] == ("IF", "as inside")
    assert activations["softmax_v2"] == activations["softmax"]
    assert activations["sigmoid"] == ("Sigmoid", "applied to the mean over time")
    assert {"Add", "GetItem", "Reshape"} <= set(reference.operation_names())


def test_every_function_of_keras_ops_that_is_refused_is_in_the_table_with_its_reason(reference):
    rows = {name: why for names, why in reference.refused_operation_rows() for name in names.split(", ")}
    refused = {name for name in vars(ops) if operation_refusal(name) is not None}
    assert refused - set(rows) <= {"convert_to_numpy"}
    assert all(operation_refusal(name) == why for name, why in rows.items())
    assert rows["argmax"].startswith("it gives truth values")


def test_every_activation_of_keras_but_one_is_neurons_or_a_function_of_means(reference):
    rows = {name: inside for name, inside, _ in reference.activation_rows()}
    public = {name for name, value in vars(keras.activations).items() if inspect.isfunction(value)}
    public -= {"get", "serialize", "deserialize"}
    assert public <= set(rows)
    refused = {name for name in public if rows[name].startswith("refused")}
    assert refused == {"sparsemax"}, "convert these, or refuse them with a reason"


@pytest.mark.full
def test_an_example_of_every_layer_converts(reference):
    rows = reference.layer_rows()
    assert len(rows) > 80
    assert [name for name, what, _ in rows if what.startswith("a neuron that")] == []
