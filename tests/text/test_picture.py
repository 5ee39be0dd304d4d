"""Pictures count what they draw."""

import re

import numpy as np

from snnconv.text.picture import MOST_ROWS, even_edges, histogram, raster

from ..helpers.html_page import Page


def test_a_histogram_counts_every_value():
    values = np.random.default_rng(0).normal(size=500)
    page = Page(histogram(values, even_edges(values), "weights <1>", "J"))
    assert sum(int(text.rpartition(": ")[2]) for text in page.elements["title"]) == 500
    assert page.elements["figcaption"] == ["weights <1>"]
    assert "highest bar" in "".join(page.texts)
    assert [value for _, name, value in page.attributes if name == "aria-label"] == ["weights <1>"]


def test_a_single_value_has_a_range_around_it():
    edges = even_edges(np.full(3, 2.0))
    assert edges[0] < 2 < edges[-1]


def test_a_raster_has_a_mark_for_each_step_with_spikes():
    spikes = np.random.default_rng(0).integers(0, 3, (20, 4, 2))
    made = raster(spikes, 0.001, "lif")
    assert len(re.findall(r"M[\d.]+ \d+h", made)) == np.count_nonzero(spikes)
    assert "lif: 8 neurons over 20 ms" in "".join(Page(made).texts)
    some = "".join(Page(raster(np.ones((2, 5000)), 0.001, "lif")).texts)
    assert f"{MOST_ROWS} of 5,000 neurons" in some
