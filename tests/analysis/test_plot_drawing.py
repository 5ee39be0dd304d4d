"""The drawing of a network, and what holds for every picture."""

import sys
import warnings

import numpy as np
import pytest

from snnconv.analysis import plot
from snnconv.analysis.plot.drawing import BOX_HEIGHT, BOX_WIDTH, layout
from snnconv.errors import InputError, SnnconvError
from snnconv.graph import Add, Affine, Input, SpikingGraph
from snnconv.neurons import LIF

from ..helpers.pictures import population, texts


def test_the_drawing_has_every_node_and_connection(graph):
    ax = plot.network(graph)
    written = texts(ax)
    for node in graph.nodes:
        assert node.name in written
    drawing = layout(graph)
    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == {
        (name, node.name) for node in graph.nodes for name in node.inputs
    }
    assert len(ax.patches) == len(graph.nodes) + len(drawing.arrows)


def branched(n):
    """`n` blocks of two branches, one of them longer, that are added up."""
    nodes = [Input(name="in", shape=(2,))]
    last = "in"
    for number in range(n):
        a, b, c, last, begin = *(f"{letter}{number}" for letter in "abcd"), last
        nodes += [
            Affine(name=a, inputs=(begin,), shape=(2,), scale=np.ones(2)),
            population(b, a, (2,)),
            population(c, begin, (2,)),
            Add(name=last, inputs=(b, c, begin), shape=(2,)),
        ]
    return SpikingGraph(tuple(nodes), {"y": last})


@pytest.mark.parametrize("n", [1, 3, 40])
def test_boxes_do_not_overlap_and_arrows_point_down(n):
    drawing = layout(branched(n))
    for one in drawing.boxes:
        for other in drawing.boxes:
            apart = abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
            assert one is other or apart, (one, other)
    places = {box.title: box.y for box in drawing.boxes}
    assert drawing.arrows
    assert all(places[arrow.source] < places[arrow.target] for arrow in drawing.arrows)


def test_nodes_of_large_graphs_share_boxes():
    graph = branched(40)
    drawing = layout(graph, 200)
    assert drawing.remark == ""
    drawing = layout(graph, 130)
    assert sorted(name for box in drawing.boxes for name in box.names) == sorted(node.name for node in graph.nodes)
    assert ("a0", "b0") in {box.names for box in drawing.boxes}
    assert drawing.remark == "161 nodes in 121 boxes"
    assert "161 nodes in 121 boxes" in plot.network(graph, max_boxes=130).get_title()
    cut = layout(graph, 30)
    assert (len(cut.boxes), cut.remark) == (30, f"{sum(len(box.names) for box in cut.boxes)} of 161 nodes")


def test_what_was_not_recorded_cannot_be_drawn(result):
    with pytest.raises(InputError, match="the spikes of 'lif1' were not recorded. Run with record="):
        plot.raster(result, "lif1")
    with pytest.raises(InputError, match="the voltages of 'lif2' were not recorded"):
        plot.voltages(result, "lif2")
    with pytest.raises(InputError, match="sample must be a number from 0 to 1. Received 2"):
        plot.raster(result, "lif2", sample=2)
    with pytest.raises(InputError, match="units are numbers from 0 to 19. Received 20"):
        plot.voltages(result, "hidden", units=[20])


def test_without_matplotlib_it_says_what_to_install(result, graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (lambda: plot.raster(result, "lif2"), lambda: plot.kernels(graph, "lif1"), lambda: plot.network(graph)):
        with pytest.raises(SnnconvError, match=r"plots need Matplotlib: pip install 'snnconv\[plot\]'"):
            draw()


def test_a_given_axes_is_used_and_no_label_makes_a_warning(graph, result, x):
    import matplotlib.pyplot as plt

    draw = [
        lambda ax: plot.raster(result, "lif2", ax=ax),
        lambda ax: plot.voltages(result, "hidden", ax=ax),
        lambda ax: plot.rate_curve(LIF(), ax=ax),
        lambda ax: plot.rate_histograms(result, ax=ax),
        lambda ax: plot.correlation(graph, result, x, ax=ax),
        lambda ax: plot.filtered_output(graph, result, x, ax=ax),
        lambda ax: plot.accuracy([0.5, 0.6], ax=ax),
        lambda ax: plot.kernels(graph, "lif1", ax=ax),
        lambda ax: plot.biases(graph, "lif1", ax=ax),
        lambda ax: plot.network(graph, ax=ax),
    ]
    assert len(draw) == len(plot.__all__)
    figure, axes = plt.subplots(2, 5, figsize=(25, 8), layout="constrained")
    for function, ax in zip(draw, axes.flat, strict=True):
        assert function(ax) is ax
        assert ax.get_title()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
