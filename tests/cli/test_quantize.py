"""``snnconv quantize``: what it prints and writes, and how it fails."""

import dataclasses
import json
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers as kl

from snnconv.errors import InputError, ParameterError
from snnconv.neurons import LIF
from snnconv.quantize import RateCode, load, quantize, run
from snnconv.quantize.comparison import compare
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.runtime import reference

from ..helpers.command import fails
from ..helpers.command import run as command
from ..helpers.integer_networks import Line, random_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network in a file, with data for it."""
    folder = tmp_path_factory.mktemp("quantize")
    random_line(1).save(folder / "net.snn.h5")
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 7)), rng.integers(0, 3, 40)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    np.savez(folder / "both.npz", x=x, y=y)
    return folder


@pytest.mark.full
def test_a_table_compares_bit_widths(folder):
    text = command(
        *("quantize", folder / "net.snn.h5", "--bits", "4,8", "--data", folder / "x.npy"),
        *("--labels", folder / "y.npy", "--steps", 50),
    )
    assert "Ran 40 samples for 50 steps of 1 ms, in floats and in integers." in text
    for words in ("weights", "accuracy", "other predictions", "widest integer", "mean rate", "differing spikes"):
        assert words in text
    rows = [line.split() for line in text.splitlines()]
    assert sum(row[:1] == ["float"] or "float" in row[1:2] for row in rows) == 3  # of the classes, and of n1 and n2
    for bits in ("4", "8"):
        assert sum(row[:2] == [bits, "bits"] for row in rows) == 3
    assert all(len(line) <= 80 for line in text.splitlines() if "  " in line)  # tables; terminals wrap the prose


def test_json_holds_the_numbers_of_the_comparison(folder):
    text = command(
        "quantize", folder / "net.snn.h5", "--bits", "4,8", "--data", folder / "both.npz", "--steps", 50, "--json"
    )
    found = json.loads(text)
    graph = random_line(1)
    x, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    code = quantize(graph).input.code
    assert (found["n_samples"], found["n_steps"], found["dt"]) == (40, 50, 0.001)
    for line, bits in zip(found["integer"], (4, 8), strict=True):
        integers = quantize(graph, bits, input=type(code)(high=float(x.max())))
        result = run(integers, x, 50, record="all")
        assert line["bits"] == bits
        assert line["accuracy"] == pytest.approx((result.output.sum(1).argmax(-1) == y).mean())
        assert line["widest_bits"] == integers.bits
        assert line["approximations"] == list(integers.approximations)
        for name, population in line["populations"].items():
            assert population["rate"] == pytest.approx(result.rates[name].mean())
            assert population["bits"]["weight"] <= bits
    assert found["float"]["rates"].keys() == {"n1", "n2"}
    assert 0 <= found["float"]["accuracy"] <= 1


def test_a_device_says_which_circuits_fit(folder):
    command_line = ("quantize", folder / "net.snn.h5", "--bits", "4,8", "--steps", 5, "--device", "up5k")
    found = json.loads(command(*command_line, "--json"))["circuits"]
    assert [(line["bits"], line["device"], line["fits"]) for line in found] == [(4, "up5k", True), (8, "up5k", True)]
    assert found[0]["cells"] < found[1]["cells"]
    text = command(*command_line)
    assert "Circuit for iCE40 UP5K, one sum at a time in each layer, as estimated:" in text
    assert any(line.split()[:3] == ["there", "are", "5,280"] for line in text.splitlines())


def test_one_bit_width_shows_every_layer_and_can_be_written(folder):
    out = folder / "net.int.h5"
    text = command("quantize", folder / "net.snn.h5", "--bits", 6, "--code", "rate", "--steps", 20, "-o", out)
    assert "8 random samples (no --data)" in text
    assert "What differs from the float network:" in text
    assert "- n1: weights are rounded to 6 bits" in text
    assert f"Wrote {out}" in text
    graph = load(out)
    assert graph.settings.weight_bits == 6
    assert isinstance(graph.input.code, RateCode)


def test_a_network_without_classes_has_no_accuracy(folder, tmp_path):
    line = Line((3,)).dense("d", np.eye(3) * 3)
    line.neurons("n", LIF()).dense("out", np.ones((3, 1))).graph().save(tmp_path / "net.snn.h5")
    found = json.loads(command("quantize", tmp_path / "net.snn.h5", "--steps", 20, "--code", "latency", "--json"))
    assert found["integer"][0]["other_predictions"] is None
    assert found["float"]["accuracy"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bits", "8,x"], "--bits must be whole numbers with commas between, as in 4,6,8. Received '8,x'"),
        (["--bits", "1"], "--bits must be a whole number from 2 to 16. Received 1"),
        (["--bits", "4,8", "-o", "a.int.h5"], "-o writes one network: name one number with --bits"),
        (["-o", "nowhere/a.int.h5"], "there is no folder 'nowhere'"),
        (["--scale", "all"], "scale must be one of neuron, layer, power_of_two"),
        (["--code", "morse"], "--code must be analog, rate or latency. Received 'morse'"),
        (["--device", "up5"], "--device must be one of up5k, hx8k, ecp5-25"),
        (["--steps", "0"], "--steps must be a whole number above 0"),
        (["--data", "none.npy"], "there is no file 'none.npy'"),
        (["--input-bits", "40"], "bits must be a whole number from 1 to 16"),
        (["--threshold-bits", "19"], "layer 'n1': its threshold reaches"),
    ],
)
def test_mistakes_are_one_line(folder, arguments, message):
    fails(message, "quantize", folder / "net.snn.h5", *arguments)


def test_several_inputs_are_refused_by_name(tmp_path):
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    keras.Model([left, right], kl.Dense(2)(kl.Concatenate()([left, right]))).save(tmp_path / "two.keras")
    fails("'right' .Input.: an integer graph has one input", "quantize", tmp_path / "two.keras")


def test_a_file_of_integers_is_none_to_quantise(folder, tmp_path):
    quantize(random_line(1)).save(tmp_path / "net.int.h5")
    fails("holds integers already: snnconv.quantize.load reads it", "quantize", tmp_path / "net.int.h5")


class Loop:
    """The NumPy loop in the place of the Simulator."""

    def __init__(self, graph, dt, **options):
        self.graph, self.dt = graph, dt

    def run(self, x, n_steps, record):
        return reference.run(self.graph, x, n_steps, self.dt, record=record)


def test_comparisons_in_batches_count_every_sample(monkeypatch):
    monkeypatch.setattr("snnconv.quantize.comparison.IntegerSimulator", partial(IntegerSimulator, jit=False))
    monkeypatch.setattr("snnconv.quantize.comparison.Simulator", Loop)  # which compiles nothing
    graph = random_line(1)
    x = np.random.default_rng(0).random((11, 7))
    integers = [quantize(graph, 6)]
    (whole,) = compare(graph, integers, x, 20, np.zeros(11, int))
    monkeypatch.setattr("snnconv.quantize.comparison.BATCH_BYTES", 20 * 11 * 8)
    (parts,) = compare(graph, integers, x, 20, np.zeros(11, int))
    assert parts.populations == whole.populations
    assert (parts.accuracy, parts.n_other_predictions) == (whole.accuracy, whole.n_other_predictions)
    assert parts.n_samples == 11
    with pytest.raises(ParameterError, match="one and the same dt"):
        compare(graph, [integers[0], quantize(graph, dt=0.002)], x, 20)
    with pytest.raises(InputError, match="one class number for each of the 11 samples"):
        compare(graph, integers, x, 20, np.zeros(3))


def test_samples_of_several_outputs_are_counted_once(monkeypatch):
    monkeypatch.setattr("snnconv.quantize.comparison.IntegerSimulator", partial(IntegerSimulator, jit=False))
    monkeypatch.setattr("snnconv.quantize.comparison.Simulator", Loop)
    graph = random_line(1)
    x = np.random.default_rng(0).random((7, 7))
    (last,) = graph.outputs.values()
    two = dataclasses.replace(graph, outputs={"one": last, "other": last})
    (alone,), (both,) = (compare(each, [quantize(each)], x, 20) for each in (graph, two))
    assert both.n_samples == 7
    assert both.populations == alone.populations
