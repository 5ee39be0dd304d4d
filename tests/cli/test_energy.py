"""``snnconv energy``: a table, JSON, and devices from a file."""

import json

import numpy as np

import snnconv
from snnconv.tuning.energy import Device

from ..helpers.command import fails, run
from ..helpers.small_graphs import graph_of, inputs_of


def test_the_command(tmp_path):
    graph = graph_of("conv2d same with strides")
    path, data = tmp_path / "g.snn.h5", tmp_path / "x.npz"
    graph.save(path)
    np.savez(data, x=inputs_of(graph), y=np.zeros(4))
    (tmp_path / "d.toml").write_text("[chip]\nenergy_per_synop = 1e-12\nenergy_per_neuron_update = 2e-12\n")
    printed = run("energy", path, "--data", data, "--steps", 30)
    assert "spinnaker2" in printed
    assert max(map(len, printed.splitlines())) <= 80
    options = ("--device-file", tmp_path / "d.toml", "--device", "chip", "--json")
    found = json.loads(run("energy", path, "--data", data, "--steps", 30, *options))
    expected = snnconv.energy(graph, inputs_of(graph), 30, device=Device("chip", 1e-12, 2e-12))
    assert found == json.loads(json.dumps(expected.to_dict()))
    fails("no device 'tpu'", "energy", path, "--device", "tpu")
    assert "real ones" in run("energy", path, "--steps", 5)
