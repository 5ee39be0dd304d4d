"""Lava itself gives the spikes of its .net files.

It runs in an environment of its own with tests/requirements-lava.txt; SNNCONV_LAVA_PYTHON names its Python.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snnconv import export
from snnconv.export.lava import input_bias
from snnconv.export.lava.file import read_file
from snnconv.export.lava.layers import simulate

from ..helpers.small_graphs import graph_of, inputs_of

PYTHON = os.environ.get("SNNCONV_LAVA_PYTHON", "")


@pytest.mark.slow
@pytest.mark.skipif(
    not PYTHON, reason="SNNCONV_LAVA_PYTHON must name the Python of an environment with requirements-lava.txt"
)
@pytest.mark.parametrize("name", ["dense", "conv2d same", "conv2d same with strides", "conv2d dilated", "synapse"])
def test_lava_gives_the_spikes_of_the_model(name, tmp_path):
    graph, n_steps = graph_of(name), 80
    x = inputs_of(graph, 1)
    path = tmp_path / "x.net"
    export.export(graph, path, "lava", x=x)
    layers, inside, _ = read_file(path)
    bias = input_bias(path, x)
    np.save(tmp_path / "bias.npy", bias[0])
    script = Path(__file__).parents[1] / "helpers" / "lava_netx.py"
    command = [PYTHON, script, path, tmp_path / "bias.npy", str(n_steps), tmp_path / "out.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    expected = simulate(layers, bias.swapaxes(1, 2) if bias.ndim == 4 else bias, n_steps)
    assert list(inside.populations) == [layer.name for layer in layers]
    with np.load(tmp_path / "out.npz") as found:
        for number, layer in enumerate(layers):
            received = np.moveaxis(found[f"arr_{number}"], -1, 0)[number:]
            received = received.swapaxes(1, 2) if received.ndim == 4 else received
            spikes = expected[layer.name][0, : n_steps - number]
            assert spikes.any()
            np.testing.assert_array_equal(received, spikes)
