"""What the tests of commands are given: files good and bad, and a config with its data."""

import zipfile

import numpy as np
import pytest

import snnconv

from ..helpers.configs import CONFIG
from ..helpers.networks import forum_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model in every format, and with everything that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("files")
    model = forum_model()
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("absl.logging.warning", lambda *args: None)  # that HDF5 is the older format
        model.save(folder / "model.h5")
    snnconv.convert(model).save(folder / "graph.snn.h5")
    for name in ("model.keras", "model.h5", "graph.snn.h5"):
        whole = (folder / name).read_bytes()
        (folder / f"truncated.{name.partition('.')[2]}").write_bytes(whole[: len(whole) // 2])
    for name in ("text.h5", "text.keras", "text.txt"):
        (folder / name).write_text("no model")
    (folder / "empty.h5").touch()
    with zipfile.ZipFile(folder / "other.keras", "w") as archive:
        archive.writestr("note.txt", "no model")
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.normal(size=(20, 16)))
    np.save(folder / "y.npy", np.arange(20) % 4)
    np.savez(folder / "xy.npz", x=rng.normal(size=(20, 16)), y=np.arange(20) % 4)
    return folder


@pytest.fixture
def files(folder):
    """The same folder, which no test may change."""
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    yield folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.fixture
def config(tmp_path):
    """A config and a dataset of three classes that are easy to tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = (np.eye(3)[y].repeat(4, 1) * 0.8 + 0.2 * rng.random((300, 12))).astype("float32")
    np.savez(tmp_path / "data.npz", x_train=x[:240], y_train=y[:240], x_test=x[240:], y_test=y[240:])
    (tmp_path / "config.toml").write_text(CONFIG.format(max_rates="200.0"))
    return tmp_path / "config.toml"
