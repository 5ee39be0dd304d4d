"""Every pass keeps what the graph computes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.errors import ConversionError
from snnconv.graph import Affine, AveragePool, Conv, Dense, Filter, Input, Node, Population, Reshape, SpikingGraph
from snnconv.graph.passes import add_synapses, expose_spike_height, fold_affine, scale_firing_rates
from snnconv.neurons import IF, LIF
from snnconv.neurons.synapses import Lowpass
from snnconv.runtime import reference

from ..helpers.networks import random_cnn


@st.composite
def graphs(draw):
    """Chains of a convolution, pools, reshapes, populations and dense layers, with Affine nodes in between."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes: list[Node] = [Input(name="in", shape=(6, 6, 4))]

    def add(kind, shape, **fields):
        nodes.append(kind(name=f"{kind.__name__}{len(nodes)}", inputs=(nodes[-1].name,), shape=shape, **fields))

    def maybe_affine():
        shape = nodes[-1].shape
        for form in draw(st.lists(st.sampled_from(["scalar", "channel", "place"]), max_size=2)):
            size = {"scalar": (), "channel": shape[-1:], "place": shape}[form]
            offset = rng.normal(size=size) if draw(st.booleans()) else None
            add(Affine, shape, scale=rng.uniform(0.5, 2, size), offset=offset)

    maybe_affine()
    groups = draw(st.sampled_from([1, 2]))
    pad = draw(st.sampled_from([0, 1]))
    add(
        Conv, (4 + 2 * pad, 4 + 2 * pad, 4), kernel=rng.normal(size=(3, 3, 4 // groups, 4)),
        bias=rng.normal(size=4) if draw(st.booleans()) else None,
        strides=(1, 1), padding=((pad, pad),) * 2, dilation=(1, 1), groups=groups,
    )  # fmt: skip
    maybe_affine()
    neuron = draw(st.sampled_from([LIF(amplitude=0.02), IF(amplitude=0.05), LIF(tau_ref=0.0)]))
    shape = nodes[-1].shape
    add(Population, shape, neuron=neuron, neuron_bias=rng.normal(1, 0.3, 4), gain=np.ones(()))
    maybe_affine()
    if draw(st.booleans()):
        add(AveragePool, (shape[0] // 2, shape[1] // 2, 4), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2)
        maybe_affine()
    add(Reshape, (int(np.prod(nodes[-1].shape)),))
    maybe_affine()
    add(Dense, (5,), kernel=rng.normal(size=(nodes[-1].shape[0], 5)))
    maybe_affine()
    return SpikingGraph(tuple(nodes), {"y": nodes[-1].name}), rng.random((2, 6, 6, 4))


@given(graphs())
def test_folding_keeps_the_rate_output(case):
    graph, x = case
    folded = fold_affine(graph)
    # float64: the products round in another order
    np.testing.assert_allclose(folded.rate_output(x), graph.rate_output(x), rtol=1e-9, atol=1e-9)
    assert len(folded.nodes) <= len(graph.nodes)


@given(graphs())
def test_spikes_of_height_one_keep_output_and_spikes(case):
    graph, x = case
    exposed = expose_spike_height(graph, 0.001)
    population = next(iter(graph.populations))
    assert exposed.populations[population].amplitude == 0.001
    before, after = (reference.run(each, x, 30, record="all") for each in (graph, exposed))
    np.testing.assert_array_equal(after.spikes[population], before.spikes[population])
    np.testing.assert_allclose(after.output, before.output, rtol=1e-9, atol=1e-8)


def test_per_channel_scales_always_fold_between_kernels():
    x = np.random.default_rng(0).random((2, 6, 6, 4))
    rng = np.random.default_rng(1)
    nodes = (
        Input(name="in", shape=(6, 6, 4)),
        Conv(
            name="conv", inputs=("in",), shape=(4, 4, 4), kernel=rng.normal(size=(3, 3, 4, 4)), strides=(1, 1),
            padding=((0, 0),) * 2, dilation=(1, 1),
        ),
        AveragePool(name="pool", inputs=("conv",), shape=(2, 2, 4), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2),
        Affine(name="one", inputs=("pool",), shape=(2, 2, 4), scale=rng.random(4), offset=rng.random(4)),
        Affine(name="two", inputs=("one",), shape=(2, 2, 4), scale=rng.random(4), offset=rng.random(4)),
        Population(
            name="p", inputs=("two",), shape=(2, 2, 4), neuron=LIF(), neuron_bias=np.ones(()), gain=np.ones(())
        ),
    )  # fmt: skip
    graph = SpikingGraph(nodes, {"y": "p"})
    folded = fold_affine(graph)
    assert [node.name for node in folded.nodes] == ["in", "conv", "pool", "p"]
    np.testing.assert_allclose(folded.rate_output(x), graph.rate_output(x), rtol=1e-12)


def test_scales_go_through_synapses_and_offsets_do_not():
    def graph(**offset):
        own = Affine(name="own", inputs=("x",), shape=(3,), scale=np.array([1.0, 2.0, 3.0]), **offset)
        behind = Dense(name="dense", inputs=("filter",), shape=(2,), kernel=np.arange(6.0).reshape(3, 2))
        filtered = Filter(name="filter", inputs=("own",), shape=(3,), synapse=Lowpass(0.002))
        return SpikingGraph((Input(name="x", shape=(3,)), own, filtered, behind), {"y": "dense"})

    x = np.random.default_rng(0).random((2, 3))
    found = fold_affine(graph())
    assert [node.name for node in found.nodes] == ["x", "filter", "dense"]
    np.testing.assert_allclose(reference.run(found, x, 5).output, reference.run(graph(), x, 5).output, rtol=1e-12)
    kept = fold_affine(graph(offset=np.ones(3)))
    assert [node.name for node in kept.nodes] == ["x", "own", "filter", "dense"]


def test_an_output_is_never_scaled_away():
    nodes = (
        Input(name="in", shape=(3,)),
        Dense(name="dense", inputs=("in",), shape=(2,), kernel=np.ones((3, 2))),
        Affine(name="twice", inputs=("dense",), shape=(2,), scale=np.asarray(2.0)),
        Dense(name="end", inputs=("twice",), shape=(1,), kernel=np.ones((2, 1))),
    )
    graph = SpikingGraph(nodes, {"raw": "dense", "twice": "twice", "end": "end"})
    folded = fold_affine(graph)
    x = np.ones((1, 3))
    for label, value in graph.rate_output(x).items():
        np.testing.assert_array_equal(folded.rate_output(x)[label], value)


@pytest.mark.parametrize("factor", [0.5, 3.0, {"lif2": 10.0}])
def test_rate_scaling_keeps_the_rate_output(factor):
    graph = snnconv.convert(random_cnn())
    x = np.random.default_rng(0).random((2, 12, 12, 2))
    np.testing.assert_allclose(scale_firing_rates(graph, factor).rate_output(x), graph.rate_output(x), rtol=1e-9)


def test_rate_scaling_refuses_nonsense():
    graph = snnconv.convert(random_cnn())
    for factor in (0, -1.0, np.nan):
        with pytest.raises(ConversionError, match="scale_firing_rates must be a number above 0"):
            scale_firing_rates(graph, factor)


def test_synapses_keep_the_rate_output_and_the_long_mean():
    graph = snnconv.convert(random_cnn())
    filtered = add_synapses(graph, 0.01)
    x = np.random.default_rng(0).random((2, 12, 12, 2))
    np.testing.assert_array_equal(filtered.rate_output(x), graph.rate_output(x))
    end = filtered.readouts["classes"]
    assert end.input == "hidden.synapse"


@pytest.mark.parametrize(("synapse", "said"), [(0.002, "synapse=0.002"), ({"hidden": 0.002}, "synapse, or")])
def test_a_population_has_one_synapse(synapse, said):
    graph = add_synapses(snnconv.convert(random_cnn()), {"hidden": 0.01})
    with pytest.raises(ConversionError, match=rf"populations \['hidden'\] have a synapse already. Leave out {said}"):
        add_synapses(graph, synapse)
