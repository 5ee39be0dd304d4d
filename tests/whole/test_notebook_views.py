"""What a notebook shows of a graph, a population, a result and a Simulator: a table and a picture."""

import numpy as np

import snnconv

from ..helpers.graphs import ODD, by_hand
from ..helpers.html_page import Page
from ..helpers.networks import forum_model


def test_each_has_a_table_and_a_picture():
    graph = snnconv.convert(forum_model(), verbose=False)
    simulator = snnconv.Simulator(graph, dt=0.002)
    result = simulator.run(np.ones((2, 16)), n_steps=20, record="lif.spikes")
    for shown, picture in (
        (graph, "snnconv-graph"),
        (simulator, "snnconv-graph"),
        (graph.populations["lif"], "kernel&#x27;"),
        (result, "lif, first sample: 8 neurons over 40 ms"),
    ):
        html = shown._repr_html_()
        page = Page(html)  # every element is closed
        assert page.tables
        assert "<svg" in html
        assert picture in html
    assert Page(simulator._repr_html_()).rows("dt") == [["dt", "2 ms"]]
    assert repr(simulator) == "<Simulator of 'forum': steps of 2 ms, float32>"


def test_names_are_text_and_no_html():
    graph = by_hand(snnconv.neurons.IF(), name=ODD)
    assert ODD in "".join(Page(graph._repr_html_()).texts)
