"""Folders are written whole or not at all, and their manifest tells what became of each file."""

import json
import os
import tempfile

import pytest

from snnconv.errors import ModelFileError
from snnconv.files import manifest
from snnconv.files import writing as files


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(folder, **texts):
    """A folder that an export could have written."""
    with files.replacing_folder(folder) as temporary:
        for name, text in texts.items():
            (temporary / name).write_text(text)
        manifest.write_manifest(temporary, target="test")


def test_a_folder_appears_whole_and_readable(tmp_path):
    with files.replacing_folder(tmp_path / "new") as temporary:
        (temporary / "inside").mkdir()
        (temporary / "inside" / "a.txt").write_text("a")
        assert not (tmp_path / "new").exists()
    assert contents(tmp_path / "new") == {"inside/a.txt": "a"}
    assert os.listdir(tmp_path) == ["new"]
    (tmp_path / "made").mkdir()
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "made").stat().st_mode


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", a="1")
    assert (tmp_path / "empty" / "a").read_text() == "1"


def test_a_failure_leaves_what_was_there(tmp_path):
    write(tmp_path / "old", a="1")
    before = contents(tmp_path / "old")

    def fail():
        with files.replacing_folder(tmp_path / "old", force=True) as temporary:
            (temporary / "b").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert contents(tmp_path / "old") == before
    assert os.listdir(tmp_path) == ["old"]


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, at):
    write(tmp_path / "old", a="1")
    before = contents(tmp_path / "old")
    calls = []

    def replace(source, target, real=os.replace):
        calls.append(target)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("snnconv.files.writing.os.replace", replace)
    with pytest.raises(ModelFileError, match="No space left"), files.replacing_folder(tmp_path / "old", force=True):
        pass
    assert contents(tmp_path / "old") == before
    assert os.listdir(tmp_path) == ["old"]


def test_only_with_force_and_a_manifest_is_a_folder_replaced(tmp_path):
    write(tmp_path / "old", a="1")
    with pytest.raises(ModelFileError, match=r"the folder exists. Name another, or replace it with force=True"):
        write(tmp_path / "old", b="2")
    with files.replacing_folder(tmp_path / "old", force=True) as temporary:
        (temporary / "b").write_text("2")
    assert contents(tmp_path / "old") == {"b": "2"}
    with (
        pytest.raises(ModelFileError, match="holds files that snnconv did not write"),
        files.replacing_folder(tmp_path / "old", force=True),
    ):
        pass
    assert contents(tmp_path / "old") == {"b": "2"}


def test_a_file_and_a_missing_parent_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFileError, match="it is a file"), files.replacing_folder(tmp_path / "file", force=True):
        pass
    with pytest.raises(ModelFileError, match="cannot write .*nowhere"), files.replacing_folder(tmp_path / "nowhere/x"):
        pass


def test_the_manifest_finds_every_change(tmp_path):
    write(tmp_path / "x", a="1", b="2", c="3")
    assert manifest.changed_files(tmp_path / "x") == {}
    assert manifest.read_manifest(tmp_path / "x")["target"] == "test"
    (tmp_path / "x" / "a").write_text("other")
    (tmp_path / "x" / "b").unlink()
    (tmp_path / "x" / "new").write_text("new")
    expected = {"a": "changed", "b": "missing", "new": "not in the manifest"}
    assert manifest.changed_files(tmp_path / "x") == expected


def test_the_checksums_are_sha256(tmp_path):
    write(tmp_path / "x", empty="")
    entry = json.loads((tmp_path / "x" / "MANIFEST.json").read_text())["files"]["empty"]
    assert entry == {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "bytes": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no MANIFEST.json"),
        ("{", "cannot read"),
        ("[" * 100_000, "cannot read"),
        ("[]", "is not a manifest"),
        ('{"format": "other"}', "is not a manifest"),
        ('{"format": "snnconv folder", "version": 2, "files": {}}', "reads up to 1. Update snnconv"),
        ('{"format": "snnconv folder", "version": 1, "files": []}', "is damaged"),
        ('{"format": "snnconv folder", "version": 1, "files": {"../a": {"sha256": ""}}}', "is damaged"),
        ('{"format": "snnconv folder", "version": 1, "files": {"/a": {"sha256": ""}}}', "is damaged"),
        ('{"format": "snnconv folder", "version": 1, "files": {"a": {}}}', "is damaged"),
    ],
)
def test_a_manifest_from_elsewhere_is_not_believed(tmp_path, text, message):
    if text is not None:
        (tmp_path / "MANIFEST.json").write_text(text)
    with pytest.raises(ModelFileError, match=message):
        manifest.changed_files(tmp_path)
    assert not manifest.has_manifest(tmp_path)


