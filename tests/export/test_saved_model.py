"""SavedModels give what Simulator.predict gives, in processes that cannot import snnconv."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

import snnconv
from snnconv.errors import InputError, ModelFileError, ParameterError
from snnconv.files.manifest import changed_files
from snnconv.graph import Dense, Input, SpikingGraph

from ..helpers.distribution import network, samples
from ..helpers.networks import randomise

N_STEPS = 60


def everything() -> keras.Model:
    """Two inputs, two outputs, and every kind of node that depends on the number of samples."""
    keras.utils.set_random_seed(0)
    image, numbers = keras.Input((8, 8, 2), name="image"), keras.Input((6,), name="numbers")
    x = kl.ZeroPadding2D(1, name="pad")(image)
    x = kl.Conv2D(4, 3, strides=2, name="conv")(x)
    x = snnconv.layers.LIF(200.0, name="lif")(x)
    x = kl.Conv2DTranspose(4, 3, strides=2, padding="same", name="transpose")(x)
    x = kl.ReLU(name="relu")(x)
    x = kl.MaxPooling2D(2, name="max")(x)
    x = kl.UpSampling2D(2, name="up")(x)
    x = kl.DepthwiseConv2D(3, name="depthwise")(x)
    x = kl.Activation("sigmoid", name="sigmoid")(x)
    x = kl.AveragePooling2D(3, padding="same", name="average")(x)
    x = kl.Permute((3, 1, 2), name="permute")(x)
    x = kl.Concatenate(name="join")([kl.Flatten(name="flat")(x), numbers])
    x = snnconv.layers.IF(150.0, name="if")(kl.Dense(12, name="dense")(x))
    ends = [kl.Dense(3, activation="softmax", name="left")(x), kl.Dense(2, name="right")(x)]
    return randomise(keras.Model([image, numbers], ends, name="everything"))


@pytest.fixture(scope="module")
def graph():
    return snnconv.convert(everything(), synapse={"lif": 0.004}, verbose=False)


def load(path):
    """The served function, of NumPy arrays by name."""
    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def call(**inputs):
        assert loaded  # which owns the variables
        dtypes = {name: spec.dtype for name, spec in serve.structured_input_signature[1].items()}
        found = serve(**{name: tf.constant(x, dtypes[name]) for name, x in inputs.items()})
        return {name: value.numpy() for name, value in found.items()}

    return call


def test_any_number_of_samples_gives_what_predict_gives(graph, tmp_path):
    """float64, where no spike moves; the loop over time adds up in another order."""
    rng = np.random.default_rng(1)
    snnconv.export_saved_model(graph, tmp_path / "model", N_STEPS, rates=True, dtype="float64")
    serve = load(tmp_path / "model")
    simulator = snnconv.Simulator(graph, dtype="float64")
    for n in (5, 2):
        xs = {"image": rng.uniform(0, 2, (n, 8, 8, 2)), "numbers": rng.uniform(0, 2, (n, 6))}
        found, expected = serve(**xs), simulator.predict(xs, N_STEPS)
        for label, value in expected.items():
            np.testing.assert_allclose(found[label], value, atol=1e-11)
        rates = simulator.run(xs, N_STEPS, record="all.rates").rates
        assert set(found) == {*expected, *(f"{name}.rates" for name in rates)}
        for name, value in rates.items():
            assert value.any()
            np.testing.assert_allclose(found[f"{name}.rates"], value, rtol=1e-12)


def test_input_that_varies_uniform_voltages_and_the_last_step(graph, tmp_path):
    options = {"initial_voltage": "uniform", "seed": 3}
    snnconv.export_saved_model(
        graph, tmp_path / "model", N_STEPS, 0.002, varying="image", reduce="last", dtype="float64", **options
    )
    rng = np.random.default_rng(2)
    xs = {"image": rng.uniform(0, 2, (3, N_STEPS, 8, 8, 2)), "numbers": rng.uniform(0, 2, (3, 6))}
    found = load(tmp_path / "model")(**xs)
    expected = snnconv.Simulator(graph, 0.002, "float64", **options).predict(xs, N_STEPS, "last")
    assert set(found) == set(expected)
    for label, value in expected.items():
        np.testing.assert_allclose(found[label], value, atol=1e-11)


WITHOUT_SNNCONV = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "snnconv":
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
import tensorflow as tf

folder = sys.argv[1]
serve = tf.saved_model.load(folder + "/model").signatures["serving_default"]
x = np.load(folder + "/x.npy")
np.save(folder + "/found.npy", serve(input=tf.constant(x))["output"].numpy())
assert "snnconv" not in sys.modules
"""


@pytest.mark.full
def test_it_runs_without_snnconv(tmp_path):
    """In float32, where at these few samples no spike falls on the end of a step."""
    x = samples().astype("float32")
    np.save(tmp_path / "x.npy", x)
    snnconv.export_saved_model(network(), tmp_path / "model", N_STEPS)
    assert not changed_files(tmp_path / "model")
    command = [sys.executable, "-c", WITHOUT_SNNCONV, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = snnconv.Simulator(network()).predict(x, N_STEPS)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, rtol=1e-4, atol=1e-6)


def test_a_network_without_neurons_and_with_an_odd_name(tmp_path):
    nodes = (
        Input(name="my input/0", shape=(2,)),
        Dense(name="dense", inputs=("my input/0",), shape=(1,), kernel=np.array([[1.0], [2.0]])),
    )
    snnconv.export_saved_model(SpikingGraph(nodes, {"my output": "dense"}), tmp_path / "model", 3)
    assert load(tmp_path / "model")(my_input_0=[[1.0, 10.0]])["my output"].tolist() == [[21.0]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ParameterError, "n_steps must be a whole number above 0"),
        ({"dt": 0.0}, ParameterError, "dt must be above 0"),
        ({"dtype": "float16"}, ParameterError, "dtype must be"),
        ({"reduce": None}, ParameterError, "reduce must be 'mean' or 'last'. Received None"),
        ({"varying": ["x"]}, InputError, r"varying names 'x', which is no input. Inputs are \['input'\]"),
        ({"initial_voltage": 2.0}, ParameterError, "initial_voltage must be"),
    ],
)
def test_bad_parameters(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        snnconv.export_saved_model(network(), tmp_path / "model", **{"n_steps": 10, **arguments})
    assert not list(tmp_path.iterdir())


def test_a_folder_is_replaced_only_if_it_was_written_by_snnconv(tmp_path):
    network().export_saved_model(tmp_path / "model", 10)
    with pytest.raises(ModelFileError, match="the folder exists"):
        snnconv.export_saved_model(network(), tmp_path / "model", 10)
    snnconv.export_saved_model(network(), tmp_path / "model", 20, force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match="snnconv did not write"):
        snnconv.export_saved_model(network(), tmp_path / "mine", 10, force=True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
