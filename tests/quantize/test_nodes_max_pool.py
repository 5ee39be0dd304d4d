"""Max pooling in integers: running sums of spikes, in NumPy and TensorFlow alike, from and to files."""

from functools import cache

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import quantize as q
from snnconv.errors import ConversionError, ModelFileError
from snnconv.graph import SpikingGraph
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.runtime import reference

CASES = [(q.Analog(), "binary"), (q.RateCode(bits=4), "signed"), (q.LatencyCode(window=8), "signed")]
x = np.random.default_rng(0).random((3, 9, 9, 2))


@cache
def pooled(spikes: str | None = None) -> SpikingGraph:
    """Convolutions with max pooling of data, of overlapping windows with padding, and of plain ones; two outputs."""
    keras.utils.set_random_seed(1)
    inputs = kl.Input((9, 9, 2))
    h = kl.MaxPooling2D(2, 1)(inputs)
    h = kl.Conv2D(3, 3, activation="relu", padding="same")(h)
    h = kl.MaxPooling2D(3, 2, padding="same")(h)
    h = kl.Flatten()(kl.MaxPooling2D(2)(kl.Conv2D(4, 3, activation="relu", padding="same")(h)))
    model = keras.Model(inputs, [kl.Dense(5, name="a")(h), kl.Dense(2, name="b")(h)])
    calibration = {} if spikes is None else {"calibrate": x, "spikes": spikes, "calibrate_steps": 12}
    return snnconv.convert(model, verbose=False, **calibration)


@pytest.mark.parametrize(("code", "spikes"), CASES, ids=lambda each: getattr(each, "kind", each))
def test_both_runtimes_and_a_file_give_the_same_integers(tmp_path, code, spikes):
    graph = q.quantize(pooled(spikes), input=code, n_steps=50)
    n_max = sum(isinstance(node, q.MaxPool) for node in graph.nodes)
    assert (n_max, len(graph.outputs)) == (3, 2)
    expected = q.run(graph, x, 23, record="all")
    assert all(each.any() for each in expected.spikes.values())
    found = IntegerSimulator(graph, chunk_steps=5, jit=False).run(x, 23, record="all")
    graph.save(tmp_path / "x.int.h5")
    for other in (found, q.run(q.load(tmp_path / "x.int.h5"), x, 23, record="all")):
        for kind in ("outputs", "spikes", "voltages"):
            for name, array in getattr(expected, kind).items():
                np.testing.assert_array_equal(getattr(other, kind)[name], array)
        for name, state in expected.state.items():
            for variable, array in state.items():
                np.testing.assert_array_equal(other.state[name][variable], array)


def test_the_sum_of_what_is_sent_is_the_largest_sum_in_the_window():
    graph = q.quantize(pooled("signed"), n_steps=50)
    result = q.run(graph, x, 40, record="all")
    pool = next(node for node in graph.nodes if isinstance(node, q.MaxPool) and node.is_running and any(node.padding))
    sums = result.spikes[pool.inputs[0]].astype("int64").sum(1)
    padded = np.pad(sums, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=-1000)  # "same" pads at the end
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]
    np.testing.assert_array_equal(result.state[pool.name]["most"], windows.max((-2, -1)))
    assert graph[pool.name].ranges["value"] == q.Range(-1, 1)


def test_means_are_those_of_the_float_network():
    """Weights are rounded to 8 bits: the mean output moves by their rounding and a spike or so in 200 steps."""
    floats = pooled("signed")
    graph = q.quantize(floats, weight_bits=12)
    found = graph.as_float(q.run(graph, x, 200).outputs)
    for label, output in reference.run(floats, x, 200).outputs.items():
        scale = np.abs(output.mean(1)).max()
        assert np.abs(found[label].mean(1) - output.mean(1)).max() < 0.05 * scale


def test_what_takes_no_plain_spikes_is_refused():
    inputs = kl.Input((4, 4, 1))
    h = kl.Conv2D(2, 3, activation="relu", padding="same")(inputs)
    h = kl.Activation("relu")(kl.MaxPooling2D(2)(kl.Conv2D(2, 3, padding="same")(h)))
    graph = snnconv.convert(keras.Model(inputs, kl.Dense(2)(kl.Flatten()(h))), verbose=False)
    with pytest.raises(ConversionError, match="largest of weighted sums; put the activation before the max pooling"):
        q.quantize(graph)
    with pytest.raises(ConversionError, match="takes plain spikes; convert the model without a synapse there"):
        q.quantize(snnconv.convert(small(), synapse=0.005, verbose=False))


def small() -> keras.Model:
    inputs = kl.Input((4, 4, 1))
    h = kl.MaxPooling2D(2)(kl.Conv2D(2, 3, activation="relu", padding="same")(inputs))
    return keras.Model(inputs, kl.Dense(2)(kl.Flatten()(h)))


def test_a_damaged_file_is_refused(tmp_path):
    graph = q.quantize(snnconv.convert(small(), verbose=False))
    graph.save(tmp_path / "x.int.h5")
    pool = next(node.name for node in graph.nodes if isinstance(node, q.MaxPool))
    with h5py.File(tmp_path / "x.int.h5", "r+") as file:
        file[f"nodes/{pool}"].attrs["padding"] = [(2, 0), (0, 0)]
    with pytest.raises(ModelFileError, match=f"numbers and shapes of node '{pool}' do not fit"):
        q.load(tmp_path / "x.int.h5")
