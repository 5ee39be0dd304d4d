"""Results as frames and in notebooks."""

import sys

import numpy as np
import pytest

import snnconv
from snnconv.errors import InputError, SnnconvError
from snnconv.runtime.recorder import as_result
from snnconv.runtime.result import Result

from ..helpers.html_page import Page
from ..helpers.networks import random_cnn

N_STEPS = 47  # no multiple of the steps that are run at a time


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model, synapse=0.002, verbose=False)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((3, 12, 12, 2))


@pytest.fixture(scope="module")
def result(graph, x):
    return snnconv.reference.run(graph, x, N_STEPS, record=["lif1.spikes", "lif2.rates", "hidden"])


def test_frame_has_every_spike(result):
    pytest.importorskip("pandas")
    frame = result.to_frame("lif1")
    assert list(frame.columns) == ["sample", "step", "time_s", "unit", "unit_0", "unit_1", "unit_2", "count"]
    rebuilt = np.zeros_like(result.spikes["lif1"])
    rebuilt[frame["sample"], frame["step"] - 1, frame["unit_0"], frame["unit_1"], frame["unit_2"]] = frame["count"]
    np.testing.assert_array_equal(rebuilt, result.spikes["lif1"])
    np.testing.assert_allclose(frame["time_s"], frame["step"] * 0.001)
    assert frame["unit"].tolist() == (frame["unit_0"] * 96 + frame["unit_1"] * 8 + frame["unit_2"]).tolist()
    assert frame.equals(frame.sort_values(["sample", "step", "unit"], ignore_index=True))
    assert list(result.to_frame("hidden").columns) == ["sample", "step", "time_s", "unit", "count"]


def test_frame_counts_several_and_negative_spikes():
    pytest.importorskip("pandas")
    spikes = {"p": np.array([[[0, 2], [-1, 0]]])}
    frame = Result({"y": np.zeros((1, 2, 1))}, 2, 0.01, spikes=spikes).to_frame("p")
    assert frame.to_dict("records") == [
        {"sample": 0, "step": 1, "time_s": 0.01, "unit": 1, "count": 2},
        {"sample": 0, "step": 2, "time_s": 0.02, "unit": 0, "count": -1},
    ]
    none = Result({"y": np.zeros((1, 2, 1))}, 2, 0.01, spikes={"p": 0 * spikes["p"]}).to_frame("p")
    assert (len(none), list(none.columns)) == (0, list(frame.columns))


def test_frame_says_what_is_missing(result, monkeypatch):
    with pytest.raises(InputError, match="the spikes of 'lif2' were not recorded. Run with record="):
        result.to_frame("lif2")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SnnconvError, match=r"to_frame needs pandas: pip install 'snnconv\[frames\]'"):
        result.to_frame("lif1")


def test_records_are_in_the_order_of_the_network(graph, result, x):
    assert result.recorded == ("lif1", "lif2", "hidden")
    found = snnconv.reference.run(graph, x[:1], 2, record="all")
    arrays = {"output/classes": found.output}  # as the fast runtime gathers them, by name
    for name in sorted(graph.populations):
        arrays |= {f"spikes/{name}": found.spikes[name], f"rates/{name}": found.rates[name]}
    for each in (found, as_result(graph, arrays, 2, 0.001)):
        for records in (each.spikes, each.rates):
            assert list(records) == list(graph.populations)


def test_repr_of_a_result_says_what_its_neurons_did(graph, result):
    page = Page(result._repr_html_())
    spikes = result.spikes["lif1"]
    rates = spikes.sum(1, dtype=float) / (N_STEPS * 0.001)
    silent = f"{(rates == 0).mean():.1%}"
    activity = [f"{rates.mean():.4g}", f"{rates.max():.4g}", silent, f"{spikes.sum():,}"]
    assert page.rows("lif1") == [["lif1", "spikes", f"(3, {N_STEPS}, 12, 12, 8)", *activity]]
    assert page.rows("hidden")[0][1] == "spikes, voltages, rates"
    assert page.rows("lif2")[0][1:3] == ["rates", "(3, 2, 2, 12)"]
    assert f"{N_STEPS} steps of 1 ms = 0.047 s" in page.texts[0]
    assert "recorded ['lif1', 'lif2', 'hidden']" in repr(result)
    plain = snnconv.reference.run(graph, np.zeros((1, 12, 12, 2)), 1)
    assert "run with record='all'" in "".join(Page(plain._repr_html_()).texts)
    assert "Result of 1 sample, 1 step of 1 ms" in plain._repr_html_()
    assert "output, first sample, mean so far: 5 values over 1 ms" in plain._repr_html_(), "a picture without records"
