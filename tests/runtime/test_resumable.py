"""A run that was interrupted goes on where it stopped, and gives the file that it would have given."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snnconv
from snnconv.runtime.resumable import run as long_run
from snnconv.runtime.resumable import stretches
from snnconv.runtime.resumable.run import LongRun

from ..helpers.command import fails, run
from ..helpers.distribution import clusters, small

N, STEPS = 1500, 60  # six batches
OPTIONS = ("--steps", STEPS, "--record", "lif")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Model, inputs and labels, and what a run without interruption writes and prints."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    small().save(folder / "graph.snn.h5")
    np.save(folder / "x.npy", rng.uniform(0, 2, (N, 20)))
    np.save(folder / "y.npy", rng.integers(0, 5, N))
    (folder / "printed.txt").write_text(simulate(folder, folder / "whole.npz"))
    return folder


def command(folder, out, *more) -> list[str]:
    files = ("--input", folder / "x.npy", "--labels", folder / "y.npy")
    return [str(each) for each in ("simulate", folder / "graph.snn.h5", *files, *OPTIONS, "-o", out, *more)]


def simulate(folder, out, *more, code=0):
    return run(*command(folder, out, *more), code=code)


def stop(monkeypatch, method, n_calls, number=signal.SIGINT):
    """Let the process get a signal at the end of the n-th call of a method, with a part for every batch."""
    original, calls = getattr(LongRun, method), []

    def stopped(*arguments):
        result = original(*arguments)
        calls.append(arguments)
        if len(calls) == n_calls:
            signal.raise_signal(number)
        return result

    monkeypatch.setattr(LongRun, method, stopped)


def run_and_be_killed(*arguments):
    """In a process of its own: be killed behind the third batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_run, "SECONDS", 0.0)
        stop(patch, "_keep", 3, signal.SIGKILL)
        snnconv.cli.main(arguments)


def assert_whole(folder, out):
    with np.load(folder / "whole.npz") as expected, np.load(out) as found:
        assert list(found) == list(expected)
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])


def test_the_file_holds_what_the_simulator_gives(folder):
    graph = snnconv.load(folder / "graph.snn.h5")
    result = snnconv.Simulator(graph).run(np.load(folder / "x.npy"), STEPS, record="lif")
    with np.load(folder / "whole.npz") as file:
        assert set(file) == {"output", "spikes/lif", "voltages/lif", "rates/lif", "times", "dt"}
        np.testing.assert_array_equal(file["output"], result.output)
        np.testing.assert_array_equal(file["spikes/lif"], result.spikes["lif"])
        np.testing.assert_array_equal(file["voltages/lif"], result.voltages["lif"])
        np.testing.assert_allclose(file["rates/lif"], result.rates["lif"], rtol=1e-12)
    assert not list(folder.glob("*.parts"))


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_run_goes_on(folder, tmp_path):
    out, parts = tmp_path / "run.npz", tmp_path / "run.npz.parts"
    code = f"import tests.runtime.test_resumable as here; here.run_and_be_killed(*{command(folder, out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()
    assert len(list(parts.glob("*.npz"))) == 3

    fails("holds 768 samples of a run that was interrupted. .* --resume, or delete", *command(folder, out))
    changed = [
        (("--steps", 61), "another --steps."),
        (("--dt", 0.002, "--seed", 2), "another --dt."),
        (("--initial-voltage", "uniform"), "another --initial-voltage and another --seed."),
        (("--labels", folder / "other.npy"), "another --labels."),
        (("--input", folder / "other.npz"), "another --input."),
        (("--precision", "bfloat16"), "another --precision."),
    ]
    np.save(folder / "other.npy", np.zeros(N, int))
    np.savez(folder / "other.npz", x=np.zeros((N, 20)))
    for options, pattern in changed:
        fails(f"begun with {pattern}", *command(folder, out, *options, "--resume"))
    less = ["lif.rates" if each == "lif" else each for each in command(folder, out, "--resume")]
    fails("begun with another --record.", *less)
    other = list(command(folder, out, "--resume"))
    other[1] = str(folder / "other.snn.h5")
    graph = snnconv.load(folder / "graph.snn.h5")
    snnconv.passes.scale_firing_rates(graph, 2.0).save(other[1])
    fails("begun with another MODEL.", *other)

    printed = simulate(folder, out, "--resume")
    assert printed.startswith("768 of 1,500 samples were done before.\n")
    # tables are of all samples, not of those since
    assert printed.split("\n", 1)[1] == (folder / "printed.txt").read_text().replace("whole.npz", "run.npz").replace(
        str(folder), str(tmp_path)
    )
    assert_whole(folder, out)
    assert os.listdir(tmp_path) == ["run.npz"]


def test_interrupts_say_how_to_go_on(folder, tmp_path, monkeypatch):
    """Each after two batches, of which none was written yet."""
    out = tmp_path / "run.npz"
    for number in (1, 2):
        with monkeypatch.context() as patch:
            stop(patch, "_keep", 2)
            error = simulate(folder, out, *(["--resume"] if number == 2 else []), code=130)
        kept = f"{number * 512:,} of 1,500 samples are kept in '{out}.parts'"
        assert error == f"snnconv: interrupted: {kept}. To go on, give the same command with --resume.\n"
    assert simulate(folder, out, "--resume").startswith("1,024 of 1,500 samples were done before.")
    assert_whole(folder, out)


