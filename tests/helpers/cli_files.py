"""A folder with the files that the examples of the command's help name, and the command run in this process."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app
from snnconv.export import export
from snnconv.runtime import reference

from .doc_blocks import ROOT
from .networks import forum_model

TUNED = "# written by snnconv\n[conversion]\nsynapse = 0.002\n\n[simulation]\nn_steps = 20\ndt = 0.001\n"


@functools.cache
def folder_of_files(make_folder: Callable[[str], Path]) -> Path:
    """A folder with models, inputs, labels, spikes, settings, and an exported folder; made once."""
    folder = make_folder("files")
    model = forum_model()
    model.save(folder / "model.keras")
    relu = keras.Sequential([keras.Input((16,)), kl.Dense(8, activation="relu", name="hidden"), kl.Dense(4)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("absl.logging.warning", lambda *_: None)  # that HDF5 is the older format
        model.save(folder / "model.h5")
        relu.save(folder / "relu.h5")
    graph = snnconv.convert(model, verbose=False)
    graph.save(folder / "model.snn.h5")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 16)), np.arange(20) % 4
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    np.savez(folder / "x.npz", x=x)
    np.savez(folder / "xy.npz", x=x, y=y)
    np.savez(folder / "train.npz", x=x, y=y)
    spikes = reference.run(graph, x, 50, record="lif.spikes").spikes["lif"]
    np.save(folder / "mine.npy", spikes)
    late = np.concatenate([np.zeros_like(spikes[:, :1]), spikes[:, :-1]], 1)
    np.savez(folder / "capture.npz", **{"spikes/lif": late})
    (folder / "tuned.toml").write_text(TUNED)
    export(graph, folder / "model_c", "c", n_steps=20)
    os.symlink(ROOT / "configs", folder / "configs")
    return folder


def invoke(*arguments):
    """Run the command; the result has exit_code, stdout and stderr."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
