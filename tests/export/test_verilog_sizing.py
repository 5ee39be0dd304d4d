"""Estimates before anything is written, lanes chosen for a device, and the model of cells against runs of the tools."""

import json
import re
from pathlib import Path

import pytest

from snnconv import export
from snnconv.errors import ExportError, ParameterError
from snnconv.export.verilog.sizing import cells
from snnconv.export.verilog.sizing.devices import DEVICES, ECP5, UP5K
from snnconv.export.verilog.sizing.estimates import quantity
from snnconv.files.manifest import NAME

from ..benchmarks.circuits import fit, trained
from ..benchmarks.circuits.networks import SEEN, TABLE, UNSEEN, Recipe
from ..benchmarks.circuits.runs import RUNS, TRAINED, read
from ..helpers.circuits import needs_simulator, simulate
from ..helpers.integer_networks import random_line

NETWORK = Recipe("LIF", (16,), (12, 6))
FAMILIES = {device.family.name: device.family for device in DEVICES.values()}


def estimated(folder, **options):
    """The estimate in the manifest, and the notes of the verdict."""
    verdict = export.export(NETWORK.graph(), folder, "verilog", **{**NETWORK.settings(), **options})
    return json.loads((folder / NAME).read_text())["estimate"], " ".join(verdict.notes)


def refused(folder, error: type[Exception] = ExportError, graph=None, **options):
    """The message of an export that leaves nothing behind."""
    with pytest.raises(error) as caught:
        export.export(graph or NETWORK.graph(), folder, "verilog", **{"n_steps": 10, "golden": 1, **options})
    assert not folder.exists()
    return str(caught.value)


def test_lanes_are_as_many_as_the_time_asks_for(tmp_path):
    slow, notes = estimated(tmp_path / "slow", device="ecp5-25")
    assert slow["lanes"] == [1, 1]
    assert "this is real time, 10 ms for a sample, whatever the input" in notes
    assert "estimate for ECP5 LFE5U-25F with --lanes 1,1: " in notes
    fast, _ = estimated(tmp_path / "fast", device="ecp5-25", latency=f"{slow['seconds'] * 0.7}")
    assert max(fast["lanes"]) > 1
    assert fast["seconds"] <= slow["seconds"] * 0.7
    assert fast["cells"] > slow["cells"]
    assert fast["multipliers"] == fast["lanes"][0]
    assert fast["seconds"] == pytest.approx(fast["clocks"] / fast["clock"])
    parameters = (tmp_path / "fast/rtl/snn_network.v").read_text()
    assert [f".LANES({lanes})" in parameters for lanes in fast["lanes"]] == [True, True]


def test_lanes_that_are_given_are_taken(tmp_path):
    found, notes = estimated(tmp_path / "out", device="xc7a35t", clock="100MHz", lanes="4,2")
    assert found["lanes"] == [4, 2]
    assert found["hertz"] is None
    assert found["clock"] == 1e8
    assert "at 100 MHz a sample takes" in notes


@needs_simulator
def test_a_circuit_with_other_lanes_in_each_layer_computes_the_integers(tmp_path):
    found, _ = estimated(tmp_path / "out", device="up5k", lanes="4,3")
    said, passes = simulate(tmp_path / "out")
    assert passes, said
    clocks = int(re.search(r", (\d+) clocks for the first", said)[1])  # pyright: ignore[reportOptionalSubscript]
    assert found["clocks"] == clocks  # of the only golden sample


def test_a_clock_above_the_estimated_one_and_times_out_of_reach_are_refused(tmp_path):
    too_fast = refused(tmp_path / "a", device="up5k", clock="500MHz")
    assert "--clock 500 MHz is above the " in too_fast
    assert "does not fit" not in too_fast
    said = refused(tmp_path / "b", device="up5k", latency="5us")
    assert "on iCE40 UP5K with --lanes" in said
    assert "It does with --device" in said
    best = refused(tmp_path / "c", device="up5k", latency="0.001us")
    assert best.endswith("as estimated, not 0.001 us.")  # the search gave the fastest lanes: they are not told twice


def test_a_network_that_is_too_large_is_refused_with_a_device_that_holds_it(tmp_path):
    graph = Recipe("LIF", (200,), (128, 10)).graph()
    said = refused(tmp_path / "out", device="up5k", graph=graph)
    assert "the network does not fit iCE40 UP5K with --lanes 1,1, as estimated: " in said
    assert " of 30 block RAMs" in said
    assert "It fits with --device ecp5-25 --lanes 1,1 or --bits 2, whose cost 'snnconv quantize' measures." in said
    on_board = refused(tmp_path / "out", board="icebreaker", graph=graph)
    assert "does not fit iCE40 UP5K" in on_board
    assert "--device" not in on_board  # the board has one