def test_an_interrupt_while_the_output_is_written(folder, tmp_path, monkeypatch):
    out = tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        patch.setattr(long_run, "write_npz", lambda *arguments, **options: signal.raise_signal(signal.SIGINT))
        assert "1,500 of 1,500" in simulate(folder, out, code=130)
    assert not out.exists()
    assert "1,500 of 1,500 samples were done before" in simulate(folder, out, "--resume")
    assert_whole(folder, out)


def test_an_interrupt_before_anything_is_done_leaves_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(LongRun, "_keep", lambda *arguments: signal.raise_signal(signal.SIGINT))
    assert simulate(folder, tmp_path / "run.npz", code=130) == "snnconv: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_resume_without_anything_to_resume(folder, tmp_path):
    out = tmp_path / "run.npz"
    assert "There is no run to go on with: it starts at the first sample." in simulate(folder, out, "--resume")
    assert_whole(folder, out)
    fails("--resume goes on with the file of an earlier run. Name it with -o", "simulate", folder / "x", "--resume")


def test_damaged_parts_are_named_and_can_be_deleted(folder, tmp_path, monkeypatch):
    out = tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        patch.setattr(long_run, "SECONDS", 0.0)
        stop(patch, "_keep", 3)
        simulate(folder, out, code=130)
    damaged = sorted((tmp_path / "run.npz.parts").glob("*.npz"))[1]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    fails(f"'{damaged}' is damaged. Delete it, and start again with --resume", *command(folder, out, "--resume"))
    damaged.unlink()
    simulate(folder, out, "--resume")
    assert_whole(folder, out)


@pytest.mark.parametrize(
    ("contents", "pattern"),
    [(None, "holds no unfinished run"), ("{", "cannot read"), ('{"format": "x"}', "another version of snnconv, or")],
)
def test_a_folder_that_is_something_else(folder, tmp_path, contents, pattern):
    parts = tmp_path / "run.npz.parts"
    parts.mkdir()
    (parts / "notes.txt").write_text("mine")
    if contents is not None:
        (parts / "RUN.json").write_text(contents)
    fails(pattern, *command(folder, tmp_path / "run.npz", "--resume"))
    assert (parts / "notes.txt").read_text() == "mine"


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(1, 9), st.integers(1, 4))
def test_workers_share_the_gaps_without_overlap(cuts, size, n_workers):
    """What is there and what the workers run is every sample once, in whole batches counted from each gap's start."""

    class Worker:
        def __init__(self, index):
            self.n, self.index = n_workers, index

    ends = sorted(set(cuts))
    there = [slice(start, stop) for start, stop in zip(ends[::2], ends[1::2], strict=False)]
    gaps = stretches.gaps(there, 64)
    shares = [stretches.share(gaps, size, Worker(index)) for index in range(n_workers)]
    counted = np.zeros(64, int)
    for part in [*there, *(part for share in shares for part in share)]:
        counted[part] += 1
    assert (counted == 1).all()
    n_batches = [sum(-(-(part.stop - part.start) // size) for part in share) for share in shares]
    assert max(n_batches) - min(n_batches) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["one folder", "a folder each"])
def test_workers_go_on_after_one_was_killed(folder, tmp_path, shared):
    """With a file system that all workers share, and with one of their own, so that parts have to be sent."""
    outs = [tmp_path / ("" if shared else str(index)) / "run.npz" for index in range(2)]
    for out in outs:
        out.parent.mkdir(exist_ok=True)

    def both(functions, *more):
        started = []
        for function, config, out in zip(functions, clusters(), outs, strict=True):
            arguments = command(folder, out, "--strategy", "multiworker", *more)
            code = f"import tests.runtime.test_resumable as here; here.{function}(*{arguments!r})"
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    cwd=Path(__file__).parents[2],
                    env={**os.environ, "TF_CONFIG": config, "CUDA_VISIBLE_DEVICES": "-1"},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return [(*process.communicate(timeout=240), process.returncode) for process in started]

    (_, error, code), (_, _, killed) = both(["run_as_worker", "run_and_be_killed"])
    assert killed == -signal.SIGKILL
    assert code == 2, error
    assert "snnconv: error: worker 1 (127.0.0.1:" in error
    assert "To go on, give the same command with --resume." in error
    assert not outs[0].exists()
    first, second = both(["run_as_worker", "run_as_worker"], "--resume")
    assert (first[2], second[2]) == (0, 0), f"{first}\n{second}"
    assert "of 1,500 samples were done before" in first[0]
    assert f"Wrote {outs[0]}." in first[0]
    assert_whole(folder, outs[0])
    left = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert left == [outs[0]]


def run_as_worker(*arguments):
    snnconv.cli.main(arguments)
