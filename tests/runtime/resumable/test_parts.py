"""Parts of a run in a folder: none that is damaged, renamed or of others is joined to an output, or deleted."""

import json
import os

import numpy as np
import pytest

from snnconv.errors import InputError, ModelFileError
from snnconv.files.archives import write_npz
from snnconv.files.arrays import read_arrays
from snnconv.runtime.resumable import run as module
from snnconv.runtime.resumable.parts import Parts
from snnconv.runtime.resumable.run import LongRun

from ...helpers.damaged_copies import blank_out, cut_short, flip_bytes, insert_bytes
from ...helpers.damaged_texts import damage_npz
from .test_simulation import N, interrupted, simulation


@pytest.fixture
def out(tmp_path, monkeypatch):
    return interrupted(tmp_path / "run.npz", monkeypatch)


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


@pytest.mark.parametrize(
    "copies", [range(40), pytest.param(range(40, 2000), marks=pytest.mark.full)], ids=["few", "many"]
)
def test_damaged_parts_are_refused_in_one_line_or_read(out, copies):
    (part,) = out.with_name("run.npz.parts").glob("*.npz")
    whole, messages = part.read_bytes(), []
    for n in copies:
        part.write_bytes(whole)
        rng = np.random.default_rng([5, n])
        [damage_npz, damage_npz, flip_bytes, cut_short, blank_out, insert_bytes][rng.integers(6)](part, rng)
        parts = Parts(out)
        try:
            with np.errstate(all="ignore"):
                found = parts.read_all(N)
                account = module._added_up(found, parts)
                out.unlink(missing_ok=True)
                write_npz(out, {}, found, [name for name in found[0] if "account" not in name], N)
            assert account.n
        except ModelFileError as error:
            messages.append(str(error))
    assert len(messages) > len(copies) / 2
    assert not [text for text in messages if "\n" in text]


def test_a_part_may_be_packed_as_far_as_packing_goes(out):
    """300 MiB of zeros, which a stranger's file of that size may not hold."""
    parts = Parts(out)
    arrays = dict(parts.read(slice(0, N)))
    arrays["output"] = np.zeros((N, (300 << 20) // N), "uint8")
    parts.write(slice(0, N), arrays)
    assert parts.read(slice(0, N))["output"].nbytes > 256 << 20
    with pytest.raises(InputError, match="bytes when unpacked"):
        read_arrays(next(parts.folder.glob("*.npz")))
