"""Rasters and voltages draw what was recorded."""

import numpy as np

from snnconv.analysis import plot

from ..helpers.pictures import texts, with_spikes

N_STEPS = 50


def marks_of(ax):
    """(time in ms, neuron) of every mark of a raster, sorted."""
    segments = np.concatenate([collection.get_segments() for collection in ax.collections])
    return sorted(map(tuple, segments.mean(1).round(9)))


def test_raster_marks_every_spike(result):
    ax = plot.raster(result, "lif2", sample=1)
    steps, neurons = np.nonzero(result.spikes["lif2"][1].reshape(N_STEPS, -1))
    assert len(steps) > 20
    np.testing.assert_allclose(marks_of(ax), sorted(zip(steps + 1.0, neurons, strict=True)))
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_ylabel() == "neuron"


def test_raster_draws_some_of_many_neurons_and_says_so():
    spikes = np.random.default_rng(0).random((1, 5, 100, 100)) < 0.2
    ax = plot.raster(with_spikes(spikes.astype("uint8")), "p", max_neurons=10)
    shown = np.linspace(0, 9999, 10).astype(int)
    assert {neuron for _, neuron in marks_of(ax)} == set(shown[spikes[0].reshape(5, -1)[:, shown].any(0)])
    assert ax.get_ylabel() == "neuron (10 of 10,000 shown)"


def test_raster_tells_several_and_negative_spikes_apart():
    ax = plot.raster(with_spikes([[[1, 0], [3, 0], [0, -1]]]), "p")
    at = {collection.get_label(): collection.get_segments()[0].mean(0) for collection in ax.collections}
    np.testing.assert_allclose(at["one spike"], [1, 0])
    np.testing.assert_allclose(at["several in a step"], [2, 0])
    np.testing.assert_allclose(at["negative"], [3, 1])
    assert "negative" in texts(ax)


def test_raster_without_spikes_and_of_one_neuron():
    assert "no spikes" in texts(plot.raster(with_spikes(np.zeros((1, 3, 1), "uint8")), "p"))
    assert marks_of(plot.raster(with_spikes(np.ones((1, 1, 1), "uint8")), "p")) == [(1, 0)]


def test_voltages_show_threshold_and_spikes(result):
    unit = int(result.spikes["hidden"][0].sum(0).argmax())
    ax = plot.voltages(result, "hidden", units=(unit,))
    line, spikes, threshold = ax.lines
    np.testing.assert_allclose(line.get_ydata(), result.voltages["hidden"][0, :, unit])
    np.testing.assert_allclose(spikes.get_xdata(), 1 + np.nonzero(result.spikes["hidden"][0, :, unit])[0])
    assert threshold.get_ydata()[0] == 1


def test_voltages_show_the_busiest_unless_asked_otherwise(result):
    counts = result.spikes["hidden"][1].astype(int).sum(0)
    ax = plot.voltages(result, "hidden", sample=1)
    shown = [int(line.get_label().split()[1]) for line in ax.lines if line.get_label().startswith("neuron")]
    assert sorted(counts[shown]) == sorted(counts)[-3:]
    one = with_spikes(np.ones((1, 2, 1), "uint8"), voltages={"p": np.zeros((1, 2, 1))})
    assert len(plot.voltages(one, "p").lines) == 3
