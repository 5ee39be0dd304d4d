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
    Population,
    Reshape,
    RunningSum,
    SpikingGraph,
)
from snnconv.neurons import IF
from snnconv.neurons.synapses import Lowpass
from snnconv.runtime import reference
from snnconv.tuning.energy import operations_of_spikes, operations_of_values

from ..helpers.small_graphs import OPERATIONS, graph_of, population


def counts_of(graph, seed=0, b=2):
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 5, (b, *view.shape)) for name, view in graph.populations.items()}


def behind_neurons(node, shape, neuron=None):
    """Input -> neurons -> the node."""
    first = population("first", "x", shape, **({} if neuron is None else {"neuron": neuron}))
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
    spikes = counts_of(graph, b=1)["first"][0]
    synops = macs = 0
    per_group = shape[-1] // node.groups
    for place in np.ndindex(node.shape[:-1]):
        for offset in np.ndindex(node.kernel.shape[:-2]):
            steps = zip(place, node.strides, offset, node.dilation, node.padding, strict=True)
            seen = tuple(p * s + o * d - before for p, s, o, d, (before, _) in steps)
            if all(0 <= at < size for at, size in zip(seen, shape[:-1], strict=True)):
                for filter_ in range(node.shape[-1]):
                    group = filter_ // (node.shape[-1] // node.groups)
                    for channel in range(group * per_group, (group + 1) * per_group):
                        synops += spikes[(*seen, channel)]
                        macs += 1
    assert operations_of_spikes(graph, {"first": spikes[None]})["conv"].synops == [synops]
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
    spikes = counts_of(graph, b=1)["first"]
    reached = [
        sum(0 <= place * stride + k * dilation - before < length for k in range(window)) for place in range(size)
    ]
    expected = (spikes[0].sum(-1) * reached).sum() * filters
    assert operations_of_spikes(graph, {"first": spikes})["up"].synops == [expected]
    assert operations_of_values(graph)["up"] == sum(reached) * channels * filters


# Where a spike reaches a current by more than one way, or through kernels in a row: see the tests of those.
SEVERAL_WAYS = {"residual", "concatenate", "concatenate places", "twice the same"}


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in SEVERAL_WAYS])
def test_the_fan_out_of_a_place_is_the_number_of_currents_that_a_spike_there_changes(name):
    """Kernels are taken with absolute values, so that nothing cancels."""
    graph = graph_of(name).replace(
        node.map_arrays(np.abs) if not isinstance(node, Population) else node for node in graph_of(name).nodes
    )
    populations = graph.populations
    shape = populations["first"].shape
    for place in np.ndindex(shape):
        spike = np.zeros((1, *shape))
        spike[(0, *place)] = 1
        counts = {"first": spike, "second": np.zeros((1, *populations["second"].shape))}
        changed = np.count_nonzero(propagated(graph, spike) - propagated(graph, spike * 0))
        assert sum(each.synops[0] for each in operations_of_spikes(graph, counts).values()) == changed


def between(graph):
    names = [node.name for node in graph.nodes]
    return names[names.index("first") + 1 : names.index("second")]


def propagated(graph, spikes):
    """The current of the second population for what the first sends."""
    values = {"first": spikes}
    for node in graph.nodes:
        if node.name in between(graph):
            xs = [values[name] for name in node.inputs]
            values[node.name] = xs[0] if isinstance(node, Filter) else node.apply(*xs, xp=snnconv.neurons.numpy_ops)
    return values[graph["second"].inputs[0]]


def test_dense_layers_count_inputs_times_outputs():
    nodes = (
        Input(name="x", shape=(3,)),
        Dense(name="in", inputs=("x",), shape=(4,), kernel=np.ones((3, 4))),
        population("first", "in", (4,)),
        Dense(name="out", inputs=("first",), shape=(5,), kernel=np.zeros((4, 5))),
    )
    graph = SpikingGraph(nodes, {"y": "out"})
    found = operations_of_spikes(graph, {"first": np.array([[1, 0, 2, 0], [0, 0, 0, 1]])})
    assert found["out"].synops.tolist() == [15, 5]  # a weight of 0 counts
    assert (found["in"].n_products, found["in"].synops.tolist()) == (12, [0, 0])
    assert operations_of_values(graph) == {"in": 12, "out": 20}


def test_consumers_that_share_a_population_each_count():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Dense(name="a", inputs=("first",), shape=(5,), kernel=np.ones((4, 5))),
        Dense(name="b", inputs=("first",), shape=(2,), kernel=np.ones((4, 2))),
    )
    found = operations_of_spikes(SpikingGraph(nodes, {"a": "a", "b": "b"}), {"first": np.full((1, 4), 3)})
    assert {name: each.synops.tolist() for name, each in found.items()} == {"first": [0], "a": [60], "b": [24]}


def test_spikes_straight_into_neurons_are_an_operation_each():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Add(name="sum", inputs=("first", "first"), shape=(4,)),
        population("second", "sum", (4,)),
    )
    counts = {"first": np.full((1, 4), 3), "second": np.zeros((1, 4))}
    found = operations_of_spikes(SpikingGraph(nodes, {"y": "second"}), counts)
    assert found["second"].synops == [24]


def test_kernels_in_a_row_count_every_change_that_goes_on():
    nodes = (
        Input(name="x", shape=(4,)),
        population("first", "x", (4,)),
        Dense(name="a", inputs=("first",), shape=(3,), kernel=np.ones((4, 3))),
        Filter(name="a.filter", inputs=("a",), shape=(3,), synapse=Lowpass(0.005)),
        Dense(name="b", inputs=("a.filter",), shape=(7,), kernel=np.ones((3, 7))),
    )
    found = operations_of_spikes(SpikingGraph(nodes, {"y": "b"}), {"first": np.array([[2, 0, 0, 0]])})
    assert (found["a"].synops, found["b"].synops) == ([6], [42])


def test_average_pooling_is_absorbed_also_where_windows_overlap():
    nodes = (
        Input(name="x", shape=(5, 1)),
        population("first", "x", (5, 1)),
        AveragePool(name="pool", inputs=("first",), shape=(3, 1), size=(3,), strides=(1,), padding=((0, 0),)),
        Reshape(name="flat", inputs=("pool",), shape=(3,)),
        Dense(name="out", inputs=("flat",), shape=(10,), kernel=np.ones((3, 10))),
    )
    found = operations_of_spikes(SpikingGraph(nodes, {"y": "out"}), {"first": np.ones((1, 5, 1))})
    assert list(found) == ["first", "out"]
    assert found["out"].synops == [10 * (1 + 2 + 3 + 2 + 1)]  # windows that each place lies in


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
