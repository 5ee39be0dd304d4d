"""HDF5 files from strangers: whole files are checked, by their structure, and nothing is followed out of them."""

import os
import time

import h5py
import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.conversion.files import check_model_file
from snnconv.errors import ModelFileError
from snnconv.files.hdf5 import open_hdf5, read_attributes, read_texts

from ..helpers.small_graphs import graph_of

TEXT = h5py.string_dtype()


def virtual(file, folder):
    layout = h5py.VirtualLayout((2,), "float32")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "x", (2,))
    file.create_virtual_dataset("v", layout)


REFUSED = {
    "soft link": (lambda f, _: f.__setitem__("a", h5py.SoftLink("/x")), "'a' in '/' is a link to another place"),
    "external link": (
        lambda f, d: f.__setitem__("a", h5py.ExternalLink(d / "pipe", "x")),
        "is a link to another place",
    ),
    "virtual": (virtual, "'/v' is in another file"),
    "external": (
        lambda f, d: f.create_dataset("e", (2,), "float32", external=[(d / "raw", 0, 8)]),
        "'/e' is in another file",
    ),
    "type": (lambda f, _: f.__setitem__("t", np.dtype("float32")), "'t' in '/' is neither a group nor an array"),
    "lists": (
        lambda f, _: f.create_dataset("l", (2,), h5py.vlen_dtype("int32")),
        "array '/l'",
    ),
    "references": (lambda f, _: f.attrs.create("r", f.ref, dtype=h5py.ref_dtype), "neither numbers nor texts"),
    "packed texts": (
        lambda f, _: f.create_dataset("p", data=["a"] * 9, dtype=TEXT, compression="gzip"),
        "the texts of '/p' are packed",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("within", ["plain", "graph"])
def test_what_is_neither_numbers_nor_texts_of_the_file_itself(tmp_path, what, within):
    change, message = REFUSED[what]
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "m.snn.h5"
    graph_of("dense").save(path)
    with h5py.File(path, "a") as file:
        group = file if within == "plain" else file.create_group("nodes/more")
        group["x"] = np.zeros(2, "float32")
        change(group, tmp_path)
    with pytest.raises(ModelFileError, match=message if within == "plain" else "cannot read"):
        snnconv.load(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m.snn.h5")
    for read in (snnconv.load, snnconv.quantize.load):
        with pytest.raises(ModelFileError, match=r"cannot read '.*m\.snn\.h5': it is no ordinary file"):
            read(tmp_path / "m.snn.h5")


def test_a_link_in_an_integer_graph(tmp_path):
    path = tmp_path / "m.int.h5"
    snnconv.quantize.quantize(graph_of("dense")).save(path)
    with h5py.File(path, "a") as file:
        name = next(iter(file["nodes"]))
        file.move(f"nodes/{name}", "elsewhere")
        file[f"nodes/{name}"] = h5py.SoftLink("/elsewhere")
    with pytest.raises(ModelFileError, match=r"is a link to another place, which is not followed"):
        snnconv.quantize.load(path)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_texts_in_both_kinds_of_headers(tmp_path, libver):
    """Each text is found where it stands; one whose length is damaged there is refused."""
    path = tmp_path / "t.h5"
    texts = {f"name{n}": "x" * n for n in range(6)}
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs.update(texts)
        file.attrs["all"] = np.array(["a", "bb", ""], TEXT)
        file.attrs["empty"] = h5py.Empty(TEXT)  # the eighth: of more, the latest layout makes a heap
        file.create_dataset("line", data=["one", "two"], dtype=TEXT)
        file.create_dataset("chunks", data=["three"] * 9, dtype=TEXT, chunks=(4,), maxshape=(None,))
    with open_hdf5(path) as file:
        found = read_attributes(file)
        assert {key: found[key] for key in texts} == texts
        assert found["all"] == ["a", "bb", ""]
        assert list(read_texts(file["chunks"])) == [b"three"] * 9
    data = path.read_bytes()
    for text in (b"xxxxx", b"one", b"three"):
        length = len(text).to_bytes(4, "little")
        heap = data.rindex(b"GCOL", 0, data.index(text)).to_bytes(8, "little")
        places = [n for n in range(len(data) - 12) if data[n : n + 12] == length + heap]
        changed = bytearray(data)
        for place in places:
            changed[place] += 1
        path.write_bytes(changed)
        with pytest.raises(ModelFileError), open_hdf5(path):
            pass
        assert places


def test_the_check_takes_time_in_proportion(tmp_path):
    """A thousand heaps and their texts: each is looked at once."""
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        for n in range(300):
            file.create_dataset(f"{n}", data=[f"{k:060}" for k in range(60)], dtype=TEXT)
    assert path.stat().st_size > 1e6
    start = time.perf_counter()
    with open_hdf5(path):
        pass
    assert time.perf_counter() - start < 5  # 0.1 s on an idle core; searching for each heap took minutes


def random_model(seed):
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, int(rng.integers(1, 4))))]
    for _ in range(rng.integers(1, 6)):
        layers += [kl.Conv2D(int(rng.integers(1, 9)), 3, padding="same")]
        layers += [kl.BatchNormalization()] * int(rng.integers(2)) and [kl.BatchNormalization()]
        layers += [kl.ReLU(name=f"{'long_' * int(rng.integers(1, 12))}name_{len(layers)}")]
    return keras.Sequential([*layers, kl.GlobalAveragePooling2D(), kl.Dense(int(rng.integers(2, 300)))])


def read_random_models(folder, seeds):
    for seed in seeds:
        for name in ("m.keras", "m.h5"):
            random_model(seed).save(folder / name)
            check_model_file(folder / name)


@pytest.mark.filterwarnings("ignore:You are saving")
def test_random_models_are_not_taken_for_damaged(tmp_path):
    read_random_models(tmp_path, range(2))
    model = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        check_model_file(tmp_path / name)
    assert (tmp_path / "m.keras").stat().st_size > 1e6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving")
def test_300_random_models_are_not_taken_for_damaged(tmp_path):
    read_random_models(tmp_path, range(300))
    assert (tmp_path / "m.keras").exists()
