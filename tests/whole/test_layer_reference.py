"""The page of layers: made from the registry, so that it has every layer of Keras and says what becomes of it."""

import pytest
from keras import layers as kl
from keras import ops

from snnconv.conversion.trace.registry import operation_refusal

from ..helpers.doc_blocks import ROOT, docs_module

ABSTRACT = {"Layer", "Wrapper"}
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}


@pytest.fixture(scope="module")
def reference():
    return docs_module("layer_reference")


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
    assert activations["gelu"] == ("RunningMean, Function, Affine, Follower", "as inside")
    assert activations["linear"][0] == "nothing"
    assert [name for name, (inside, _) in activations.items() if inside.startswith("refused")] == ["sparsemax"]
    assert {"Add", "GetItem", "Reshape"} <= set(reference.operation_names())


def test_every_function_of_keras_ops_that_is_refused_is_in_the_table_with_its_reason(reference):
    rows = {name: why for names, why in reference.refused_operation_rows() for name in names.split(", ")}
    refused = {name for name in vars(ops) if operation_refusal(name) is not None}
    assert refused - set(rows) <= {"convert_to_numpy"}
    assert all(operation_refusal(name) == why for name, why in rows.items())
    assert rows["argmax"].startswith("it gives truth values")


def test_limits_are_what_the_converters_say(reference):
    layers = reference.layers()
    found = {name: reference.limits(layers[name]) for name in ("UpSampling2D", "AdaptiveMaxPooling1D", "ReLU")}
    assert found["UpSampling2D"] == "has interpolation='…'. Use 'nearest' or 'bilinear'."
    assert "by windows of different sizes. Choose an output size that divides" in found["AdaptiveMaxPooling1D"]
    assert found["ReLU"] == ""


def test_tables_are_markdown(reference):
    lines = reference.table(("a", "b"), [("x*", "y|z")])
    assert lines == ["| a | b |", "|---|---|", r"| x\* | y\|z |", ""]


@pytest.mark.full
def test_an_example_of_every_layer_converts(reference):
    rows = reference.layer_rows()
    assert len(rows) > 80
    assert [row[0] for row in rows if row[1].startswith("a neuron that")] == []
