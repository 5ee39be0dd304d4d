"""``snnconv view``: the page that it writes, and what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.api import view
from snnconv.cli import app
from snnconv.errors import ModelFileError

from ..helpers.html_page import Page
from ..helpers.networks import random_cnn

N_STEPS = 47  # no multiple of the steps that are run at a time


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model, synapse=0.002, verbose=False)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((3, 12, 12, 2))


@pytest.fixture(scope="module")
def made(graph, x):
    return view(graph, x, sample=2, n_steps=N_STEPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, graph, x):
    path = tmp_path_factory.mktemp("view")
    graph.save(path / "net.snn.h5")
    np.save(path / "x.npy", x)
    return path


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_command_writes_the_page(folder, graph, x):
    out = folder / "report.html"
    done = run("view", folder / "net.snn.h5", "-i", folder / "x.npy", "--sample", 1, "--steps", 12, "-o", out)
    assert done.exit_code == 0, done.output
    assert "Wrote" in done.output
    assert "random" not in done.output
    assert Page(out.read_text("utf-8")).data == view(graph, x, sample=1, n_steps=12).to_dict()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_command_names_the_page_after_the_model(folder):
    done = run("view", folder / "net.snn.h5", "--steps", 3, "--neurons", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["file"] == str(folder / "net.html")
    assert found["n_bytes"] == (folder / "net.html").stat().st_size
    assert Page((folder / "net.html").read_text("utf-8")).data["layers"] == found["layers"]
    assert [len(layer["shown"]) for layer in found["layers"]] == [2, 2, 2]
    assert "random numbers" in run("view", folder / "net.snn.h5", "--steps", 2).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "net.snn.h5"), "Name it 'net.html'"),
        (("-i", "x.npy", "-o", "x.npy"), "Name it 'x.html', or otherwise with .html at the end"),
        (("-o", "none/report.html"), "there is no folder"),
        (("--neurons", "0"), "--neurons must be a whole number above 0"),
        (("--steps", "0"), "--steps must be a whole number above 0"),
        (("-i", "x.npy", "--sample", "9"), "sample must be a number from 0 to 2"),
        (("-i", "y.npy"), "there is no file"),
    ],
)
def test_the_command_refuses_and_writes_nothing(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    (folder / "net.html").unlink(missing_ok=True)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run("view", "net.snn.h5", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_page_that_cannot_be_written(made, tmp_path):
    with pytest.raises(ModelFileError, match="cannot write"):
        made.save(tmp_path / "none" / "report.html")
