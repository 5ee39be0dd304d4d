"""Energy: measured spikes times their operations, and devices."""

import math

import numpy as np
import pytest

import snnconv
from snnconv.errors import ConfigError, ParameterError
from snnconv.graph import (
    Dense,
    Input,
    Population,
    SpikingGraph,
)
from snnconv.neurons.piecewise_linear import PiecewiseLinear
from snnconv.runtime import reference
from snnconv.tuning.energy import DEVICES, Device, operations_of_values, read_devices

from ..helpers.networks import random_cnn
from ..helpers.small_graphs import graph_of, inputs_of


def test_energy_is_measured_spikes_times_real_fan_out():
    graph = graph_of("conv2d same with strides")
    x = inputs_of(graph)
    found = snnconv.energy(graph, x, 40)
    spikes = reference.run(graph, x, 40, dtype="float32", record="all").spikes
    totals = {name: float(each.sum(1).mean(0).sum()) for name, each in spikes.items()}
    # in float32 a spike may fall behind the last step
    assert {layer.name: layer.spikes for layer in found.layers if layer.n_neurons} == pytest.approx(totals, abs=1)
    loihi, gpu = DEVICES["loihi"], DEVICES["gpu"]
    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    assert found.neuron_updates == n_neurons * 40
    assert found.joules(loihi) == pytest.approx(found.synops * 27.1e-12 + n_neurons * 40 * 81e-12)
    assert found.macs == sum(operations_of_values(graph).values())
    assert found.ann_joules(gpu) == pytest.approx((found.macs + n_neurons) * 0.3e-9)
    assert found.joules(gpu) == pytest.approx((found.macs + n_neurons) * 40 * 0.3e-9)
    assert found.ann_joules(loihi) is None


def test_products_with_the_input_count_once_where_it_is_held():
    graph = snnconv.convert(random_cnn(), verbose=False)
    rng = np.random.default_rng(0)
    held = snnconv.energy(graph, rng.random((3, 12, 12, 2)), 10, device="cpu")
    varying = snnconv.energy(graph, rng.random((3, 10, 12, 12, 2)), 10, device="cpu")
    inside = sum(min(i + 2, 12) - max(i - 1, 0) for i in range(12)) ** 2  # places of 3×3 windows that are no padding
    assert held.products == inside * 2 * 8
    assert varying.products == 10 * held.products
    assert varying.macs == 10 * held.macs
    assert [layer.n_neurons for layer in held.layers] == [12 * 12 * 8, 2 * 2 * 12, 20, 0]


def test_negative_spikes_count_like_others():
    neuron = PiecewiseLinear(negative_slope=1.0)
    nodes = (
        Input(name="x", shape=(2,)),
        Population(name="first", inputs=("x",), shape=(2,), neuron=neuron, neuron_bias=np.zeros(()), gain=np.ones(())),
        Dense(name="out", inputs=("first",), shape=(3,), kernel=np.ones((2, 3))),
    )
    found = snnconv.energy(SpikingGraph(nodes, {"y": "out"}), np.array([[-100.0, 100.0]]), 100)
    assert found.spikes == pytest.approx(20, abs=2)  # 10 each in 0.1 s
    assert found.synops == 3 * found.spikes


def test_devices_are_checked():
    with pytest.raises(ParameterError, match="energy_per_synop must be a finite number above 0"):
        Device("mine", 0.0, 1e-12)
    with pytest.raises(ParameterError, match="no device 'tpu'. There are: cpu, gpu, arm, loihi"):
        snnconv.energy(graph_of("dense"), np.ones((1, 5)), 5, device="tpu")


def test_devices_from_a_file(tmp_path):
    path = tmp_path / "devices.toml"
    path.write_text("[chip]\nenergy_per_synop = 1e-12\nenergy_per_neuron_update = 2e-12\nsource = 'data sheet'\n")
    assert read_devices(path) == {"chip": Device("chip", 1e-12, 2e-12, True, "data sheet")}
    path.write_text("[chip]\nenergy_per_synop = 1e-12\nenergy_per_update = 2e-12\n")
    with pytest.raises(ConfigError, match=r"\[chip\] has no key 'energy_per_update'. Did you mean"):
        read_devices(path)
    path.write_text("energy_per_synop = 1e-12\n")
    with pytest.raises(ConfigError, match="'energy_per_synop' stands in no table"):
        read_devices(path)
