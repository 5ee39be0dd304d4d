"""Arrays from strangers: what a header claims is compared with the file; every fault is one line."""

import os
import zipfile

import numpy as np
import pytest

from snnconv.errors import InputError
from snnconv.files.arrays import OwnArrays, read_arrays, unpack_arrays

from ..helpers.damaged_texts import HEADERS


def write_npy(path, header):
    text = header.encode("latin1")
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8))


def test_arrays_are_read(tmp_path):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "none.npy", x[:0])
    np.savez(tmp_path / "x.npz", x=x, y=np.array(["a", "b"]))
    np.savez_compressed(tmp_path / "packed.npz", x=x)
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.npy"), x)
    assert isinstance(read_arrays(tmp_path / "x.npy", mapped=True), np.memmap)
    assert read_arrays(tmp_path / "none.npy", mapped=True).shape == (0, 3)
    np.testing.assert_array_equal(read_arrays(tmp_path / "packed.npz")["x"], x)
    assert set(read_arrays(tmp_path / "x.npz")) == {"x", "y"}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("mapped", [False, True])
def test_headers_that_make_no_sense(tmp_path, header, mapped):
    write_npy(tmp_path / "x.npy", header)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.write(tmp_path / "x.npy", "x.npy")
    if "[('a'" in header or "(2, 0, " in header:  # a record of numbers, and no values: both can be
        assert read_arrays(tmp_path / "x.npy", mapped) is not None
        return
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InputError, match=r"cannot read '.*': it is damaged, holds Python objects, or is no \.npy"):
            read_arrays(tmp_path / name, mapped)


def test_archives_that_claim_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    with pytest.raises(InputError, match=r"it claims 314,572,800 bytes when unpacked; 268,435,456 are allowed"):
        read_arrays(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", b"x")
    with pytest.raises(InputError, match=r"'x\.npy' in it is encrypted, or packed in a way that is not read"):
        read_arrays(tmp_path / "y.npz")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    for name in ("pipe.npy", "none.npy"):
        with pytest.raises(InputError, match="there is no file"):
            read_arrays(tmp_path / name)


def test_arrays_that_another_process_sent(tmp_path):
    x = np.arange(6, dtype="int16")
    np.savez(tmp_path / "x.npz", x=x, none=x[:0])
    data = (tmp_path / "x.npz").read_bytes()
    found = unpack_arrays(data, "what worker 1 sent")
    np.testing.assert_array_equal(found["x"], x)
    assert found["none"].shape == (0,)
    for damaged in (data[:50], b"", bytes(100)):
        with pytest.raises(InputError, match="cannot read what worker 1 sent: it is damaged"):
            unpack_arrays(damaged, "what worker 1 sent")


def test_arrays_of_a_run_are_read_one_by_one(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=np.arange(3), y=np.array([None], object))
    found = OwnArrays(path)
    assert list(found) == ["x", "y"]
    assert "y" in found
    np.testing.assert_array_equal(found["x"], np.arange(3))
    with pytest.raises(InputError, match="it is damaged, holds Python objects"):
        found["y"]
    with pytest.raises(KeyError):
        found["z"]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="it is damaged"):
        found["x"]
