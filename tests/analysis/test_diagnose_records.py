"""Spikes written down otherwise: axes, flattening, heights, and kernels that were flipped."""

import itertools

import numpy as np
import pytest

import snnconv
from snnconv.graph import AveragePool, Conv, Dense, Input, Population, Reshape, SpikingGraph
from snnconv.neurons import IF

from ..helpers.by_hand import LIF_NEURON, as_graph, random_layers, run_by_hand
from ..helpers.diagnosed import BY_NAME, N_STEPS, WRITTEN, changing_inputs


@pytest.fixture(scope="module")
def layers():
    return random_layers()


@pytest.fixture(scope="module")
def x():
    return changing_inputs()


# --- how spikes are written down


@pytest.fixture(scope="module")
def image_network():
    """Convolution - IF - pooling - flatten - dense - LIF, with its inputs and the reference's spikes."""
    rng = np.random.default_rng(7)
    padding, ones = ((1, 1), (1, 1)), (1, 1)
    kernel, dense = rng.normal(0, 160, (3, 3, 2, 3)), rng.normal(0, 0.9, (12, 7))
    gain = rng.uniform(1.5, 2.5, 7)
    nodes = (
        Input(name="image", shape=(4, 4, 2)),
        Conv(
            name="conv", inputs=("image",), shape=(4, 4, 3), kernel=kernel, bias=rng.normal(0, 50, 3),
            strides=ones, padding=padding, dilation=ones,
        ),
        Population(
            name="n1", inputs=("conv",), shape=(4, 4, 3),
            neuron=IF(amplitude=0.004), neuron_bias=np.zeros(()), gain=np.ones(()),
        ),
        AveragePool(
            name="pool", inputs=("n1",), shape=(2, 2, 3), size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)),
        ),
        Reshape(name="flatten", inputs=("pool",), shape=(12,)),
        Dense(
            name="dense", inputs=("flatten",), shape=(7,), kernel=dense * gain, bias=rng.normal(0, 0.3, 7),
            trained={"kernel": dense}, folded=("n2.gain",),
        ),
        Population(
            name="n2", inputs=("dense",), shape=(7,), neuron=LIF_NEURON, neuron_bias=np.full(7, 1.1), gain=gain,
        ),
    )  # fmt: skip
    graph, x = SpikingGraph(nodes, {"out": "n2"}), rng.normal(0, 1, (3, 4, 4, 2))
    return graph, x, dict(snnconv.reference.run(graph, x, 80, record="all").spikes)


def by_hand_from(image_network, kernel=None, order=(1, 2, 3)):
    """Spikes of both populations with another kernel of the convolution, or another order in the flattening."""
    graph, x, _ = image_network
    kernel = graph["conv"].kernel if kernel is None else kernel
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))  # (n, 4, 4, channels, 3, 3)
    J = np.einsum("nijcab,abcf->nijf", windows, kernel) + graph["conv"].bias
    v, v2, rest = np.zeros_like(J), np.zeros((3, 7)), np.zeros((3, 7))
    spikes, spikes2 = [], []
    for _ in range(80):
        v = v + np.maximum(J * 0.001, 0)
        fired = np.floor(v)
        v = v - fired
        pooled = (fired * 4).reshape(3, 2, 2, 2, 2, 3).mean((2, 4)).transpose(0, *order).reshape(3, 12)
        J2 = pooled @ graph["dense"].kernel + graph["dense"].bias + 1.1
        rest -= 0.001
        free = np.clip(0.001 - rest, 0, 0.001)
        v2 = J2 + (v2 - J2) * np.exp(-free / 0.02)
        fired2 = v2 > 1
        late = -0.02 * np.log(np.where(fired2, (J2 - v2) / np.where(fired2, J2 - 1, 1), 1))
        rest = np.where(fired2, LIF_NEURON.tau_ref - late + 0.001, rest)
        v2 = np.where(fired2, 0, np.maximum(v2, 0))
        spikes.append(fired.astype(int))
        spikes2.append(fired2)
    return {"n1": np.stack(spikes, 1), "n2": np.stack(spikes2, 1)}


def test_an_image_network_by_hand(image_network):
    graph, x, spikes = image_network
    assert snnconv.diagnose(graph, x, by_hand_from(image_network)).equal
    assert all(array.sum() > 60 for array in spikes.values())
    assert spikes["n1"].max() > 1


def test_a_flipped_kernel(image_network):
    graph, x, _ = image_network
    spikes = by_hand_from(image_network, kernel=graph["conv"].kernel[::-1, ::-1])
    assert snnconv.diagnose(graph, x, spikes).mistakes == (("kernel of the convolution flipped",),)


def test_flattening_with_channels_first(image_network):
    graph, x, _ = image_network
    found = snnconv.diagnose(graph, x, by_hand_from(image_network, order=(3, 1, 2)))
    assert (found.first.name, found.mistakes) == ("n2", (("flatten in channels-first order",),))


@pytest.mark.parametrize(
    "names",
    [
        *((name,) for name in WRITTEN),
        # one array has one order of axes, and one kind of values
        *(pair for pair in itertools.combinations(WRITTEN, 2) if BY_NAME[pair[0]].slot != BY_NAME[pair[1]].slot),
    ],
    ids=" + ".join,
)
def test_spikes_written_down_otherwise(image_network, names):
    graph, x, spikes = image_network
    array = spikes["n1"].astype("int64")
    for name in reversed(names):  # what is last in the table is done first to the spikes, and last to the axes
        array = WRITTEN[name](array)
    assert names in snnconv.diagnose(graph, x, {"n1": array}).mistakes


def test_a_mistake_in_a_layer_and_in_the_order_of_axes(layers, x):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n1": {"gain left out"}})["n1"]
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, np.swapaxes(spikes, 0, 1), layer="n1")
    assert found.mistakes == (("gain left out", "steps before samples"),)


def test_units_may_be_flattened_and_one_sample_may_go_without_its_axis(image_network):
    graph, x, spikes = image_network
    assert snnconv.diagnose(graph, x, {"n1": spikes["n1"].reshape(3, 80, -1)}).equal
    assert snnconv.diagnose(graph, x[:1], {"n1": spikes["n1"][0], "n2": spikes["n2"][0] > 0}).equal


def test_heights_without_amplitude_are_told(layers, x):
    spikes = run_by_hand(layers, x, N_STEPS, LIF_NEURON)["n1"]
    found = snnconv.diagnose(as_graph(layers, LIF_NEURON), x, spikes * 1000.0, layer="n1")
    assert found.equal
    assert "have the height 1000 (1/dt, without the amplitude)" in str(found)
