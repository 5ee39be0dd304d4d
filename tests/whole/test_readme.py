"""What the README shows works as it stands there."""

import re
import shlex
import shutil

import keras
import numpy as np
import pytest
import typer
from keras import layers as kl

from ..helpers import doc_blocks
from ..helpers.cli_files import folder_of_files, invoke
from ..helpers.doc_blocks import ROOT

README = doc_blocks.blocks((ROOT / "README.md").read_text("utf-8"), "README.md")


def blocks(language):
    return [block.text for block in README if block.language == language]


def test_first_shell_block_is_install_and_demo_then_install_and_tests():
    lines = blocks("sh")[0].splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("pip install")
    assert lines[0].endswith("&& snnconv demo")
    assert "[test]" in lines[1]
    assert lines[1].endswith("pytest")


@pytest.mark.full
def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    example = next(block for block in blocks("python") if "model.fit" in block)
    names = {}
    exec(example, names)
    accuracy = float(re.search(r"^(0\.\d+)$", capsys.readouterr().out, re.M)[1])
    assert accuracy > 0.85
    assert names["result"].spikes["lif"].shape == (10, 100, 64)
    assert (tmp_path / "model.snn.h5").is_file()


@pytest.mark.full
def test_the_converter_example_runs(capsys):
    example = next(block for block in blocks("python") if "@snnconv.handles" in block)
    names = {}
    exec(example, names)
    lif = names["graph"].populations["lif"]
    np.testing.assert_allclose(lif.kernel, 0.5 * lif.gain * lif.trained.kernel)
    assert "Halve" in capsys.readouterr().out


@pytest.mark.full
def test_the_calibration_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((6,)), kl.Dense(8, activation="relu", name="hidden"), kl.Dense(3)])
    monkeypatch.setattr("absl.logging.warning", lambda *_: None)  # that HDF5 is the older format
    model.save("cnn.h5")
    x = np.random.default_rng(0).random((20, 6))
    (example,) = [block for block in README if block.is_python and "calibrate=" in block.text]
    page = doc_blocks.Page()
    page.run(next(block for block in README if "@snnconv.handles" in block.text))  # which imports snnconv
    page.names |= {"x": x, "x_test": x, "y_test": np.arange(20) % 3}
    page.run(example)
    assert page.names["graph"].populations["hidden"].node.initial_voltage == 0.5


def commands():
    """Every `snnconv …` line of the shell blocks, without comments."""
    lines = [line for block in blocks("sh")[1:] for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines if line.startswith("snnconv ")]
    return [words[1:] for words in found]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_and_options_exist(arguments):
    from snnconv.cli import app

    if arguments[0].startswith("-"):
        assert invoke(*arguments).exit_code == 0
        return
    typer.main.get_command(app).commands[arguments[0]].make_context(arguments[0], arguments[1:])
    for argument in arguments:
        if argument.startswith("configs/"):
            assert (ROOT / argument).is_file()


NOT_RUN = ("train",)  # its images are not everywhere


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [each for each in commands() if not " ".join(each).startswith(NOT_RUN)], ids=" ".join
)
def test_commands_run(arguments, tmp_path, tmp_path_factory, monkeypatch):
    folder = tmp_path / "here"  # of its own: commands do not replace what another one wrote
    shutil.copytree(folder_of_files(tmp_path_factory.mktemp), folder)
    monkeypatch.chdir(folder)
    (folder / "cnn.h5").write_bytes((folder / "relu.h5").read_bytes())
    assert invoke(*arguments).exit_code in (0, 1)
