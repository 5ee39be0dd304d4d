"""Hostile files: nothing that a config names runs, wherever it stands, and the error names it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snnconv.conversion.files import load_model
from snnconv.errors import ModelFileError

from ..helpers.hostile_files import PLACES, UNREAD, ran, write_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_hostile_files_are_refused(folder):
    accepted, executed = [], []
    for place, what, path in write_files(folder, PLACES):
        message = ""
        try:
            load_model(path)
            accepted.append((place, what))
        except ModelFileError as error:
            message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
        if ran(folder):
            executed.append((place, what))
    assert executed == []
    # an operation of Keras without its arguments does nothing; some versions of Keras take it for an activation
    assert set(accepted) <= {("activation", "operation_that_writes")}


@pytest.mark.full
def test_what_is_not_read_does_not_run(folder):
    for place, what, path in write_files(folder, UNREAD):
        load_model(path)
        assert not ran(folder), (place, what)


@pytest.mark.slow
def test_hostile_files_with_the_lowest_keras(tmp_path):
    """The lowest version that pyproject.toml allows; pip downloads it."""
    root = Path(__file__).parents[2]
    found = re.search(r'"keras>=([\d.]+)"', (root / "pyproject.toml").read_text("utf-8"))
    assert found is not None
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path), f"keras=={found[1]}.0"]
    subprocess.run(pip, check=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-W", "ignore", "-k", "not lowest", __file__]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}
    result = subprocess.run(tests, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in result.stdout, result.stdout
