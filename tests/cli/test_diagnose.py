"""``snnconv diagnose``: the mistake it names, JSON, and how it fails."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from snnconv.cli import app

from ..helpers.by_hand import LIF_NEURON, as_graph, random_layers, run_by_hand
from ..helpers.diagnosed import N_STEPS, changing_inputs


@pytest.fixture(scope="module")
def layers():
    return random_layers()


@pytest.fixture(scope="module")
def x():
    return changing_inputs()


# --- the command


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command(layers, x, tmp_path):
    as_graph(layers, LIF_NEURON).save(tmp_path / "net.snn.h5")
    np.save(tmp_path / "x.npy", x)
    right = run_by_hand(layers, x, N_STEPS, LIF_NEURON)
    wrong = run_by_hand(layers, x, N_STEPS, LIF_NEURON, {"n2": {"gain left out"}})
    np.savez(tmp_path / "right.npz", **{f"spikes/{name}": array for name, array in right.items()}, dt=0.001)
    np.savez(tmp_path / "wrong.npz", **wrong)
    command = ("diagnose", tmp_path / "net.snn.h5", "--input", tmp_path / "x.npy", "--spikes")

    equal = run(*command, tmp_path / "right.npz")
    assert equal.exit_code == 0
    assert "Equal: all" in equal.stdout
    different = run(*command, tmp_path / "wrong.npz")
    assert different.exit_code == 1
    assert "Different in 'n2': gain left out." in different.stdout
    assert max(map(len, different.stdout.splitlines())) <= 80
    report = run(*command, tmp_path / "wrong.npz", "--json")
    assert report.exit_code == 1
    data = json.loads(report.stdout)
    assert data["first"] == "n2"
    assert data["layers"][1]["matches"][0]["mistakes"] == ["gain left out"]
    failed = run(*command, tmp_path / "nothing.npy")
    assert failed.exit_code == 2
    assert failed.stderr.startswith("snnconv: error: there is no file")
