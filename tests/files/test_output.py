"""Places to write to: links are followed, and nothing is written over that is read, that is no file, or of others."""

import os

import pytest

from snnconv.errors import ModelFileError
from snnconv.files import output
from snnconv.files.output import MARK, check_file, check_folder, is_own, protect, protecting, sealed
from snnconv.files.writing import replacing

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes")


def write(path, text):
    with replacing(path) as temporary:
        temporary.write_text(text)


@posix
def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "file.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("file.txt")
    write(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "file.txt").read_text() == "new"
    (tmp_path / "folder").mkdir()
    (tmp_path / "other").symlink_to("folder")
    assert check_folder(tmp_path / "other") == tmp_path / "folder"


@posix
def test_what_is_no_file_is_left_alone(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to("pipe")
    for name, message in [
        ("dangling", "it is a link to 'nowhere', which is not there"),
        ("pipe", "it is a device, a pipe or the like"),
        ("to_pipe", "it is a device, a pipe or the like"),
        ("/dev/null", "it is a device, a pipe or the like"),
    ]:
        for check in (check_file, check_folder):
            with pytest.raises(ModelFileError, match=message):
                check(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["dangling", "pipe", "to_pipe"]


@posix
def test_a_file_that_is_read_is_not_written_over_by_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = tmp_path / "x.npz"
    read.write_text(MARK)
    (tmp_path / "link.npz").symlink_to("x.npz")
    os.link(read, tmp_path / "hard.npz")
    names = ["x.npz", "./x.npz", f"../{tmp_path.name}/x.npz", read, "link.npz", "hard.npz"]
    with protecting([read, tmp_path / "missing"]):
        for name in names:
            with pytest.raises(ModelFileError, match="which is read. Name another file"):
                write(name, "new")
    with protecting([tmp_path / "hard.npz"]):
        with pytest.raises(ModelFileError, match="it is '.*hard.npz', which is read"):
            write("link.npz", "new")
        protect(tmp_path / "late")
        write("late", "")  # was not there yet when it was read
        with pytest.raises(ModelFileError, match="which is read"):
            write("late", "new")
    assert read.read_text() == MARK
    write("late", "after the command")


def test_a_folder_with_a_file_that_is_read_stays(tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "x.npz").touch()
    with (
        protecting([tmp_path / "out" / "deep" / "x.npz"]),
        pytest.raises(ModelFileError, match="x.npz' in it is read. Name another folder"),
    ):
        check_folder(tmp_path / "out", force=True)


def test_a_file_of_others_needs_force(tmp_path):
    path = tmp_path / "precious.txt"
    path.write_text("my thesis on spiking networks")
    with pytest.raises(
        ModelFileError, match="nothing in it says that snnconv wrote it as it is now. Name another, or replace"
    ):
        check_file(path, force=False)
    check_file(path, force=True)
    for contents in (b"", MARK.encode(), bytes(200_000) + MARK.encode()):  # empty, at the beginning, at the end
        path.write_bytes(contents)
        assert is_own(path)
        check_file(path, force=False)


def test_an_own_text_that_was_edited_needs_force(tmp_path):
    path = tmp_path / "tuned.toml"
    text = sealed(f"# {MARK}.\n\n[simulation]\nn_steps = 20\n")
    path.write_bytes(text.encode())
    check_file(path, force=False)
    for edited in (text + "dt = 0.002\n", text.replace("20", "30"), f"# mine\n{text}"):
        path.write_bytes(edited.encode())
        with pytest.raises(ModelFileError, match="nothing in it says that snnconv wrote it as it is now"):
            check_file(path, force=False)


@pytest.mark.parametrize(
    ("name", "endings", "right"),
    [
        ("zz.keras", (".snn.h5", ".h5"), "zz.snn.h5"),
        ("A.SNN.H5", (".int.h5", ".h5"), "A.int.h5"),
        ("m.weights.h5", (".snn.h5", ".h5"), "m.snn.h5"),
        ("report.pdf", (".html",), "report.html"),
    ],
)
def test_an_ending_of_another_format_is_refused_with_the_right_one(name, endings, right):
    with pytest.raises(ModelFileError, match=f"Name it '{right}', or otherwise with {endings[0]} at the end"):
        output.check_ending(f"somewhere/{name}", endings)


@pytest.mark.parametrize("name", ["net.snn.h5", "net.h5", "net", "net.v2", ".h5", "keras"])
def test_an_ending_that_fits_or_says_nothing_is_taken(name):
    output.check_ending(name, (".snn.h5", ".h5"))
    assert output.check_ending(name, ()) is None
