"""Long runs of every kind: whatever is recorded and scored, a run that was stopped gives the file of a whole one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv.runtime.resumable import run as long_run
from snnconv.runtime.resumable.run import LongRun

from ..helpers.command import run
from ..helpers.distribution import small

N, STEPS = 600, 20  # three batches
KINDS = {
    "output": ("one", ()),
    "labels": ("one", ("--labels", "y.npy")),
    "records": ("one", ("--record", "lif.spikes", "--record", "lif.rates")),
    "labels and records": ("one", ("--labels", "y.npy", "--record", "all")),
    "rates and float64": ("one", ("--record", "lif.rates", "--dtype", "float64", "--initial-voltage", "uniform")),
    "several outputs": ("two", ("--record", "all")),
    "varying inputs": ("one", ("--input", "v.npy")),
    "no neurons": ("none", ()),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(0)
    small().save(folder / "one.snn.h5")
    keras.utils.set_random_seed(0)
    x = keras.Input((20,))
    hidden = snnconv.layers.LIF(name="lif")(kl.Dense(8)(x))
    outputs = {"a": kl.Dense(3, name="a")(hidden), "b": kl.Dense(2, name="b")(hidden)}
    snnconv.convert(keras.Model(x, outputs), verbose=False).save(folder / "two.snn.h5")
    snnconv.convert(keras.Sequential([keras.Input((20,)), kl.Dense(3)]), verbose=False).save(folder / "none.snn.h5")
    np.save(folder / "x.npy", rng.uniform(0, 2, (N, 20)))
    np.save(folder / "v.npy", rng.uniform(0, 2, (N, STEPS, 20)))
    np.save(folder / "y.npy", rng.integers(0, 5, N))
    return folder


def command(kind, out, *more):
    model, options = KINDS[kind]
    data = () if "--input" in options else ("--input", "x.npy")
    return ["simulate", f"{model}.snn.h5", *data, *options, "--steps", str(STEPS), "-o", out, *more]


def told(printed):
    """The lines, without the doctor's: it looks at the first samples, which an earlier process may have run."""
    return [line for line in printed.splitlines() if not line.startswith(("Doctor:", "Wrote "))]


def assert_same(found, expected):
    with np.load(found) as ours, np.load(expected) as whole:
        assert list(ours) == list(whole)
        for name in whole.files:
            np.testing.assert_array_equal(ours[name], whole[name], err_msg=name)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_goes_on(folder, monkeypatch, kind):
    """Interrupted in the second batch, and again when all parts are there; every batch is a part."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(long_run, "SECONDS", 0.0)
    printed = told(run(*command(kind, "long.npz")))  # through parts, without interruption
    keep, calls = LongRun._keep, []

    def interrupted(*arguments):
        keep(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(LongRun, "_keep", interrupted)
        assert "are kept in 'run.npz.parts'" in run(*command(kind, "run.npz"), code=130)
    with monkeypatch.context() as patch:
        patch.setattr(long_run, "write_npz", lambda *arguments: signal.raise_signal(signal.SIGINT))
        assert f"{N} of {N} samples are kept" in run(*command(kind, "run.npz", "--resume"), code=130)
    again = told(run(*command(kind, "run.npz", "--resume")))
    assert again == [f"{N} of {N} samples were done before.", *printed]
    monkeypatch.setattr(long_run, "SECONDS", 1e9)
    assert told(run(*command(kind, "short.npz"))) == printed
    assert_same("run.npz", "short.npz")
    assert_same("long.npz", "short.npz")
    assert not [name for name in os.listdir() if name.endswith(".parts") or name.startswith(".")]


def run_and_be_killed(*arguments):
    """In a process of its own: be killed behind the second batch."""
    long_run.SECONDS = 0.0
    keep, calls = LongRun._keep, []

    def killed(*each):
        keep(*each)
        calls.append(each)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGKILL)

    LongRun._keep = killed
    snnconv.cli.main(arguments)


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_goes_on(folder, monkeypatch, kind):
    monkeypatch.chdir(folder)
    run(*command(kind, "whole.npz"))
    code = f"import tests.runtime.test_resumable_kinds as here; here.run_and_be_killed(*{command(kind, 'run.npz')!r})"
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert f"of {N} samples were done before" in run(*command(kind, "run.npz", "--resume"))
    assert_same("run.npz", "whole.npz")
    assert not (folder / "run.npz.parts").exists()
