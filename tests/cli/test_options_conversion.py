"""Options that change activations and pooling: on every command that reads Keras files, and in what messages advise."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import typer
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.api import convert
from snnconv.cli import app
from snnconv.errors import ConversionError, ExportError
from snnconv.export import export
from snnconv.text.advice import as_options

from ..helpers.command import fails, run

COMMANDS = typer.main.get_command(app).commands


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """A model with an activation that has no neuron, and with max pooling."""
    keras.utils.set_random_seed(0)
    layers = [kl.Conv2D(3, 3, activation="sparsemax"), kl.MaxPooling2D(), kl.Flatten(), kl.Dense(4)]
    path = tmp_path_factory.mktemp("pooled") / "pooled.keras"
    keras.Sequential([keras.Input((6, 6, 1)), *layers]).save(path)
    return path


@pytest.mark.parametrize("name", ["export", "simulate", "verify", "tune", "inspect", "explain", "view", "quantize"])
def test_commands_have_the_options(name):
    flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts}
    assert {"--max-to-avg-pool", "--swap-activation"} <= flags


def test_messages_name_the_option_in_a_command(pooled):
    printed = run("verify", pooled, code=2)
    assert "--swap-activation sparsemax=if" in printed
    assert "swap_activations" not in printed
    with pytest.raises(ConversionError, match=r'swap_activations=\{"sparsemax": snnconv\.neurons\.IF'):
        convert(pooled, verbose=False)


def test_the_advice_works_and_says_what_it_changes(pooled, tmp_path):
    swapped = ("--swap-activation", "sparsemax=if")
    found = CliRunner().invoke(app, ["verify", str(pooled), *swapped, "--steps", "20", "--samples", "3"])
    assert "3 samples, 20 steps" in found.stdout
    assert "snnconv: warning: with swapped activations, output 'dense" in found.stderr
    out = tmp_path / "pooled.snn.h5"
    run("export", pooled, *swapped, "--max-to-avg-pool", "-o", out)
    kinds = {node.kind for node in snnconv.load(out).nodes}
    assert "AveragePool" in kinds
    assert "MaxPool" not in kinds
    assert "Passed" in run("verify", pooled, *swapped, "--max-to-avg-pool", "--steps", 20)
    for option in (["--max-to-avg-pool"], swapped, ["--input-shape", "6,6,1"], ["--replace", "a=x"]):
        assert f"error: {option[0]}: for Keras files" in run("inspect", out, *option, code=2)
    for option in (["--max-to-avg-pool"], ["--input-shape", "6,6,1"]):
        assert f"error: {option[0]}: for Keras files" in run("verify", out, "--keras", pooled, *option, code=2)
    fails("cannot import 'no.such' for custom", "verify", out, "--keras", pooled, "--custom-objects", "no.such")


def test_rates_of_named_populations_are_scaled(tmp_path):
    layers = [kl.Dense(3, activation="relu", name="a"), kl.Dense(3, activation="relu", name="b")]
    keras.Sequential([keras.Input((2,)), *layers]).save(tmp_path / "two.keras")
    run("export", tmp_path / "two.keras", "-o", tmp_path / "chosen.snn.h5")
    run("export", tmp_path / "two.keras", "--scale-firing-rates", "b=4")
    chosen, faster = (snnconv.load(tmp_path / f"{name}.snn.h5").populations for name in ("chosen", "two"))
    ratios = [chosen[name].amplitude / faster[name].amplitude for name in ("a", "b")]
    assert ratios == pytest.approx([1, 4])
    printed = run("export", tmp_path / "two.keras", "--scale-firing-rates", "b=x", code=2)
    assert "'--scale-firing-rates': it must be a number, or NAME=NUMBER,… for populations. Received 'b=x'" in printed


def test_a_swap_that_is_none_is_refused(pooled):
    for text in ("elu", "=if", "elu=relu", "elu="):
        assert "--swap-activation must be an activation" in run("inspect", pooled, "--swap-activation", text, code=2)
    both = ("--swap-activation", "sparsemax=if", "--swap-activation", "gelu=if")
    assert "--swap-activation names 'gelu', which is no activation" in run("inspect", pooled, *both, code=2)


def test_targets_advise_options(tmp_path):
    model = keras.Sequential([keras.Input((6, 6, 1)), kl.Conv2D(2, 3, activation="relu"), kl.MaxPooling2D()])
    graph = convert(model, verbose=False)
    with pytest.raises(ExportError, match="with max_to_avg_pool=True,"):
        export(graph, tmp_path / "net.nir", "nir")
    with as_options(), pytest.raises(ExportError, match="with --max-to-avg-pool,"):
        export(graph, tmp_path / "net.nir", "nir")


def test_the_if_of_a_swap_is_that_of_a_relu():
    from snnconv.cli.options import KerasOptions

    (neuron,) = KerasOptions(swap_activation=["gelu=if"]).changes["swap_activations"].values()
    relu = keras.Sequential([keras.Input((2,)), kl.Dense(2, activation="relu", name="relu")])
    expected = convert(relu, verbose=False).populations["relu"].neuron
    assert neuron == replace(expected, amplitude=0.01)
    assert np.isneginf(neuron.min_voltage)
