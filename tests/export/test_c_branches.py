"""Branches in the C program: what stays is summed up once, and added to what comes at each step."""

import dataclasses

import numpy as np
import pytest

from snnconv.errors import ExportError
from snnconv.export.c.integers import IntegerWriter
from snnconv.neurons import LIF
from snnconv.quantize import IntegerGraph, ReadoutLayer, WeightedSums, quantize

from ..helpers.branched_networks import random_branches
from ..helpers.integer_networks import Line


def test_a_branch_of_a_held_input_is_summed_up_when_it_is_given():
    integers = quantize(random_branches(0, "input"))
    functions = {(each.verb, each.name) for each in IntegerWriter(integers).program().functions}
    assert {("present", "n4_branch1"), ("step", "n4")} <= functions
    assert ("step", "n4_branch1") not in functions


def test_an_input_that_stays_is_refused_before_branches_that_do_not():
    """`quantize` makes the input the last of all branches; a graph made by hand may not."""
    integers = quantize(Line((2,)).dense("b", np.eye(2)).graph())
    x, own = integers.nodes
    assert isinstance(own, ReadoutLayer)
    fields = ("shape", "input_shape", "kernel", "shift", "origin")
    ranges = {"weight": own.ranges["weight"], "value": own.ranges["total_input"]}
    spikes = dataclasses.replace(quantize(Line((2,)).neurons("n", LIF()).graph()).nodes[1], inputs=(x.name,))
    branch = WeightedSums(name="b", inputs=("n",), ranges=ranges, **{field: getattr(own, field) for field in fields})
    adding = dataclasses.replace(own, inputs=(x.name, "b"))
    graph = IntegerGraph((x, spikes, branch, adding), {"y": own.name}, integers.settings)
    with pytest.raises(ExportError, match="layer 'y': its first input stays, and others do not"):
        IntegerWriter(graph).program()
