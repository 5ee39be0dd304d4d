"""``snnconv tune``: settings that other commands take, JSON, and how it fails."""

import json

import numpy as np
import pytest

import snnconv
from snnconv.text.advice import as_options
from snnconv.training import config
from snnconv.tuning import Readout, Setting, apply
from snnconv.tuning.search.setting import write_settings

from ..helpers.command import fails, run
from ..helpers.tuned import trained_digits


@pytest.fixture(scope="module")
def digits():
    return trained_digits()


# --- the command


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    model, graph, x, y = digits
    folder = tmp_path_factory.mktemp("tune")
    model.save(folder / "model.keras")
    graph.save(folder / "model.snn.h5")
    np.savez(folder / "xy.npz", x=x, y=y)
    return folder


def test_the_command_writes_what_other_commands_take(files, digits, tmp_path):
    _, graph, x, _ = digits
    out, plot = tmp_path / "tuned.toml", tmp_path / "tuned.svg"
    options = (
        "--data",
        files / "xy.npz",
        "--steps",
        40,
        "--scales",
        "1,2",
        "--synapses",
        "0.004",
        "--calibrate",
        "none",
    )
    printed = run("tune", files / "model.keras", *options, "--accuracy-drop", 1, "-o", out, "--plot", plot)
    assert max(len(line) for line in printed.splitlines() if "Next:" not in line and "Wrote" not in line) <= 80
    assert "Chosen: rates ×" in printed
    assert plot.stat().st_size > 10_000
    chosen = config.load_settings(out)
    for model in ("model.keras", "model.snn.h5"):
        run("export", files / model, "--config", out, "-o", tmp_path / "tuned.snn.h5")
        expected = apply(graph, chosen.conversion.scale_firing_rates, chosen.conversion.synapse)
        found = snnconv.load(tmp_path / "tuned.snn.h5")
        spikes = [
            snnconv.reference.run(each, x[:3], 30, record="lif2.spikes").spikes["lif2"] for each in (found, expected)
        ]
        np.testing.assert_array_equal(*spikes)
    n = chosen.simulation.n_steps
    assert f"for {n} steps of 1 ms" in run("simulate", files / "model.snn.h5", "--config", out, "-i", files / "xy.npz")


def test_simulate_runs_and_reads_as_the_config_says(files, digits, tmp_path):
    _, graph, x, y = digits
    settings = tmp_path / "s.toml"
    write_settings(settings, Setting(2.0, 0.004, Readout(skip=6), 20, 0.0005))
    np.save(tmp_path / "y.npy", y)
    command = ("simulate", files / "model.snn.h5", "--config", settings, "-i", files / "xy.npz")
    labels = ("-l", tmp_path / "y.npy", "--json")
    found = json.loads(run(*command, *labels))
    assert (found["n_steps"], found["dt"], found["readout"]) == (20, 0.0005, "mean from 7")
    output = snnconv.Simulator(apply(graph, 2.0, 0.004), 0.0005).run(x, 20).output
    assert found["accuracy"] == (output[:, 6:].mean(1).argmax(-1) == y).mean()
    assert found["accuracy_over_time"][:6] == [None] * 6
    # what the command says goes before what the config says
    found = json.loads(run(*command, *labels, "--steps", 12, "--dt", 0.001))
    assert (found["n_steps"], found["dt"]) == (12, 0.001)
    assert "Answers are read as" in run(*command, *labels[:2])
    fails("leaves out 6 steps. Run more than 5", *command, "--steps", 5)
    settings.write_text("[simulation]\nsteps = 5\n")
    fails(r"\[simulation\] has no key 'steps'. Did you mean 'n_steps'", *command)


def test_the_command_prints_json_and_counts_first_samples(files, digits):
    _, graph, x, y = digits
    options = ("--data", files / "xy.npz", "--samples", 50, "--steps", 10, "--scales", "1", "--synapses", "none")
    found = json.loads(run("tune", files / "model.snn.h5", *options, "--json", "--accuracy-drop", 100))
    with as_options({"n_steps": "--steps"}):  # a command's findings advise options
        expected = snnconv.tune(graph, x[:50], y[:50], n_steps=10, scales=[1], synapses=[None], accuracy_drop=100)
    assert found == json.loads(json.dumps(expected.to_dict()))
    assert len(found["choices"]) == 10 * 3  # steps, and readouts that need no more than 10 of them


def test_the_command_fails_in_one_line(files, tmp_path):
    model, data = files / "model.snn.h5", ("--data", files / "xy.npz")
    fails("--scales must be numbers with commas between. Received '1;2'", "tune", model, *data, "--scales", "1;2")
    fails("--prefer must be steps or energy", "tune", model, *data, "--prefer", "speed")
    fails("--calibrate must be whole numbers of steps, or none", "tune", model, *data, "--calibrate", "2.5")
    fails("end its name in .toml", "tune", model, *data, "-o", tmp_path / "x.json")
    fails("Missing option", "tune", model)
    fails("no device 'tpu'", "tune", model, *data, "--device", "tpu")
    training = tmp_path / "t.toml"
    training.write_text('name = "x"\n[data]\ndataset = "digits"\n[[model.layers]]\ntype = "Dense"\nunits = 10\n')
    fails("is a training config, and .* was converted already", "simulate", model, "--config", training)


def test_settings_that_were_edited_are_replaced_only_with_force(files, tmp_path):
    out = tmp_path / "tuned.toml"
    write_settings(out, Setting(2.0, 0.004, Readout(skip=6), 20, 0.0005))
    out.write_text(f"{out.read_text()}# mine\n")
    arguments = ("tune", files / "model.keras", "--data", files / "xy.npz", "-o", out)
    fails("as it is now. Name another, or replace it with --force", *arguments)
    assert out.read_text().endswith("# mine\n")
