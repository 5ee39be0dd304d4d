"""``snnconv env`` prints versions, devices and what is missing."""

import json
import platform
import shutil

import keras

from snnconv.cli import env

from ..helpers.command import run


def test_versions_devices_and_programs():
    printed = run("env")
    for text in (platform.python_version(), keras.__version__, "CPU 0", "Keras runs on tensorflow"):
        assert text in printed
    found = json.loads(run("env", "--json"))
    assert {"tensorflow", "keras", "numpy", "h5py", "typer"} <= set(found["packages"])
    assert found["programs"]["cc"]["path"] == shutil.which("cc")
    assert found["error"] is None


def test_the_missing_is_named_with_what_mends_it(monkeypatch):
    monkeypatch.setattr(env, "_installed", lambda package: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(env, "_devices", lambda: ([], None, "no library for this processor"))
    printed = run("env")
    assert "missing: pip install keras" in printed
    assert "missing for figures: pip install matplotlib" in printed
    assert "missing; it simulates circuits" in printed
    assert "unknown, as TensorFlow cannot be imported: no library" in printed
