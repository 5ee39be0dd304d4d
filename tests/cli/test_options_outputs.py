"""No command writes over a file that it reads, or one of others without --force; the disk may be full."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from snnconv.cli import app
from snnconv.cli.options import OUTPUTS
from snnconv.export import TARGETS
from snnconv.files.output import is_own

from ..helpers.command import fails, run

WRITES = re.compile(r"\b([Ww]rite|[Dd]raw)\b")


@pytest.fixture
def here(files, tmp_path, monkeypatch):
    """A folder of copies, and the working directory."""
    for name in ("graph.snn.h5", "model.keras", "x.npy", "xy.npz"):
        shutil.copy(files / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_that_are_written_are_known_by_their_names():
    """All others count as read: so an output under another name would be taken for an input, and never be written."""
    written = set()
    for command in app.registered_commands:
        parameters = inspect.signature(command.callback).parameters
        for name, parameter in parameters.items():
            kind, *options = get_args(parameter.annotation) or (parameter.annotation,)
            if Path in (kind, *get_args(kind)) and WRITES.search(options[0].help):
                written.add(name)
        assert "force" in parameters or not {*OUTPUTS} & {*parameters}
    assert written == {*OUTPUTS}


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("simulate", "graph.snn.h5", "--input", "xy.npz"), "xy.npz"),
        (("simulate", "graph.snn.h5", "--input", "x.npy", "--labels", "link.npz"), "xy.npz"),
        (("quantize", "copy.h5"), "copy.h5"),
        (("quantize", "graph.snn.h5", "--data", "numbers"), "numbers"),
        (("export", "copy.h5"), "./copy.h5"),
        (("export", "graph.snn.h5", "--data", "numbers", "-t", "nir"), "numbers"),
        (("export", "model.keras", "--calibrate", "numbers", "-t", "json"), "hard"),
        (("view", "graph.snn.h5", "--input", "numbers"), "hard"),
        (("tune", "graph.snn.h5", "--data", "x.npy", "--config", "used.toml"), "used.toml"),
    ],
)
def test_nothing_that_is_read_is_written_over(here, arguments, out):
    (here / "link.npz").symlink_to("xy.npz")
    shutil.copy("graph.snn.h5", "copy.h5")
    shutil.copy("x.npy", "numbers")
    os.link("numbers", "hard")
    (here / "used.toml").write_text("")
    before = {path: path.read_bytes() for path in here.iterdir()}
    fails("cannot write '.*': it is '.*', which is read. Name another file", *arguments, "-o", out, "--force")
    assert {path: path.read_bytes() for path in here.iterdir()} == before


def test_the_samples_that_a_config_names_are_not_written_over(here):
    shutil.copy("x.npy", "numbers")
    (here / "used.toml").write_text('[conversion]\ncalibrate = "numbers"\ncalibrate_steps = 8\n')
    before = (here / "numbers").read_bytes()
    arguments = ("export", "model.keras", "-t", "npz", "--config", "used.toml", "-o", "numbers", "--force")
    fails("it is '.*numbers', which is read", *arguments)
    assert (here / "numbers").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (("simulate", "graph.snn.h5", "--steps", "5"), "mine.npz"),
        (("quantize", "graph.snn.h5", "--steps", "5"), "mine.int.h5"),
        (("view", "graph.snn.h5", "--steps", "5"), "mine.html"),
        (("explain", "graph.snn.h5", "lif", "0", "--input", "x.npy", "--plot", "mine.svg"), None),
        *(
            (("export", "graph.snn.h5", "-t", name, "--steps", "5"), f"mine{TARGETS[name].suffix}")
            for name in ("hdf5", "json", "npz")
        ),
        (("export", "graph.snn.h5", "-t", "nir", "--approximate", "--steps", "5"), "mine.nir"),
    ],
)
def test_a_file_of_others_is_replaced_only_with_force(here, command, out):
    arguments = command if out is None else (*command, "-o", out)
    path = here / arguments[-1]
    path.write_text("precious")
    fails("nothing in it says that snnconv wrote it as it is now. Name another, or replace it with --force", *arguments)
    assert path.read_text() == "precious"
    run(*arguments, "--force")
    assert is_own(path)
    run(*arguments)  # its own file is replaced without a word


def test_endings_of_other_formats_are_refused(here):
    for command, out, right in [
        ("simulate", "x.npy", "x.npz"),
        ("quantize", "a.snn.h5", "a.int.h5"),
        ("view", "report.pdf", "report.html"),
        ("export", "zz.keras", "zz.snn.h5"),
    ]:
        fails(f"cannot write '{out}': .*Name it '{right}'", command, "graph.snn.h5", "-o", out)
        assert not (here / out).exists() or out == "x.npy"


LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # Python would leave half of it in the package
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from snnconv.cli import main
main({arguments!r})
"""


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes")
@pytest.mark.parametrize("target", [*TARGETS, "quantize", "simulate", "view"])
def test_a_full_disk_is_one_line_and_the_old_file_stays(here, target):
    """A limit on the size of files stands for the disk: writing fails in the same place, with another number."""
    if target in TARGETS:
        out = f"old{TARGETS[target].suffix}"
        arguments = ["export", "graph.snn.h5", "-t", target, "--approximate", "--force", "--dt", "0.01"]
    else:
        out = {"quantize": "old.int.h5", "simulate": "old.npz", "view": "old.html"}[target]
        arguments = [target, "graph.snn.h5"]
    arguments += ["--steps", "5", "-o", out]
    run(*arguments)
    before = contents(here / out)
    code = LIMITED.format(limit=600, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if not line.startswith("snnconv: warning: ")]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("snnconv: error: ")
    assert "File too large" in errors[0]
    assert contents(here / out) == before
    assert not [path for path in here.iterdir() if path.name.startswith(".")]


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def test_the_output_can_be_read_by_others(here):
    """The mark in a file is none of its data."""
    run("simulate", "graph.snn.h5", "--steps", 5, "-o", "run.npz")
    with np.load("run.npz") as file:
        assert set(file) == {"output", "times", "dt"}