def test_too_many_lanes_for_its_multipliers(tmp_path):
    said = refused(tmp_path / "out", device="up5k", lanes="12,1")
    assert "12 of 8 multipliers" in said
    assert "It fits with --lanes 1,1." in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"latency": "1ms"}, "--latency and --clock need the --device"),
        ({"device": "xc7a35t"}, "no estimate of the clock of Artix-7 XC7A35T: name one, as in --clock 100MHz"),
        ({"board": "icebreaker", "device": "hx8k"}, "--board icebreaker has --device up5k, not hx8k"),
        ({"board": "icebreaker", "clock": "20MHz"}, "--board icebreaker has a clock of 12 MHz"),
        ({"lanes": "2,x"}, "--lanes must be whole numbers above 0, as in 8,4,1. Received '2,x'"),
        ({"lanes": "2,2,2"}, "--lanes must be one number, or one for each of 'n0', 'y'. Received 3"),
        ({"lanes": "2", "parallel": 2}, "--parallel and --lanes say the same thing"),
        ({"device": "up5k", "latency": "soon"}, "--latency must be a number above 0 with a unit of s, ms, us"),
        ({"device": "vu9p"}, "--device must be one of none, up5k, hx8k"),
    ],
)
def test_options_that_contradict_each_other(options, said, tmp_path):
    assert said in refused(tmp_path / "out", ParameterError, **options)


def test_quantities():
    times = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
    assert [quantity(text, "--x", times) for text in ("2ms", "0.5", "3 us", "1S")] == [2e-3, 0.5, 3e-6, 1.0]


def test_a_board_has_its_device_and_the_size_that_is_asked_for(tmp_path):
    export.export(random_line(0), tmp_path / "out", "verilog", n_steps=5, board="ulx3s", device="ecp5-85")
    assert "DEVICE ?= 85k\n" in (tmp_path / "out/Makefile").read_text()
    assert json.loads((tmp_path / "out" / NAME).read_text())["estimate"]["clock"] == 25e6


def test_memories_are_placed_as_yosys_places_them():
    """A few that were counted in its netlists: a table of 1024 bits is logic on iCE40, and 1 block on none."""
    assert cells.Memory(8, 128, is_rom=True).place(UP5K) == ("rom", 1024)
    assert cells.Memory(8, 256, is_rom=True).place(UP5K) == ("blocks", 1)
    assert cells.Memory(20, 8).place(UP5K) == ("blocks", 2)
    assert cells.Memory(20, 8).place(ECP5) == ("distributed", 5)
    assert cells.Memory(21, 64).place(ECP5) == ("blocks", 1)  # 24 cells, and 16 to choose between 4 of them
    assert cells.Memory(9, 81).place(ECP5) == ("distributed", 18)
    assert cells.Memory(36, 512, is_rom=True).place(ECP5) == ("blocks", 1)
    assert cells.Memory(8, 16384, is_rom=True).place(ECP5) == ("blocks", 8)


@pytest.mark.parametrize(("what", "share"), [("cells", 0.14), ("registers", 0.05), ("hertz", 0.13)])
def test_estimates_of_networks_that_the_fit_did_not_see(what, share):
    """Errors as docs/boards.md says: the largest ones in cells are of 7-series, in hertz of ECP5."""
    runs, n = read(), 0
    for name, recipe in UNSEEN.items():
        for family in FAMILIES.values():
            run = runs.get(f"{name} | {family.name}")
            measured = run and (run["megahertz"] and run["megahertz"] * 1e6 if what == "hertz" else run[what])
            if measured is not None:
                stages = recipe.stages(family)[1]
                assert getattr(cells.estimate(stages, family), what) == pytest.approx(measured, rel=share), (
                    name,
                    family,
                )
                n += 1
    assert n > 0


def test_memories_and_multipliers_are_those_of_the_runs():
    """A table of hardly more bits than a block is worth may be one or be logic."""
    for key, run in read().items():
        name, _, family = key.partition(" | ")
        found = cells.estimate((SEEN | UNSEEN | TABLE)[name].stages(FAMILIES[family])[1], FAMILIES[family])
        assert found.multipliers == run["multipliers"], key
        assert abs(found.memories - run["memories"]) <= 1, key


@pytest.mark.parametrize(("table", "path"), [(fit.table, RUNS), (trained.table, TRAINED)])
def test_the_tables_are_those_of_the_runs(table, path):
    said = (Path(__file__).parents[2] / "docs/boards.md").read_text("utf-8").splitlines()
    lines = table(read(path))
    assert len(lines) > 8
    assert [line for line in lines if line not in said] == []
