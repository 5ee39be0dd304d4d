"""Questions that people ask about 16 - Dense(8) - LIF - Dense(4), answered by what `snnconv explain` prints."""

import json

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app

from ..helpers.networks import forum_model

GAIN = 2.0332448


def explain(*arguments):
    result = CliRunner().invoke(app, ["explain", *(str(argument) for argument in arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def model():
    return forum_model()


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("forum") / "model.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def x(path):
    x = np.random.default_rng(1).normal(size=(3, 16))
    np.save(path.with_name("x.npy"), x)
    return x


@pytest.fixture(scope="module")
def text(path):
    """What the command prints, without line breaks."""
    return " ".join(explain(path).split())


@pytest.fixture(scope="module")
def data(path):
    return json.loads(explain(path, "--json"))


@pytest.fixture(scope="module")
def unit(path, x):
    """What it prints of unit 0 at sample 2, as data."""
    return json.loads(explain(path, "lif", "0", "-i", path.with_name("x.npy"), "--sample", "2", "--json"))["unit"]


@pytest.fixture(scope="module")
def weights(model):
    """Kernel and bias of the first layer, bias of the neurons, kernel of the last layer."""
    kernel, dense_bias = model.get_layer("dense").get_weights()
    return kernel, dense_bias, np.asarray(model.get_layer("lif").bias), model.get_layer("readout").get_weights()[0]


def answer(data, words):
    """The answer to the one question that has these words in it."""
    (found,) = (each["answer"] for each in data["answers"] if words in each["question"])
    return found


def test_which_current_reaches_unit_0_and_from_what(unit, weights, x):
    kernel, dense_bias, neuron_bias, _ = weights
    terms = {term["place"][0]: term for term in unit["terms"]}
    assert sorted(terms) == list(range(16))
    for number, term in terms.items():
        assert term["trained"] == pytest.approx(kernel[number, 0])
        assert term["kernel"] == pytest.approx(GAIN * kernel[number, 0])
        assert term["product"] == pytest.approx(GAIN * kernel[number, 0] * x[2, number])
    assert unit["dense_bias"] == pytest.approx(GAIN * dense_bias[0])
    assert unit["neuron_bias"] == pytest.approx(neuron_bias[0])
    J = GAIN * (x[2] @ kernel[:, 0] + dense_bias[0]) + neuron_bias[0]
    assert unit["at"]["current"] == pytest.approx(J)


def test_the_equation_of_the_current(data):
    assert data["layers"][0]["equations"]["current"] == "J = x · kernel' + dense_bias' + neuron_bias"
    assert data["layers"][0]["source"].startswith("input_layer")


def test_what_one_spike_is_worth(data, unit, weights):
    readout = weights[3]
    assert data["layers"][0]["height"] == 1  # amplitude 0.001 / dt 0.001
    (effect,) = data["layers"][0]["effects"]
    assert (effect["layer"], effect["is_output"]) == ("readout", True)
    assert (effect["low"], effect["high"]) == (pytest.approx(readout.min()), pytest.approx(readout.max()))
    assert unit["effects"]["readout"] == pytest.approx(readout[0].tolist())
    assert answer(data, "one spike worth").startswith("1 for one step; it adds 1 · kernel' = ")


def test_100_and_200_hz_in_steps(data):
    steps = {point["rate"]: (point["interval"], point["interval_steps"]) for point in data["layers"][0]["rates"]}
    assert steps[100] == (pytest.approx(0.01), pytest.approx(10))
    assert steps[200] == (pytest.approx(0.005), pytest.approx(5))
    assert answer(data, "100 Hz") == (
        "100 Hz: every 10 ms = 10 steps; 200 Hz: every 5 ms = 5 steps. Rates are in Hz: spikes per second."
    )


def test_which_current_makes_100_hz(data):
    """1 makes 100 Hz: the gain is made for that, with a neuron bias of 1."""
    (point,) = (point for point in data["layers"][0]["rates"] if point["rate"] == 100)
    assert point["current"] == pytest.approx(GAIN * 1 + 1)


def test_which_variables_train(data, model):
    trains = {row["path"] for row in data["variables"] if row["is_trainable"]}
    # Keras puts the model's name before some paths
    names = {path.removeprefix("forum/") for path in trains}
    assert names == {variable.path.removeprefix("forum/") for variable in model.trainable_variables}
    assert names == {"dense/kernel", "dense/bias", "lif/bias", "readout/kernel", "readout/bias"}
    (fixed,) = (row["path"] for row in data["variables"] if not row["is_trainable"])
    assert fixed.endswith("lif/gain")
    assert answer(data, "What trains").endswith(f"Not by gradients: {fixed}.")


def test_which_gain_to_use(data):
    assert data["layers"][0]["gain"] == [pytest.approx(GAIN, rel=1e-7)] * 2
    assert answer(data, "Which gain") == (
        "2.0332448, fixed; already in kernel' and dense_bias': do not multiply again."
    )


def test_the_layers_bias_is_not_the_neurons_bias(data):
    rows = {row["path"].removeprefix("forum/"): row for row in data["variables"]}
    assert rows["dense/bias"]["places"] == ["populations/lif/dense_bias"]
    assert rows["dense/bias"]["change"] == "× gain"
    assert rows["lif/bias"]["places"] == ["populations/lif/neuron_bias"]
    assert rows["lif/bias"]["change"] == "as it is"
    assert answer(data, "the layer's bias").startswith("No, both are added")
    low = {array["name"]: array["low"] for array in data["layers"][0]["arrays"]}
    assert low["dense_bias'"] != low["neuron_bias"]


def test_where_w_2_is(data, weights):
    """The diagonal of gains between Dense and neurons is no identity, and is in the kernel: W_1 · W_2 = kernel'."""
    found = answer(data, "W_2")
    assert "diag(gain): 2.0332448 on the diagonal, not an identity" in found
    assert "already in kernel' and dense_bias'" in found
    low = {array["name"]: array["low"] for array in data["layers"][0]["arrays"]}
    assert low["kernel'"] == pytest.approx((weights[0] @ np.diag(np.full(8, GAIN))).min())


def test_what_the_activation_of_dense_is(data):
    assert answer(data, "activation before the neurons").startswith("Linear: the output of 'dense' may be negative")


def test_weights_and_biases_are_not_enough_for_an_fpga(data, text):
    assert answer(data, "enough for an FPGA").startswith("No")
    values = {each["name"]: each["value"] for each in data["requirements"]}
    assert {"kernel'", "dense_bias'", "neuron_bias"} <= set(values)
    assert values["tau_rc"] == "20 ms"
    assert values["tau_ref"] == "2 ms"
    assert values["threshold"] == "v > 1"
    assert values["reset"] == "to 0"
    assert values["min_voltage"] == "0"
    assert values["initial voltage"] == "0"
    assert values["amplitude"] == "0.001"
    assert values["dt"] == "1 ms"
    assert values["synapse"] == "none"
    assert values["delay"].startswith("none")
    assert "What it takes to get the same spikes elsewhere arrays kernel' (gain inside)" in text
    for part in ("tau_rc 20 ms, tau_ref 2 ms, amplitude 0.001", "threshold v > 1", "initial voltage 0", "synapse none"):
        assert part in text


def test_what_is_required_is_in_the_export(data, path, tmp_path):
    exported = tmp_path / "model.snn.h5"
    assert CliRunner().invoke(app, ["export", str(path), "-o", str(exported)]).exit_code == 0
    with h5py.File(exported) as file:
        for each in data["requirements"]:
            place = each["place"].replace("<name>", "lif")
            if place.startswith("populations/"):
                group, _, name = place.rpartition("/")
                assert name in file[group] or name in file[group].attrs, place


def test_encoders_and_decoders(data):
    assert answer(data, "encoders and decoders").startswith("There are none")


def test_every_question_is_printed(data, text):
    for each in data["answers"]:
        assert each["question"] in text
        assert " ".join(each["answer"].split()) in text


def test_unit_0_is_printed_term_by_term(path, x, unit):
    printed = explain(path, "lif", "0", "-i", path.with_name("x.npy"), "--sample", "2")
    block = printed[printed.index("Unit 0 of 'lif'") : printed.index("In spikes")]
    rows = {line.split()[0]: line.split()[1:] for line in block.splitlines() if len(line.split()) == 5}
    for term in unit["terms"]:
        numbers = [float(number) for number in rows[str(term["place"][0])]]
        assert numbers == pytest.approx([term[key] for key in ("trained", "kernel", "x", "product")], rel=1e-5)


def test_hand_calculation_and_run_agree(path, x, unit):
    """The rate that is told is the one that the network has in spikes, to within a spike."""
    data = json.loads(
        explain(path, "lif", "0", "-i", path.with_name("x.npy"), "--sample", "2", "--steps", "500", "--json")
    )
    assert abs(sum(data["trace"]["spikes"]) - unit["at"]["rate"] * 0.5) <= 1
    graph = snnconv.convert(snnconv.keras_files.load_model(path), verbose=False)
    assert graph.explain("lif", 0, x, sample=2).unit.at.current == pytest.approx(unit["at"]["current"])
