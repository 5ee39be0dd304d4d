"""``snnconv explain``: the text, drawing and JSON of the objects, and the page that shows them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app

from ..helpers.explained import inputs_of, odd_model
from ..helpers.networks import forum_model, random_cnn


@pytest.fixture(scope="module")
def models():
    return {"forum": forum_model(), "cnn": random_cnn(), "odd": odd_model()}


@pytest.fixture(scope="module")
def graphs(models):
    return {name: snnconv.convert(model, verbose=False) for name, model in models.items()}


@pytest.fixture(scope="module")
def folder(graphs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    graphs["forum"].save(folder / "forum.snn.h5")
    np.save(folder / "x.npy", next(iter(inputs_of(graphs["forum"]).values())))
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, ["explain", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_prints_the_same_as_the_object(graphs, folder):
    result = run(folder / "forum.snn.h5")
    assert result.exit_code == 0
    assert result.stdout.strip() == str(graphs["forum"].explain()).strip()


def test_the_command_draws_a_unit(folder):
    result = run(folder / "forum.snn.h5", "lif", "2", "-i", folder / "x.npy", "--plot", folder / "unit.png")
    assert result.exit_code == 0
    assert f"Wrote {folder / 'unit.png'}." in result.stdout
    assert (folder / "unit.png").read_bytes()[1:4] == b"PNG"


def test_the_command_gives_json(graphs, folder):
    found = json.loads(run(folder / "forum.snn.h5", "lif", "2", "--json", "--dt", "0.0005").stdout)
    assert found["dt"] == 0.0005
    kernel = graphs["forum"].populations["lif"].kernel
    assert [term["kernel"] for term in found["unit"]["terms"]] == kernel[:, 2].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lif", "one"), "UNIT is a number, or a place as in 3,4,0. Received 'one'"),
        (("lif", "0", "--plot", "u.png"), "--plot shows a unit at a sample"),
        (("lif", "0", "--sample", "3"), "--sample is one of the inputs. Name these with --input FILE"),
        (("lif", "0", "-i", "x.npy", "--plot", "u.tiger"), "Name a file with .png, .svg or .pdf"),
        (("lif", "0", "-i", "x.npy", "--steps", "0"), "--steps must be a whole number above 0"),
    ],
)
def test_the_command_fails_in_one_line(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    result = run("forum.snn.h5", *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not list(folder.glob("u.*"))


# --- the page


@pytest.mark.full
def test_the_page_on_understanding_shows_what_the_commands_print(tmp_path, monkeypatch):
    """Its programs run, and its texts are those of the commands up to the digits, which the platform may change."""
    page = (Path(__file__).parents[2] / "docs" / "understanding.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), {})
    shown = re.findall(r"```text\n\$ snnconv (.*?)\n(.*?)\n```", page, re.S)
    assert [command.split()[0] for command, _ in shown] == ["explain", "explain", "diagnose"]
    for command, text in shown:
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == (1 if command.startswith("diagnose") else 0)
        assert words(result.stdout) == words(text)


def words(text):
    """A text without numbers, bars and the blanks that align them."""
    return re.sub(r"-?\d[\d.,e%-]*|[▁-█|─]", "", text).split()
