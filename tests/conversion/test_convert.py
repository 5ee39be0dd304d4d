"""From Keras models to graphs: the rates of every layer, shared layers, outputs, reports, and options."""

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.errors import ConversionError, ConversionWarning, ParameterError
from snnconv.graph import Affine, Dense, Filter, Readout
from snnconv.neurons import IF, LIF, Follower

from ..helpers.linear_layers import check
from ..helpers.networks import forum_model, random_cnn, randomise, sequential

# Keras computes in float32: relative rounding of sums of some hundred products
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((10,), kl.Dense(6)),
        ((10,), kl.Dense(6, use_bias=False)),
        ((4, 10), kl.Dense(6)),
        ((20, 3), kl.Conv1D(5, 4, strides=2)),
        ((20, 3), kl.Conv1D(5, 4, padding="same", dilation_rate=2)),
        ((20, 3), kl.Conv1D(5, 4, padding="causal", dilation_rate=3)),
        ((9, 11, 3), kl.Conv2D(5, (3, 2), strides=(2, 3), padding="same")),
        ((9, 11, 4), kl.Conv2D(6, 3, dilation_rate=2, groups=2)),
        ((5, 6, 7, 2), kl.Conv3D(3, 2, strides=2, padding="same")),
        ((20, 3), kl.AveragePooling1D(3, strides=2, padding="same")),
        ((9, 11, 3), kl.AveragePooling2D(2)),
        ((9, 11, 3), kl.AveragePooling2D(3, strides=2, padding="same")),
        ((5, 6, 7, 2), kl.AveragePooling3D(2)),
        ((9, 11, 3), kl.GlobalAveragePooling2D()),
        ((9, 11, 3), kl.GlobalAveragePooling2D(keepdims=True)),
        ((9, 4, 3), kl.Flatten()),
        ((9, 4, 3), kl.Reshape((6, -1))),
        ((9, 4, 3), kl.BatchNormalization()),
        ((9, 4, 3), kl.BatchNormalization(axis=2, center=False)),
        ((9, 4, 3), kl.BatchNormalization(scale=False)),
        ((9, 4, 3), kl.Rescaling(0.5, offset=-1)),
        ((10,), kl.Dropout(0.5)),
        ((10,), kl.GaussianNoise(0.5)),
        ((10,), kl.Activation("relu")),
        ((10,), kl.ReLU()),
        ((10,), kl.Dense(6, activation="relu")),
        ((10,), kl.Dense(6, activation="sigmoid")),
        ((10,), kl.Softmax()),
    ],
)
def test_each_layer_gives_keras_rates(shape, layer):
    check(sequential(shape, layer), close=1e-5)


def test_cnn_with_everything():
    graph = check(random_cnn(), close=1e-5)
    assert list(graph.populations) == ["lif1", "lif2", "hidden"]
    assert not [node for node in graph.nodes if isinstance(node, Affine)], "every gain and scale is in a kernel"
    assert graph.readouts["classes"].activation == "softmax"


