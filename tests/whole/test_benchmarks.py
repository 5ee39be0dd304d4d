"""The benchmarks measure what they say: the same works, checked outputs, tables that are right. No time is asserted."""

import ast
from pathlib import Path

import numpy as np
import pytest

import snnconv
from tests.benchmarks import reference, scaling, speed, timing, works
from tests.benchmarks.graphs import as_graph, as_layers
from tests.benchmarks.processes import Worker, WorkerError
from tests.benchmarks.results import Row, table
from tests.benchmarks.systems import SYSTEMS

FOLDER = Path(works.__file__).parent
SAMPLES = {"W1": 8, "W2": 1, "W3": 1, "W4": 2}


@pytest.mark.parametrize("name", works.NAMES)
def test_a_few_per_cent_of_the_neurons_spike(name):
    _, densities = reference.run(works.make(name, SAMPLES[name], 60))
    assert len(densities) == len(works.make(name, 1).layers) - 1
    assert all(0.01 < density < 0.05 for density in densities), densities


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", works.NAMES)
def test_the_graph_of_a_work_gives_the_output_of_the_works_own_loop(name):
    work = works.make(name, 2, 40)
    output = snnconv.reference.run(as_graph(work), work.x, work.n_steps).output
    expected, _ = reference.run(work)
    assert reference.share_of_wrong(output.mean(1) if work.mean_only else output, expected) <= speed.MOST_WRONG


def test_a_graph_gives_back_its_layers():
    work = works.make("W4", 1)
    for layer, given in zip(as_layers(as_graph(work)), work.layers, strict=True):
        assert np.array_equal(layer.kernel, given.kernel)
        assert (layer.stride, layer.padding) == (given.stride, given.padding)


def test_a_refractory_period_of_half_a_step_more_is_found_out(monkeypatch):
    work = works.make("W1", 4)
    expected, _ = reference.run(work)
    monkeypatch.setattr(reference, "TAU_REF", works.TAU_REF + works.DT / 2)
    assert reference.share_of_wrong(reference.run(work)[0], expected) > speed.MOST_WRONG


def test_batches_are_joined_and_averaged():
    work = works.make("W4", 250, 3)
    run = work.runner(lambda x: np.repeat(x.reshape(len(x), 1, -1), 3, 1))
    assert [len(batch) for batch in work.batches()] == [100, 100, 50]
    np.testing.assert_allclose(run(), work.x.reshape(250, -1), rtol=1e-6)


@pytest.mark.full
def test_worker_builds_runs_and_times_a_work(tmp_path):
    work = works.make("W1", 2, 5)
    with Worker("snnconv") as worker:
        with pytest.raises(WorkerError, match="snnconv: KeyError: 'W9'"):
            worker.ask("build", work={"name": "W9"})
        output = tmp_path / "output.npy"
        built = worker.ask("build", work={"name": "W1", "n_samples": 2, "n_steps": 5}, output=str(output))
        timed = worker.ask("time", repeats=2, patience=0.5)
    assert reference.share_of_wrong(np.load(output), reference.run(work)[0]) <= speed.MOST_WRONG
    assert built["versions"]["tensorflow"]
    assert all(run["wall"] > 0 and run["cpu"] > 0 for run in timed["runs"])
    assert timed["memory"] > 50
    assert timed["others"] >= 0


def test_a_process_that_ends_says_what_it_died_of():
    with Worker("nengo_dl", python="false") as worker, pytest.raises(WorkerError, match="NengoDL: its process ended"):
        worker.ask("build", work={"name": "W1"})


def row(system: str, *milliseconds: float, quiet: bool = True) -> Row:
    """Runs that took so long on the processor, and twice as long where they were held up."""
    runs = [{"wall": ms / 1e3 * (1 if quiet else 2), "cpu": ms / 1e3, "quiet": quiet} for ms in milliseconds]
    return Row(system, runs, None if system == "limit" else 0.0, {"build": 0.5, "first": 1.0}, 700.0, [0.5, 1.5])


def test_table_gives_ratios_to_the_limit_and_to_snnconv():
    rows = [row("limit", 10, 10, 10), row("snnconv", 15, 20, 25), row("nengo_dl", 200, 100, quiet=False)]
    lines = table(works.make("W1"), [*rows, Row("norse", error="Norse: no such package")]).splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[3][:6] == ["snnconv", "20.0", "15.0 – 25.0", "320,000", "2.00", "1.00"]
    assert cells[4][:6] == ["NengoDL", "150 *", "100 – 200", "42,667", "15.00", "7.50"]
    assert cells[4][-2:] == ["1.00", "0 of 2"]
    assert cells[5][:2] == ["Norse", "Norse: no such package"]


def test_runs_that_were_held_up_do_not_count_where_there_are_enough_others():
    slow = [{"wall": 9.0, "cpu": 1.0, "quiet": False}]
    mixed = row("snnconv", 10, 11, 12)
    assert Row("snnconv", mixed.runs + slow).median == pytest.approx(0.011)
    assert not Row("snnconv", mixed.runs[:2] + slow).is_clean


def test_timing_stops_without_quiet(monkeypatch):
    once = {"wall": 1.0, "cpu": 0.1, "quiet": False}
    monkeypatch.setattr(timing, "once", lambda run, n_threads: once)
    monkeypatch.setattr(timing, "PAUSE", 0.0)
    assert len(timing.timed(lambda: None, 1, repeats=3, patience=60.0)) == 12


def test_exponent_of_a_curve():
    sizes = [10, 100, 1000]
    assert scaling.Curve("steps", "", sizes, [n**1.5 for n in sizes]).exponent() == pytest.approx(1.5)
    assert scaling.Curve("steps", "", sizes, [1.0, 1.0, 10.0]).exponent(decades=1) == pytest.approx(1.0)


@pytest.mark.parametrize("axis", scaling.AXES)
def test_axes_cover_three_decades(axis):
    sizes = [size for size, _ in scaling.points(axis)]
    assert sizes[-1] / sizes[0] == pytest.approx(1000, rel=0.05)


def test_every_system_has_a_module_that_its_python_can_read():
    for system in SYSTEMS.values():
        path = FOLDER / "systems" / f"{system.module}.py"
        assert ast.parse(path.read_text("utf-8"), feature_version=(3, 9) if system.environment == "NDL" else None).body
    for shared in ("__init__", "reference", "timing", "worker", "works", "systems/__init__"):
        assert ast.parse((FOLDER / f"{shared}.py").read_text("utf-8"), feature_version=(3, 9)).body


@pytest.mark.parametrize("arguments", [["--works", "W5"], ["--systems", "brian"], ["--peers"], ["--w4-images", "150"]])
def test_arguments_are_checked(arguments, capsys, monkeypatch):
    for variable in ("SNNCONV_NDL_PYTHON", "SNNCONV_TORCH_PYTHON"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SystemExit, match="2"):
        speed.parse(arguments)
    assert "error" in capsys.readouterr().err
