"""What stands between populations is exact in integers."""

import math

import numpy as np
import pytest

from snnconv.neurons import IF
from snnconv.quantize import Analog, SumPool, quantize, run
from snnconv.runtime import reference

from ..helpers.integer_networks import DYADIC_DT, Line

SPIKES = Analog(bits=1)  # inputs that are 0 or 1


def dyadic(rng, *shape):
    """Random multiples of 1/16 between -1 and 1, which 8 bits hold."""
    return rng.integers(-16, 17, shape) / 16


def chain_networks():
    """Networks of exact numbers with everything that can stand between populations."""
    rng = np.random.default_rng(5)
    fires = IF(amplitude=DYADIC_DT, min_voltage=-math.inf, max_spikes=1)  # spikes of height 1
    floored = IF(amplitude=DYADIC_DT, min_voltage=0.0, max_spikes=1)
    rectified = IF(amplitude=DYADIC_DT, max_spikes=1)

    def conv(*shape):
        return dyadic(rng, *shape) * 512

    def start(shape=(6, 6, 2), neuron=fires):
        return Line(shape).conv("c0", conv(3, 3, shape[-1], 4), dyadic(rng, 4) * 64, padding=1).neurons("n0", neuron)

    def end(line):
        line.neurons("n1", fires, dyadic(rng, *line.last.shape) * 64)  # a bias per place
        return line.flatten().dense("out", dyadic(rng, int(np.prod(line.last.shape)), 3), dyadic(rng, 3)).graph()

    yield (
        "dense",
        end(Line((6,)).dense("d0", conv(6, 5)).neurons("n0", fires, np.full(5, 256.0)).dense("d1", conv(5, 4))),
    )
    yield "floor", end(start(neuron=floored).conv("c1", conv(2, 2, 4, 3)))
    yield "rectified", end(start(neuron=rectified).conv("c1", conv(2, 2, 4, 3)))
    yield "strides and padding", end(start().conv("c1", conv(3, 2, 4, 3), strides=2, padding=1))
    yield "dilation", end(start().conv("c1", conv(2, 2, 4, 3), dilation=3))
    yield "groups", end(start().conv("c1", conv(2, 2, 2, 6), groups=2))
    yield "depthwise", end(start().conv("c1", conv(3, 3, 1, 8), groups=4, padding=1))
    yield (
        "one dimension",
        end(Line((9, 2)).conv("c0", conv(3, 2, 4)).neurons("n0", fires).pool("pool").conv("c1", conv(2, 4, 3))),
    )
    yield "dense on every place", end(start().dense("d1", conv(4, 3)))
    yield "pool of spikes", end(start().pool("pool").conv("c1", conv(2, 2, 4, 3), padding=1))
    yield "overlapping pool of spikes", end(start().pool("pool", 4, 2).conv("c1", conv(2, 2, 4, 3)))
    yield "two pools of spikes", end(start((8, 8, 2)).pool("p1").pool("p2").flatten("f").dense("d1", conv(16, 3)))
    yield "pool of currents", end(start().conv("c1", conv(3, 3, 4, 3), dyadic(rng, 3) * 64, padding=1).pool("pool"))
    yield "flattened currents", end(start().conv("c1", conv(3, 3, 4, 2)).flatten("f").dense("d1", dyadic(rng, 32, 3)))
    yield "pool of the input", end(Line((6, 6, 2)).pool("pool").conv("c0", conv(2, 2, 2, 3)))
    yield (
        "separable",
        end(start().conv("depth", conv(3, 3, 1, 8) / 64, groups=4).conv("point", dyadic(rng, 1, 1, 8, 3))),
    )
    yield "padding of its own", end(start().pad("pad", 1, 2).conv("c1", conv(3, 3, 4, 3)))
    yield "no kernel", end(start().pool("pool", 4, 2))
    line = start()
    spikes = line.last
    yield "spikes beside a convolution", end(line.conv("c1", conv(3, 3, 4, 4), padding=1).plus("sum", spikes))
    line = start()
    spikes = line.last
    line.conv("c1", conv(3, 3, 4, 2), dyadic(rng, 2) * 64, strides=2, padding=1)
    far = line.last
    yield "two strides", end(line.back_to(spikes).conv("c2", conv(1, 1, 4, 2), strides=2).plus("sum", far))
    line = start()
    spikes = line.last
    a = line.dense("a", dyadic(rng, 4, 3), dyadic(rng, 3)).last
    line.back_to(spikes).dense("b", dyadic(rng, 4, 3)).plus("sum", a)
    yield "a kernel behind a sum", end(line.conv("c1", conv(1, 1, 3, 2), dyadic(rng, 2) * 64))
    line = start()
    spikes = line.last
    line.conv("c1", conv(3, 2, 4, 4) / 64, dyadic(rng, 4), padding=1, dilation=2).pool("p", 2, 3).flatten("flat c1")
    far = line.last
    line.back_to(spikes).conv("c2", conv(3, 3, 2, 4) / 64, strides=2, groups=2).flatten("flat c2")
    yield (
        "a dense layer behind a join",
        end(line.joined("join", far).dense("d1", dyadic(rng, 24, 5), dyadic(rng, 5) * 64)),
    )
    line = start((6, 6, 2))
    spikes = line.last
    line.back_to(line.nodes[0]).conv("c1", conv(2, 2, 2, 4), padding=1).pool("p", 2, 1)
    yield "the input beside spikes", end(line.plus("sum", spikes))
    line = start()
    yield "what is added to itself", end(line.dense("a", conv(4, 3), dyadic(rng, 3) * 64).plus("sum", line.last))
    line = start((8, 8, 2))
    spikes = line.last
    pooled = line.pool("p").conv("c1", conv(1, 1, 4, 4)).pool("q").last
    line.back_to(spikes).pool("r", 4).plus("sum", pooled)
    yield "pools on branches", end(line)
    line = start()
    line.plus("sum", line.last).pool("p")
    yield "a pool behind a sum", end(line)
    line = start()
    spikes, data = line.last, line.nodes[0]
    yield "joined before a border", end(line.joined("join", data).conv("c1", conv(3, 3, 6, 2), padding=1))
    line = start()
    spikes = line.last
    line.conv("c1", conv(3, 3, 4, 2), dyadic(rng, 2) * 64, padding=1).joined("join", spikes, line.last)
    yield "joined before neurons", end(line)
    line = Line((6,)).dense("d0", conv(6, 5)).neurons("n0", fires)
    spikes = line.last
    line.dense("d1", conv(5, 4), dyadic(rng, 4) * 64).joined("join", spikes).dense("d2", dyadic(rng, 9, 5)).plus(
        "sum", spikes
    )
    yield "joined dense layers", end(line)
    yield "two dense layers", end(Line((6,)).dense("d0", dyadic(rng, 6, 5), dyadic(rng, 5)).dense("d1", conv(5, 4)))


