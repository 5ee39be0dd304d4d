"""``snnconv inspect``: the layers, the numbers of one, and tables of 80 columns."""

import keras
from keras import layers as kl

import snnconv

from ..helpers.command import run


def test_inspect_prints_the_layers_and_the_numbers_of_one(files):
    printed = run("inspect", files / "model.h5")
    assert all(name in printed for name in ("dense", "lif", "readout", "tau_rc", "20 ms"))
    printed = run("inspect", files / "graph.snn.h5", "--layer", "lif")
    for text in ("trained kernel", "neuron_bias", "0.02  s, membrane time constant", "J = ", "2.033"):
        assert text in printed
    assert "Output 'readout': 4, linear" in run("inspect", files / "graph.snn.h5", "--layer", "readout")


def test_tables_fit_80_columns_and_break_no_name(tmp_path):
    inputs = keras.Input((30, 30, 3), name="a_photograph")
    x = inputs
    for number in range(2):
        x = kl.Conv2D(100, 3, name=f"a_convolution_with_a_long_name_{number}")(x)
        x = snnconv.layers.LIF((150, 300), (-0.5, 0.5), seed=0, name=f"neurons_{number}")(x)
        x = kl.AveragePooling2D(2, name=f"average_pooling_{number}")(x)
    model = keras.Model(inputs, kl.Dense(10, name="classes")(kl.Flatten()(x)), name="photographs")
    graph = snnconv.convert(model)
    graph.save(tmp_path / "g.snn.h5")
    for arguments in (["inspect"], ["inspect", "--layer", "neurons_1"], ["export", "-t", "npz"]):
        printed = run(arguments[0], tmp_path / "g.snn.h5", *arguments[1:])
        rows = [line for line in printed.splitlines() if str(tmp_path) not in line]
        assert max(map(len, rows)) <= 80
        assert "…\n" not in "\n".join(line.rstrip() for line in rows if "neurons" in line)
    printed = run("inspect", tmp_path / "g.snn.h5")
    assert "tau_ref" in printed
    assert "a_convolution_" in printed
