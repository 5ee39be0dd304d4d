"""Pictures show what is in the arrays."""

import numpy as np
import pytest

import snnconv
from snnconv import plot
from snnconv.errors import InputError, SnnconvError
from snnconv.graph import Input, Population, SpikingGraph
from snnconv.neurons import LIF

from .networks import random_cnn

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def graph():
    return snnconv.convert(random_cnn())


@pytest.fixture(scope="module")
def result(graph):
    x = np.random.default_rng(0).random((2, 12, 12, 2))
    return snnconv.reference.run(graph, x, 50, record=["hidden", "lif2.spikes"])


@pytest.fixture(autouse=True)
def _close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_raster_marks_every_spike(result):
    ax = plot.raster(result, "lif2", sample=1)
    marks = ax.collections[0].get_offsets()
    steps, neurons = np.nonzero(result.spikes["lif2"][1].reshape(50, -1))
    assert len(marks) > 20
    np.testing.assert_allclose(sorted(map(tuple, marks)), sorted(zip(steps + 1.0, neurons, strict=True)))
    assert ax.get_xlabel() == "time (ms)"


def test_raster_draws_some_of_many_neurons(result):
    ax = plot.raster(result, "lif2", max_neurons=10)
    assert len(np.unique(ax.collections[0].get_offsets()[:, 1])) <= 10


def test_voltages_show_threshold_and_spikes(result):
    unit = int(result.spikes["hidden"][0].sum(0).argmax())
    ax = plot.voltages(result, "hidden", units=(unit,))
    line, spikes, threshold = ax.lines
    np.testing.assert_allclose(line.get_ydata(), result.voltages["hidden"][0, :, unit])
    assert len(spikes.get_xdata()) == (result.spikes["hidden"][0, :, unit] > 0).sum()
    assert threshold.get_ydata()[0] == 1


def test_rate_curve_is_the_rate_equation():
    ax = plot.rate_curve(LIF(amplitude=0.5), np.array([0.5, 2.0]), measured=([1.5, 2.5], [30.0, 70.0]))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0, 1 / (0.002 + 0.02 * np.log(2))])
    assert len(ax.lines[0].get_xdata()) == 2


def test_kernels_draw_the_folded_kernel(graph):
    ax = plot.kernels(graph, "hidden")
    np.testing.assert_array_equal(ax.images[0].get_array(), graph.populations["hidden"].kernel.T)
    nodes = (
        Input(name="in", shape=(2,)),
        Population(name="p", inputs=("in",), shape=(2,), neuron=LIF(), neuron_bias=np.ones(2), gain=np.ones(2)),
    )
    with pytest.raises(SnnconvError, match="'p' has no kernel of its own"):
        plot.kernels(SpikingGraph(nodes, {"y": "p"}), "p")


def test_what_was_not_recorded_cannot_be_drawn(result):
    with pytest.raises(InputError, match="the spikes of 'lif1' were not recorded. Run with record="):
        plot.raster(result, "lif1")
    with pytest.raises(InputError, match="the voltages of 'lif2' were not recorded"):
        plot.voltages(result, "lif2")


def test_a_given_axes_is_used(result):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert plot.raster(result, "lif2", ax=ax) is ax