def test_the_report_says_what_became_of_each_layer(capsys):
    graph = snnconv.convert(random_cnn())
    actions = {line.layer: line.action for line in graph.report}
    assert actions["norm"] == "folded into conv1"
    assert actions["dropout"] == "dropped: it does nothing outside training"
    assert actions["lif1"] == "kept as LIF neurons; gain folded into conv1"
    assert actions["hidden"].startswith("kept as Dense; activation replaced by IF neurons")
    assert [line.type for line in graph.report][:3] == ["Conv2D", "BatchNormalization", "LIF"]
    assert "folded into conv1" in capsys.readouterr().out
    snnconv.convert(random_cnn(), verbose=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_models_in_half_precision(policy):
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        dense = [kl.Dense(30, dtype=policy) for _ in range(2)]
        lif = [snnconv.layers.LIF(dtype=policy) for _ in range(2)]
        model = keras.Sequential([keras.Input((16,)), dense[0], lif[0], dense[1], lif[1], kl.Dense(2, dtype=policy)])
        assert len(snnconv.convert(model).populations) == 2


def test_inputs_as_a_dict_and_integers():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    outputs = kl.Dense(2)(snnconv.layers.LIF()(kl.Add()([a, b])))
    graph = snnconv.convert(randomise(keras.Model({"b": b, "a": a}, outputs)))
    assert {node.name for node in graph.inputs} == {"a", "b"}
    image = keras.Input((8, 8, 1), dtype="uint8")
    x = snnconv.layers.LIF()(kl.Conv2D(3, 3)(kl.Rescaling(1 / 255)(image)))
    model = randomise(keras.Model(image, kl.Dense(2)(kl.Flatten()(x))))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype("uint8")
    np.testing.assert_allclose(snnconv.convert(model).rate_output(pixels), np.asarray(model(pixels)), **CLOSE)


def test_an_input_that_is_an_output_too(tmp_path):
    inputs = keras.Input((3,), name="in")
    model = keras.Model(inputs, [inputs, snnconv.layers.LIF(name="lif")(kl.Dense(2)(inputs))])
    graph = snnconv.convert(model)
    graph.save(tmp_path / "model.snn.h5")
    assert snnconv.load(tmp_path / "model.snn.h5").readouts["in"].input == "in"


def test_an_output_in_the_middle():
    inputs = keras.Input((6,))
    x = snnconv.layers.LIF(name="lif")(kl.Dense(5, name="dense")(inputs))
    model = randomise(keras.Model(inputs, [x, kl.Dense(2, name="end")(x)]))
    graph = snnconv.convert(model)
    values = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    ours, theirs = graph.rate_output(values), model(values)
    for label, expected in zip(["lif", "end"], theirs, strict=True):
        np.testing.assert_allclose(ours[label], np.asarray(expected), **CLOSE)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_converts_like_the_model(tmp_path, suffix):
    model = random_cnn()
    model.save(tmp_path / f"model{suffix}")
    x = np.random.default_rng(0).random((3, 12, 12, 2))
    from_file = snnconv.convert(tmp_path / f"model{suffix}")
    np.testing.assert_array_equal(from_file.rate_output(x), snnconv.convert(model).rate_output(x))


def own_loss(y, z):
    return keras.ops.mean((y - z) ** 2)


@pytest.mark.full
def test_losses_and_optimizers_in_the_file_do_not_matter(tmp_path):
    model = forum_model()
    model.compile("adam", loss=own_loss)
    model.save(tmp_path / "model.keras")
    assert list(snnconv.convert(tmp_path / "model.keras").populations) == ["lif"]


@pytest.mark.filterwarnings("ignore:population .* scaled by")
def test_scaled_rates_keep_the_output():
    model = random_cnn()
    plain = snnconv.convert(model)
    fast = snnconv.convert(model, scale_firing_rates=4)
    x = np.random.default_rng(0).random((4, 12, 12, 2))
    np.testing.assert_allclose(fast.rate_output(x), plain.rate_output(x), rtol=1e-10)
    assert fast.populations["lif1"].tau_rc == pytest.approx(0.005)
    assert fast.populations["hidden"].amplitude == pytest.approx(plain.populations["hidden"].amplitude / 4)
    # four times the rate at a quarter of the step: the very same spikes. float64, and a factor that is a power of two,
    # so that nothing rounds differently but exp(-dt/tau_rc)
    slow, quick = (
        snnconv.Simulator(graph, dt=dt, dtype="float64").run(x, 100, record="all")
        for graph, dt in ((plain, 0.001), (fast, 0.00025))
    )
    for name, spikes in slow.spikes.items():
        np.testing.assert_array_equal(quick.spikes[name], spikes)


def test_synapses_go_behind_the_populations_named():
    graph = snnconv.convert(random_cnn(), synapse={"lif1": 0.01, "hidden": snnconv.synapses.Alpha(0.005)})
    filters = {node.name: node.synapse for node in graph.nodes if isinstance(node, Filter)}
    assert filters == {
        "lif1.synapse": snnconv.synapses.Lowpass(0.01),
        "hidden.synapse": snnconv.synapses.Alpha(0.005),
    }
    assert graph.consumers("lif1")[0].name == "lif1.synapse"


def test_relu_becomes_an_if_whose_mean_output_is_the_relu():
    model = randomise(sequential((6,), kl.Dense(8, activation="relu", name="hidden"), kl.Dense(3, name="end")))
    graph = snnconv.convert(model)
    hidden = graph.populations["hidden"]
    assert hidden.neuron == IF(amplitude=hidden.amplitude, min_voltage=-np.inf)
    np.testing.assert_allclose(hidden.kernel, hidden.trained.kernel.astype("float64") / hidden.amplitude)
    x = np.random.default_rng(0).normal(size=(5, 6))
    # each neuron's count lags behind rate times time by less than one spike, so the error falls as 1/T
    reach = np.abs(graph.readouts["end"].kernel).sum(0).max()
    for n_steps in (200, 2000):
        error = np.abs(snnconv.Simulator(graph).predict(x, n_steps) - graph.rate_output(x)).max()
        assert error <= hidden.amplitude / (n_steps * 0.001) * reach


def test_swapped_activations():
    model = randomise(sequential((6,), kl.Dense(8, activation="gelu", name="hidden"), kl.Dense(3)))
    assert isinstance(snnconv.convert(model).populations["hidden"].neuron, Follower)
    with pytest.warns(ConversionWarning, match="differs from Keras' by"):
        graph = snnconv.convert(model, swap_activations={"gelu": IF(amplitude=0.02)})
    assert graph.populations["hidden"].amplitude == 0.02
    with pytest.raises(ConversionError, match="swap_activations names 'swish', which is no activation in this model"):
        snnconv.convert(random_cnn(), swap_activations={"swish": IF()})
    with pytest.raises(ParameterError, match=r"'gelu' must be given a neuron .*snnconv\.neurons\.IF\(min_voltage"):
        snnconv.convert(model, swap_activations={"gelu": LIF})


def test_kinds_of_nodes():
    graph = snnconv.convert(random_cnn())
    assert isinstance(graph["classes"], Readout)
    assert isinstance(graph["classes.linear"], Dense)
    assert graph.populations["hidden"].input == "flatten"