def test_only_what_the_manifest_lists_unchanged_is_replaced(tmp_path):
    """Notes, edited files, links and a copied manifest keep the folder from being replaced."""
    for change, message in [
        (lambda folder: (folder / "notes.txt").write_text("mine"), "'notes.txt' is not in the manifest"),
        (lambda folder: (folder / "a").write_text("edited"), "'a' is changed"),
        (lambda folder: (folder / "link").symlink_to(tmp_path), "'link' is not in the manifest"),
    ]:
        folder = tmp_path / message.split("'")[1]
        write(folder, a="1")
        change(folder)
        with (
            pytest.raises(ModelFileError, match=f"cannot replace .*: {message}. Move what you need"),
            files.replacing_folder(folder, force=True),
        ):
            pass
        assert (folder / "a").exists()


def test_what_make_built_is_removed_by_make_clean(tmp_path):
    write(tmp_path / "net", Makefile="all:")
    (tmp_path / "net" / "network.o").touch()
    message = "'network.o' is not in the manifest. 'make clean' removes what make built. Move what you need"
    with pytest.raises(ModelFileError, match=message), files.replacing_folder(tmp_path / "net", force=True):
        pass


def test_a_file_that_comes_while_the_folder_is_made_is_kept(tmp_path):
    write(tmp_path / "x", a="1")

    def replace():
        with files.replacing_folder(tmp_path / "x", force=True):
            (tmp_path / "x" / "late.txt").write_text("mine")

    with pytest.raises(ModelFileError, match="'late.txt' is not in the manifest"):
        replace()
    assert contents(tmp_path / "x").keys() == {"a", "late.txt", "MANIFEST.json"}
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.skipif(files.fcntl is None, reason="needs locks of folders")
def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead = [tmp_path / ".x.txt.abcdefgh.part", tmp_path / ".x.txt.01234567.part"]
    others = [tmp_path / ".y.txt.abcdefgh.part", tmp_path / ".x.txt.part", tmp_path / ".x.txt.abcdefghi.part"]
    for folder in (*dead, *others):
        (folder / files.NEW).mkdir(parents=True)
        (folder / files.NEW / "x.txt").write_text("half")
    (tmp_path / ".x.txt.76543210.part").write_text("a file of somebody")
    with files.replacing(tmp_path / "x.txt") as temporary:
        temporary.write_text("first")
        with files.replacing(tmp_path / "x.txt") as second:  # as another process would at the same time
            second.write_text("second")
        assert temporary.exists()
    assert (tmp_path / "x.txt").read_text() == "first"
    assert {path.name for path in tmp_path.iterdir()} == {
        "x.txt",
        ".x.txt.76543210.part",
        *(path.name for path in others),
    }


@pytest.mark.skipif(files.fcntl is None, reason="needs locks of folders")
def test_a_folder_that_was_about_to_be_replaced_comes_back(tmp_path):
    """A process was killed between the two renamings: the folder is only in the hidden one."""
    write(tmp_path / "x", a="1")
    hidden = tmp_path / ".x.abcdefgh.part"
    hidden.mkdir()
    (tmp_path / "x").rename(hidden / files.OLD)
    with pytest.raises(ModelFileError, match="the folder exists"):
        write(tmp_path / "x", b="2")
    assert (tmp_path / "x" / "a").read_text() == "1"
    assert os.listdir(tmp_path) == ["x"]


def test_a_name_as_long_as_the_file_system_takes(tmp_path):
    name = "x" * 255
    with files.replacing(tmp_path / name) as temporary:
        temporary.write_text("1")
    assert os.listdir(tmp_path) == [name]


def test_scratch_folders_of_dead_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / f".{files.SCRATCH}.abcdefgh.part"
    dead.mkdir()
    (dead / "a.out").write_text("left")
    with files.scratch() as outer, files.scratch() as inner:
        assert not dead.exists()
        assert outer != inner
        assert outer.is_dir()
    assert not list(tmp_path.iterdir())
