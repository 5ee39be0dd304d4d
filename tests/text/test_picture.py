"""Pictures count what they draw."""

import re

import numpy as np

from snnconv.text.picture import CURVES_HEIGHT, MOST_CURVES, MOST_ROWS, curves, even_edges, histogram, raster

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


def test_curves_rise_with_their_values_and_the_highest_is_named():
    values = np.column_stack([np.zeros(400), np.linspace(0, 2, 400), np.full(400, 1.0)])
    made = curves(values, 0.001, "y <1>")
    page = Page(made)
    (caption,) = page.elements["figcaption"]
    assert caption == "y <1>: 3 values over 400 ms, from 0 to 2; highest at the end: 1"
    assert sorted(page.elements["title"]) == ["0: 0", "1: 2", "2: 1"]
    lines = [
        np.array([point.split(",") for point in line.split()], float) for line in re.findall(r'points="([^"]*)"', made)
    ]
    assert [len(line) for line in lines] == [250] * 3
    zero, one, rising = lines  # the highest is drawn last
    assert set(zero[:, 1]) == {CURVES_HEIGHT - 4}
    assert set(one[:, 1]) == {CURVES_HEIGHT / 2}
    assert np.all(np.diff(rising[:, 1]) <= 0)
    assert np.all(np.diff(rising[:, 0]) > 0)
    many = Page(curves(np.arange(50.0)[None], 0.001, "y"))
    assert len(many.elements["title"]) == MOST_CURVES
    assert "20 of 50 values over 1 ms" in "".join(many.texts)
