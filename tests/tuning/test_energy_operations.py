"""Operations of a spike: the fan-out of every place, counted in another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.graph import (
    Add,
    AveragePool,
    Conv,
    ConvTranspose,
    Dense,
    Difference,
    Filter,
    Input,
    MaxPool,
    Reshape,
    RunningSum,
    SpikingGraph,
    Weighted,
)
from snnconv.neurons import IF, numpy_ops
from snnconv.neurons.synapses import Lowpass
from snnconv.runtime import reference
from snnconv.tuning.energy import fan_out, operations_of_values
from snnconv.tuning.energy.arrivals import Connections

from ..helpers.small_graphs import OPERATIONS, graph_of, population


def behind_neurons(node, shape):
    """Input -> neurons -> the node."""
    first = population("first", "x", shape)
    return SpikingGraph((Input(name="x", shape=shape), first, node), {"y": node.name})


def conv_shape(space, window, strides, padding, dilation):
    sizes = zip(space, window, strides, padding, dilation, strict=True)
    return tuple((n + sum(p) - (w - 1) * d - 1) // s + 1 for n, w, s, p, d in sizes)


@st.composite
def convolutions(draw):
    """A convolution in one or two dimensions with everything that it can have."""
    rank = draw(st.integers(1, 2))
    several = lambda low, high: tuple(draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank)))  # noqa: E731
    groups, window, strides, dilation = draw(st.integers(1, 3)), several(1, 3), several(1, 3), several(1, 2)
    padding = tuple(zip(several(0, 2), several(0, 2), strict=True))
    space = tuple((w - 1) * d + 1 + more for w, d, more in zip(window, dilation, several(0, 4), strict=True))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    return Conv(
        name="conv",
        inputs=("first",),
        shape=(*conv_shape(space, window, strides, padding, dilation), filters),
        kernel=np.random.default_rng(0).normal(size=(*window, channels // groups, filters)),
        strides=strides,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ), (*space, channels)


@given(convolutions())
def test_a_convolution_counts_as_a_loop_over_its_places_does(drawn):
    node, shape = drawn
    graph = behind_neurons(node, shape)
    expected, macs = np.zeros(shape, int), 0
    per_group = shape[-1] // node.groups
    for place in np.ndindex(node.shape[:-1]):
        for offset in np.ndindex(node.kernel.shape[:-2]):
            steps = zip(place, node.strides, offset, node.dilation, node.padding, strict=True)
            seen = tuple(p * s + o * d - before for p, s, o, d, (before, _) in steps)
            if all(0 <= at < size for at, size in zip(seen, shape[:-1], strict=True)):
                for filter_ in range(node.shape[-1]):
                    group = filter_ // (node.shape[-1] // node.groups)
                    for channel in range(group * per_group, (group + 1) * per_group):
                        expected[(*seen, channel)] += 1
                        macs += 1
    np.testing.assert_array_equal(fan_out(node, shape), expected)
    assert operations_of_values(graph) == {"conv": macs}


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(-1, 2), st.integers(-1, 1))
def test_a_transposed_convolution_counts_as_a_loop_over_its_places_does(window, stride, dilation, before, after):
    size, channels, filters = 4, 2, 3
    length = (size - 1) * stride + (window - 1) * dilation + 1 - before - after
    if length < 1:
        return
    node = ConvTranspose(
        name="up",
        inputs=("first",),
        shape=(length, filters),
        kernel=np.ones((window, channels, filters)),
        strides=(stride,),
        padding=((before, after),),
        dilation=(dilation,),
    )
    graph = behind_neurons(node, (size, channels))
    reached = [
        sum(0 <= place * stride + k * dilation - before < length for k in range(window)) for place in range(size)
    ]
    np.testing.assert_array_equal(fan_out(node, (size, channels)), np.outer(reached, [filters] * channels))
    assert operations_of_values(graph)["up"] == sum(reached) * channels * filters


def run_of(graph, spikes, n_steps=1):
    """What arrives at each kernel for these spikes of the first population: events per step, all samples together."""
    connections = Connections(graph, 0.001)
    xs = graph.check_inputs(np.zeros((len(spikes), *graph.inputs[0].shape)), "float32", n_steps)
    return {
        layer.name: (connections.events(layer, signal).tolist(), signal)
        for layer, signal in connections.arrivals(xs, {"first": spikes}, n_steps)
    }


SEVERAL_WAYS = {"residual", "concatenate", "concatenate places", "twice the same"}


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in SEVERAL_WAYS])
def test_the_operations_of_a_spike_are_the_values_behind_a_kernel_that_it_changes(name):
    graph = graph_of(name)
    names = [node.name for node in graph.nodes]
    between = [graph[each] for each in names[names.index("first") + 1 : names.index("second")]]
    kernels = [node for node in between if isinstance(node, Weighted)]
    if len(kernels) != 1 or kernels[0] is not between[0]:
        return  # a pool or the like before it has tests of its own
    shape = graph.populations["first"].shape
    node = kernels[0].map_arrays(np.abs)  # so that nothing cancels
    for place in np.ndindex(shape):
        spike = np.zeros((1, *shape))
        spike[(0, *place)] = 1
        changed = np.count_nonzero(node.apply(spike, xp=numpy_ops) - node.apply(spike * 0, xp=numpy_ops))
        assert fan_out(node, shape)[place] == changed


def test_zeros_count_as_dense_operations_and_not_as_effective_ones():
    kernel = np.ones((4, 5))
    kernel[0] = 0
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Dense(name="out", inputs=("first",), shape=(5,), kernel=kernel),
    )
    graph = SpikingGraph(nodes, {"y": "out"})
    assert run_of(graph, np.array([[[1, 1, 1, 0]], [[0, 0, 0, 1]]], "uint8"))["out"][0] == [15]
    assert operations_of_values(graph) == {"out": 20}


def test_consumers_that_share_a_population_each_count():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Dense(name="a", inputs=("first",), shape=(5,), kernel=np.ones((4, 5))),
        Dense(name="b", inputs=("first",), shape=(2,), kernel=np.ones((4, 2))),
    )
    found = run_of(SpikingGraph(nodes, {"a": "a", "b": "b"}), np.ones((1, 3, 4), "uint8"), 3)
    assert {name: events for name, (events, _) in found.items()} == {"a": [20] * 3, "b": [8] * 3}


def test_sums_of_spikes_are_values_where_they_are_no_spike():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Add(name="sum", inputs=("first", "first"), shape=(4,)),
        Dense(name="out", inputs=("sum",), shape=(5,), kernel=np.ones((4, 5))),
    )
    spikes = np.array([[[0, 0, 0, 0], [1, 0, 0, 0]]], "uint8")
    events, signal = run_of(SpikingGraph(nodes, {"y": "out"}), spikes, 2)["out"]
    assert (events, signal.is_binary.tolist()) == ([0, 5], [True, False])


def test_kernels_in_a_row_take_what_the_first_gives_and_synapses_change_nothing():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Filter(name="first.filter", inputs=("first",), shape=(4,), synapse=Lowpass(0.005)),
        Dense(name="a", inputs=("first.filter",), shape=(3,), kernel=np.array([[1.0, 1, 0]] * 4)),
        Dense(name="b", inputs=("a",), shape=(7,), kernel=np.ones((3, 7))),
    )
    found = run_of(SpikingGraph(nodes, {"y": "b"}), np.array([[[1, 0, 0, 0], [0, 0, 0, 0]]], "uint8"), 2)
    assert found["a"][0] == [2, 0]
    assert found["a"][1].is_binary.all()
    assert found["b"][0] == [14, 0]
    assert found["b"][1].is_binary.tolist() == [False, True]


def test_average_pooling_gives_values_that_are_no_spikes():
    nodes = (
        Input(name="x", shape=(5, 1)),
        population("first", "x", (5, 1)),
        AveragePool(name="pool", inputs=("first",), shape=(3, 1), size=(3,), strides=(1,), padding=((0, 0),)),
        Reshape(name="flat", inputs=("pool",), shape=(3,)),
        Dense(name="out", inputs=("flat",), shape=(10,), kernel=np.ones((3, 10))),
    )
    graph = SpikingGraph(nodes, {"y": "out"})
    events, signal = run_of(graph, np.array([[1, 0, 0, 0, 0]], "uint8").reshape(1, 1, 5, 1))["out"]
    assert (events, signal.is_binary.tolist()) == ([10], [False])  # a third, in one window of three


def test_max_pooling_lets_through_the_spikes_that_really_come_out_of_it():
    pool = {"size": (2,), "strides": (2,), "padding": ((0, 0),)}
    nodes = (
        Input(name="x", shape=(6, 2)),
        population("first", "x", (6, 2), neuron=IF(max_spikes=1), bias=np.zeros(())),
        RunningSum(name="sum", inputs=("first",), shape=(6, 2)),
        MaxPool(name="max", inputs=("sum",), shape=(3, 2), **pool),
        Difference(name="pool", inputs=("max",), shape=(3, 2)),
        Reshape(name="flat", inputs=("pool",), shape=(6,)),
        Dense(name="out", inputs=("flat",), shape=(4,), kernel=np.ones((6, 4))),
    )
    graph = SpikingGraph(nodes, {"y": "out", "pooled": "pool"})
    x = np.random.default_rng(0).uniform(0, 900, (3, 6, 2))
    result = reference.run(graph, x, 50, record="all")
    passed = np.count_nonzero(result.output["pooled"]) / 3
    found = snnconv.energy(graph, x, 50)
    assert next(layer for layer in found.layers if layer.name == "out").synops == pytest.approx(passed * 4)
    assert run_of(graph, result.spikes["first"], 50)["out"][1].is_binary.all()
