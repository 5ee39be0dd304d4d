"""What the README shows works as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
import typer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_first_shell_block_is_install_and_demo_then_install_and_tests():
    lines = blocks("sh")[0].splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("pip install")
    assert lines[0].endswith("&& snnconv demo")
    assert "[test]" in lines[1]
    assert lines[1].endswith("pytest")


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    example = next(block for block in blocks("python") if "model.fit" in block)
    names = {}
    exec(example, names)
    accuracy = float(re.search(r"^(0\.\d+)$", capsys.readouterr().out, re.M)[1])
    assert accuracy > 0.85
    assert names["result"].spikes["lif"].shape == (10, 100, 64)
    assert (tmp_path / "digits.snn.h5").is_file()


def test_the_converter_example_runs(capsys):
    example = next(block for block in blocks("python") if "@snnconv.handles" in block)
    names = {}
    exec(example, names)
    lif = names["graph"].populations["lif"]
    np.testing.assert_allclose(lif.kernel, 0.5 * lif.gain * lif.trained.kernel)
    assert "Halve" in capsys.readouterr().out


def commands():
    """Every `snnconv …` line of the shell blocks, without comments."""
    lines = [line.split("#")[0].strip() for block in blocks("sh")[1:] for line in block.splitlines()]
    return [line.split()[1:] for line in lines if line.startswith("snnconv ")]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_and_options_exist(arguments):
    from snnconv.cli import app

    group = typer.main.get_command(app)
    if arguments[0].startswith("-"):
        return
    command = group.commands[arguments[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("-")} <= known
    for argument in arguments:
        if argument.startswith("configs/"):
            assert (ROOT / argument).is_file()
