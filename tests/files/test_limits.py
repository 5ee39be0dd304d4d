"""Small files that would take much: refused before anything is unpacked or built, unless more is allowed."""

import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from snnconv.conversion.files import check_model_file, load_model
from snnconv.errors import ModelFileError, ParameterError, in_short
from snnconv.files.hdf5 import open_hdf5, read_numbers
from snnconv.files.limits import check_json, check_values, raised

from ..helpers.keras_file_writer import one_layer, write_h5, write_keras


def zeros(path, n_bytes):
    """A file of zeros, packed a thousandfold."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (n_bytes >> 3,), "float64", chunks=(1 << 20,), compression="gzip")
        data[...] = 0
    assert path.stat().st_size < n_bytes / 500
    return path


def test_packed_arrays(tmp_path):
    path = zeros(tmp_path / "x.h5", 300 << 20)
    with (
        pytest.raises(
            ModelFileError, match=r"314,572,800 bytes when unpacked; 268,435,456 are .*--max-bytes 314572800"
        ),
        open_hdf5(path),
    ):
        pass
    with raised(314_572_800), open_hdf5(path) as file:
        assert read_numbers(file["x"]).nbytes == 300 << 20
    with pytest.raises(ModelFileError), open_hdf5(path):
        pass
    with pytest.raises(ParameterError, match="max_bytes must be a whole number above 0. Received -1"), raised(-1):
        pass


def test_packed_arrays_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
        archive.write(zeros(tmp_path / "x.h5", 300 << 20), "model.weights.h5")
    with pytest.raises(ModelFileError, match="314,572,800 bytes when unpacked"):
        check_model_file(tmp_path / "m.keras")


def test_archives_of_zeros(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.json", "model.weights.h5"):
            with archive.open(name, "w") as member:
                for _ in range(150):
                    member.write(bytes(1 << 20))
    with pytest.raises(ModelFileError, match=r"it claims 314,572,800 bytes when unpacked"):
        check_model_file(tmp_path / "m.keras")


@pytest.mark.parametrize("text", ["[" + "[]," * (1 << 20) + "0]", '"' + " " * (33 << 20) + '"'])
def test_json(tmp_path, text):
    path = write_keras(tmp_path / "m.keras", {}, {})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, text if name == "config.json" else data)
    with pytest.raises(ModelFileError, match=r"its config has [\d,]+ bytes and about [\d,]+ values; .* are allowed"):
        check_model_file(path)
    with raised(4 << 30):
        check_json(text)


@pytest.mark.parametrize(
    ("class_name", "settings", "shape"),
    [
        ("RepeatVector", {"n": 10**7}, (10,)),
        ("UpSampling2D", {"size": [9000, 9000]}, (2, 2, 1)),
        ("ZeroPadding2D", {"padding": [[9000, 9000], [9000, 9000]]}, (2, 2, 1)),
        ("ZeroPadding1D", {"padding": [10**9, 0]}, (2, 1)),
    ],
)
def test_layers_that_repeat(tmp_path, class_name, settings, shape):
    entry = {"class_name": class_name, "config": {"name": "much", **settings}}
    path = write_h5(tmp_path / "m.h5", one_layer(entry, shape), {}, "2.11.0")
    with pytest.raises(
        ModelFileError, match=rf"the output of layer 'much' \({class_name}\), of shape .*too large to run"
    ):
        load_model(path)


def test_networks_of_many_weights_may_have_more_values():
    with pytest.raises(ModelFileError, match=r"it has 5,000,000 values for one sample.*4,194,304 are allowed"):
        check_values(5_000_000, 100, "it")
    check_values(5_000_000, 100_000, "it")
    with raised(1 << 30):
        check_values(16_000_000, 100, "it")


def test_the_option(tmp_path):
    zeros(tmp_path / "x.h5", 300 << 20)
    messages = [
        subprocess.run(
            [sys.executable, "-m", "snnconv", *option, "inspect", str(tmp_path / "x.h5")],
            capture_output=True, text=True, check=False,
        ).stderr
        for option in ([], ["--max-bytes", "314572800"])
    ]  # fmt: skip
    assert "314,572,800 bytes when unpacked" in messages[0]
    assert "it holds weights, but no config of the model" in messages[1]
    assert np.all([message.count("\n") == 1 for message in messages])


def test_what_a_file_says_is_quoted_in_short(tmp_path):
    """Numbers of 4,000 digits, names and lists of thousands of characters: one line that can be read."""
    long = [
        {"units": 10**4000},
        {"name": "n" * 5000},
        {"name": "n " * 5000},
        {"nonsense": ["text"] * 5000},
        {"activation": "a" * 5000},
        {"batch_input_shape": [None, 10**4000]},
    ]
    for changes in long:
        entry = {"class_name": "Dense", "config": {"name": "d", "units": 2, **changes}}
        path = write_h5(tmp_path / "m.h5", one_layer(entry, (3,)), {"d": []})
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        assert len(str(caught.value)) < 1300 + len(str(path))
        assert "\n" not in str(caught.value)
    assert in_short(ValueError("two\nlines")) == "two lines"
    with pytest.raises(ModelFileError, match="No computer has so many: it is damaged"):
        check_values(10**400, 1, "a layer")