@pytest.mark.parametrize(("name", "graph"), list(chain_networks()))
def test_what_stands_between_populations_is_exact(name, graph):
    """Numbers that integers hold exactly, in IF neurons, which round nothing: the spikes are the float network's."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (4, 30, *graph.inputs[0].shape)).astype(float)
    integers = quantize(graph, 16, dt=DYADIC_DT, scale="power_of_two", input=SPIKES)
    expected = reference.run(graph, x, 30, DYADIC_DT, record="all")
    result = run(integers, x, 30, record="all")
    for population, spikes in expected.spikes.items():
        assert 0 < spikes.mean() < 1
        np.testing.assert_array_equal(result.spikes[population], spikes)
        layer = integers.populations[population]
        np.testing.assert_array_equal(result.voltages[population] / layer.threshold, expected.voltages[population])
    np.testing.assert_array_equal(integers.as_float(result.output), expected.output)
    assert all(
        np.array_equal(layer.kernel / layer.scale.flat[0], layer.weights) for layer in integers.readouts.values()
    )


def test_branches_are_sums_that_a_layer_adds_to_its_own():
    graphs = dict(chain_networks())
    _, _, branch, n1, *_ = quantize(graphs["the input beside spikes"], dt=DYADIC_DT, input=Analog()).nodes
    assert (branch.kind, branch.inputs, n1.inputs) == ("WeightedSums", ("x",), ("n0", "n1.branch1"))
    assert [len(layer.branches) for layer in quantize(graphs["joined before neurons"]).populations.values()] == [0, 2]


def test_pools_of_spikes_are_sums_and_pools_of_currents_go_into_the_kernel():
    graphs = dict(chain_networks())
    kinds = {name: [node.kind for node in quantize(graphs[name], dt=DYADIC_DT).nodes] for name in graphs}
    assert kinds["pool of spikes"] == ["EncodedInput", "SpikingLayer", "SumPool", "SpikingLayer", "ReadoutLayer"]
    assert kinds["pool of currents"] == ["EncodedInput", "SpikingLayer", "SpikingLayer", "ReadoutLayer"]
    pool = quantize(graphs["two pools of spikes"], dt=DYADIC_DT)["p2"]
    assert isinstance(pool, SumPool)
    assert (pool.inputs, pool.ranges["value"].high) == (("p1",), 16)
