"""Graphs and populations in notebooks: the rows of the summary, arrays, parameters."""

import numpy as np
import pytest

import snnconv
from snnconv.graph.show import HEADINGS, nodes_table
from snnconv.neurons import IF
from snnconv.text.plain import number

from ..helpers.graphs import ODD, by_hand
from ..helpers.html_page import Page
from ..helpers.networks import random_cnn


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model, synapse=0.002, verbose=False)


def test_repr_of_a_graph_has_the_rows_of_its_summary(graph):
    (table,) = Page(graph._repr_html_()).tables
    cells = [[cell.replace("\n", "") for cell in row] for row in nodes_table(graph.nodes).rows]
    assert table == [list(HEADINGS), *cells]
    assert [row[0] for row in cells] == [*(node.name for node in graph.nodes), "total"]


def test_repr_of_a_population_has_its_arrays_and_parameters(graph):
    page = Page(graph.populations["lif1"]._repr_html_())
    kernel = graph.populations["lif1"].kernel
    low, mean, high = (number(function(kernel), 3) for function in (np.min, np.mean, np.max))
    assert page.rows("kernel'") == [["kernel'", "gain × norm × conv1/kernel", "3×3×2×8", low, mean, high, "J per x"]]
    assert page.rows("tau_rc") == [["tau_rc", "0.02", "s, membrane time constant"]]
    assert "J = conv(x, kernel') + dense_bias' + neuron_bias" in "".join(page.texts)
    assert Page(graph.readouts["classes"]._repr_html_()).rows("kernel'")[0][-1] == "y per x"


def test_reprs_escape_names_and_have_no_script():
    graph = by_hand(IF(), name=ODD)
    result = snnconv.reference.run(graph, np.ones((1, 1)), 5, record="all")
    for shown in (graph, graph.populations[ODD], graph.readouts[ODD], result):
        page = Page(shown._repr_html_())
        assert ODD in "".join(page.texts)
        tags = {tag for tag, _, _ in page.attributes}
        assert not tags & {"script", "b"}
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
