"""A simulation of many samples: what identifies it, what a run of it gives, and the spikes that a precision moves."""

import dataclasses

import numpy as np
import pytest

import snnconv
from snnconv.errors import ParameterError
from snnconv.runtime.arguments import recording
from snnconv.runtime.resumable import run as module
from snnconv.runtime.resumable.run import Interrupted, LongRun
from snnconv.runtime.resumable.simulation import Simulation, moved_spikes
from snnconv.runtime.samples import Samples

from ..test_result import network

N, N_STEPS = 40, 30


def inputs() -> np.ndarray:
    return np.random.default_rng(2).random((N, 4))


def simulation(graph=None, y=None, record=(), **changes) -> Simulation:
    graph = network() if graph is None else graph
    samples = Samples(graph, inputs(), N_STEPS, "float32", y)
    settings = {"files": {}, "others": {}, **changes}
    return Simulation(
        graph=graph, samples=samples, n_steps=N_STEPS, dt=0.001, recorded=recording(graph, record), **settings
    )


def interrupted(out, monkeypatch):
    """The output of a run that was interrupted when all was done but this."""
    with monkeypatch.context() as patch:

        def interrupt(*arguments, **options):
            raise KeyboardInterrupt

        patch.setattr(module, "write_npz", interrupt)
        patch.setattr(module, "BYTES", 0)
        with pytest.raises(Interrupted, match="40 of 40 samples are kept"):
            LongRun(simulation(out=out)).run()
    return out


def test_the_identity_names_every_option(tmp_path):
    model = tmp_path / "model"
    model.write_bytes(b"1")
    options = {"out": tmp_path / "run.npz", "files": {"MODEL": model, "--input": None}, "others": {"readout": {}}}
    about = simulation(record="lif.rates", seed=3, **options).identity()
    names = ["--steps", "--dt", "--dtype", "--precision", "--initial-voltage", "--seed", "--record"]
    assert list(about) == ["version of snnconv", "MODEL", "--input", *names, "readout"]
    assert (about["--steps"], about["--seed"], about["--record"]) == (N_STEPS, 3, ["lif.rates"])
    assert about["--input"] is None
    model.write_bytes(b"2")
    assert simulation(record="lif.rates", seed=3, **options).identity()["MODEL"] != about["MODEL"]


def test_the_account_is_that_of_the_simulator():
    y = np.arange(N) % 2
    found = LongRun(simulation(y=y)).run()
    result = snnconv.Simulator(network()).run(inputs(), N_STEPS, "lif.spikes")
    right = result.output.cumsum(1, "float64").argmax(-1) == y[:, None]
    np.testing.assert_array_equal(found.right, right.sum(0))
    assert found.n == N
    assert found.spikes["lif"] == result.spikes["lif"].sum()
    np.testing.assert_array_equal(found.fired["lif"], result.spikes["lif"].any((0, 1)))


def test_answers_are_read_as_asked():
    y = np.zeros(N, int)
    last = LongRun(simulation(y=y)).run(lambda output: output)
    output = snnconv.Simulator(network()).run(inputs(), N_STEPS).output
    np.testing.assert_array_equal(last.right, (output.argmax(-1) == 0).sum(0))


def test_the_head_is_of_the_first_samples():
    run = LongRun(simulation())
    run.run()
    result = snnconv.Simulator(network()).run(inputs()[: module.FEW], N_STEPS, "lif.rates")
    np.testing.assert_allclose(run.head.rates["lif"], result.rates["lif"], rtol=1e-12)  # counts, divided once
    # the same spikes; their sums are in float32 and depend on the size of the batch
    np.testing.assert_allclose(run.head.output, result.output.mean(1, "float64"), rtol=1e-5, atol=1e-5)


def test_a_run_is_never_mixed_with_another(tmp_path, monkeypatch):
    out = interrupted(tmp_path / "run.npz", monkeypatch)
    with pytest.raises(ParameterError, match="holds 40 samples of a run that was interrupted"):
        LongRun(simulation(out=out))
    with pytest.raises(ParameterError, match="begun with another --initial-voltage"):
        LongRun(simulation(out=out, initial_voltage=0.5), resume=True)
    run = LongRun(simulation(out=out), resume=True)
    assert (run.n_done, run.n_own) == (N, 0)
    assert run.run().n == N
    with np.load(out) as file:
        assert list(file) == ["times", "dt", "output"]
        assert file["output"].shape == (N, N_STEPS, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_spikes_that_a_precision_moves_are_counted():
    moved = moved_spikes(simulation(precision="bfloat16"))
    assert (moved.n_samples, moved.n_entries) == (8, 8 * N_STEPS * 5)
    spikes = [
        snnconv.Simulator(network(), precision=each).run(inputs()[:8], N_STEPS, "lif.spikes").spikes["lif"]
        for each in ("bfloat16", "float32")
    ]
    assert moved.n_differing == np.count_nonzero(spikes[0] != spikes[1])
    assert moved.n_spikes == np.count_nonzero(spikes[1])
    assert f"bfloat16 against float32, at the first 8 samples: {moved.n_differing / 1200:.3%} of 1,200" in str(moved)


def test_a_precision_that_moves_nothing():
    same = moved_spikes(dataclasses.replace(simulation(), precision="float32"))
    assert same.n_differing == 0
