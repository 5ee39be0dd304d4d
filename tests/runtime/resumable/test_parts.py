"""Parts of a run in a folder: none that is damaged, renamed or of others is joined to an output, or deleted."""

import json
import os

import numpy as np
import pytest

from snnconv.errors import ModelFileError
from snnconv.runtime.resumable import run as module
from snnconv.runtime.resumable.parts import Parts
from snnconv.runtime.resumable.run import Interrupted, LongRun

from .test_simulation import N, simulation


@pytest.fixture
def out(tmp_path, monkeypatch):
    """The output of a run that was interrupted when all was done but this."""
    out = tmp_path / "run.npz"
    with monkeypatch.context() as patch:

        def interrupt(*arguments, **options):
            raise KeyboardInterrupt

        patch.setattr(module, "write_npz", interrupt)
        patch.setattr(module, "BYTES", 0)
        with pytest.raises(Interrupted):
            LongRun(simulation(out=out)).run()
    return out


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sizes": None}, "sizes"),
        ({"sizes": [0, 10]}, "sizes"),
        ({"sizes": [8]}, "sizes"),
        ({"sizes": [True, 10]}, "sizes"),
        ({"sizes": [10**30, 10**30]}, "sizes"),
        ({"sizes": ["8", "10"]}, "sizes"),
        ({"run": None}, "run"),
        ({"run": [1]}, "run"),
    ],
)
def test_a_damaged_manifest_is_named(out, change, named):
    path = out.with_name("run.npz.parts") / "RUN.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelFileError, match=f"RUN.json' is damaged: its '{named}' cannot be used. Delete the folder"):
        LongRun(simulation(out=out), resume=True)


@pytest.mark.parametrize("name", ["000000000000-000000099999.npz", "000000000001-000000000041.npz"])
def test_a_renamed_part_is_named(out, name):
    (part,) = out.with_name("run.npz.parts").glob("*.npz")
    part.rename(part.with_name(name))
    with pytest.raises(ModelFileError, match=f"{name}' is damaged. Delete it, and start again with --resume"):
        LongRun(simulation(out=out), resume=True)
    part.with_name(name).unlink()
    run = LongRun(simulation(out=out), resume=True)
    assert (run.n_done, run.run().n) == (0, N)


@pytest.mark.parametrize("lost", ["output", "account/n", "samples"])
def test_a_part_that_lacks_an_array_is_no_traceback(out, lost):
    (part,) = out.with_name("run.npz.parts").glob("*.npz")
    with np.load(part) as file:
        arrays = {name: file[name] for name in file.files if name != lost}
    np.savez(part, **arrays)
    if lost == "output":
        np.savez(part, **arrays, output=np.zeros((3, 30, 2), "float32"))  # of fewer samples
    with pytest.raises(ModelFileError, match="damaged"):
        LongRun(simulation(out=out), resume=True).run()
    assert not out.exists()


def test_nothing_of_others_is_deleted_with_the_parts(out):
    folder = out.with_name("run.npz.parts")
    (folder / "notes.txt").write_text("mine")
    (folder / ".RUN.json.abcdefgh.part").mkdir()  # of a process that was killed
    LongRun(simulation(out=out), resume=True).run()
    assert out.exists()
    assert os.listdir(folder) == ["notes.txt"]


def test_a_folder_with_nothing_but_leftovers_is_begun_anew(tmp_path):
    folder = tmp_path / "run.npz.parts"
    (folder / ".RUN.json.abcdefgh.part").mkdir(parents=True)
    assert Parts(tmp_path / "run.npz").manifest() is None
    assert os.listdir(folder) == []
