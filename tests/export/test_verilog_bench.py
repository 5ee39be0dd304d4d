"""Circuits: the test bench fails where it should, clocks are counted, and notes and names are right."""

import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.errors import ExportError, ParameterError
from snnconv.export import find_target, verify_folder
from snnconv.export.verilog.memories import cycle, mem_text
from snnconv.export.verilog.stages import signed_powers, stages
from snnconv.export.verilog.timing import sample_clocks
from snnconv.graph import MaxPool
from snnconv.neurons import LIF

from ..helpers.circuits import needs_simulator, simulate
from ..helpers.integer_networks import Line, random_line

N_STEPS = 30


def test_without_a_simulator_verify_says_so(tmp_path, monkeypatch):
    export.export(random_line(0), tmp_path / "out", "verilog", n_steps=5)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert [check.passed for check in verify_folder(tmp_path / "out")] == [True, None]


def test_sources_say_that_they_belong_to_their_user(tmp_path):
    export.export(random_line(0), tmp_path / "out", "verilog", n_steps=5)
    sources = [tmp_path / "out/Makefile", *(tmp_path / "out").rglob("*.v")]
    assert len(sources) == 4 + len(list((Path(export.__file__).parent / "verilog/rtl").glob("*.v")))
    assert all("SPDX-License-Identifier: MIT-0" in path.read_text().splitlines()[0] for path in sources)


@needs_simulator
@pytest.mark.parametrize(("number", "source"), [(1, None), (2, "n1"), (3, "n2")])
def test_one_weight_changed_makes_the_test_bench_fail(number, source, tmp_path):
    """A weight of the input that spikes most, to the neuron that spikes most, gets another sign."""
    x = np.random.default_rng(4).random((2, 7))
    export.export(random_line(0), tmp_path / "out", "verilog", x=x, n_steps=N_STEPS)
    integers = quantize.load(tmp_path / "out/network.int.h5")
    spikes = quantize.run(integers, x, N_STEPS, record="all.spikes").spikes
    layer = integers.nodes[number]
    sent = x.sum(0) if source is None else spikes[source].sum((0, 1))
    neuron = int(spikes[layer.name].sum((0, 1)).argmax()) if layer.name in spikes else 0
    weight = int((sent * np.abs(layer.kernel[:, neuron])).argmax())
    file = tmp_path / f"out/mem/layer{number}_weights.mem"
    words = file.read_text().splitlines()
    place = neuron * len(layer.kernel) + weight
    assert words[place] == f"{int(layer.kernel[weight, neuron]) & 0xFF:02x}"
    words[place] = f"{-int(layer.kernel[weight, neuron]) & 0xFF:02x}"
    file.write_text("\n".join(words) + "\n")
    said, succeeded = simulate(tmp_path / "out")
    assert not succeeded
    assert re.search(r"^FAIL: \d+ differences$", said, re.MULTILINE)


@needs_simulator
@pytest.mark.parametrize("what", ["bias", "threshold"])
def test_one_parameter_changed_makes_the_test_bench_fail(what, tmp_path):
    export.export(random_line(0), tmp_path / "out", "verilog", n_steps=N_STEPS)
    file = tmp_path / f"out/mem/layer1_{what}.mem"
    words = file.read_text().splitlines()
    words[0] = f"{int(words[0], 16) ^ (1 << (4 * len(words[0]) - 6)):x}"
    file.write_text("\n".join(words) + "\n")
    assert not simulate(tmp_path / "out")[1]


def test_sums_side_by_side_and_silent_inputs_take_fewer_clocks():
    """6 and 5 neurons and 3 outputs, of 7, 6 and 5 inputs; the registers of LIF neurons and outputs stand behind.

    The first layer multiplies its inputs, for which there are two registers more; the others take spikes from a queue.
    """
    integers = quantize.quantize(random_line(0))
    one, three = stages(integers, 1), stages(integers, 3)
    assert [stage.clocks - stage.registers for stage in one] == [6 * 7 + 8, 5 * 6 + 9, 3 * 5 + 9]
    assert [stage.clocks - stage.registers for stage in three] == [2 * 7 + 3 + 8, 5 * 6 + 9, 1 * 5 + 3 + 9]
    assert [stage.is_queued for stage in one] == [False, True, True]
    none, few, more = three[2].clocks_for(np.array([0, 3, 4]))
    assert more - three[2].registers == 1 * 4 + 3 + 9
    assert none == few  # the sums leave one by one


def test_steps_with_a_held_input_take_a_clock_for_a_neuron_of_the_first_layer():
    integers = quantize.quantize(random_line(0))
    first, *others = stages(integers, 3)
    assert first.held_clocks == 6 + first.registers + 2
    assert all(stage.held_clocks == stage.clocks for stage in others)
    assert first.held_bits == 6 * int(first.parameters["SUM_BITS"])


def test_layers_work_at_the_same_time():
    """The second layer is done 4 clocks behind the first; where it is slow, the first one waits."""
    assert sample_clocks(np.array([[10, 10, 10], [4, 4, 4]]), [(0,), (1,)]) == 34
    assert sample_clocks(np.array([[1, 1, 1, 1], [10, 10, 10, 10]]), [(0,), (1,)]) == 41


@pytest.mark.parametrize("number", [1, 3, 200, 819, 4095])
def test_multipliers_are_few_powers_of_two(number):
    powers = signed_powers(number)
    assert sum(sign << place for place, sign in powers) == number
    assert len(powers) <= number.bit_count()
    places = [place for place, _ in powers]
    assert all(after - before > 1 for before, after in itertools.pairwise(places))


def test_memories_hold_twos_complement_and_no_more_than_needed():
    assert mem_text(np.array([[-1], [5], [-8]]), 4) == "f\n5\n8\n"
    assert mem_text(np.array([[-1, 5], [0, -8]]), 5) == "0bf\n300\n"  # 00101 11111, 11000 00000
    assert cycle(np.array([7, 7, 7, 7]), 2).tolist() == [[7]]
    assert cycle(np.array([1, 2, 1, 2]), 2).tolist() == [[1], [2]]
    assert cycle(np.array([1, 2, 1, 3]), 2).tolist() == [[1], [2], [1], [3]]


def test_the_note_says_which_clock_is_fast_enough(tmp_path):
    verdict = export.export(random_line(0), tmp_path / "out", "verilog", 0.002, n_steps=10)
    (note,) = (note for note in verdict.notes if "clocks" in note)
    found = re.fullmatch(
        r"a sample of 10 steps takes (\d+) clocks at the spikes of the golden samples, and at most (\d+): real time, "
        r"2 ms a step, needs ([\d.]+) kHz",
        note,
    )
    assert found, note
    assert int(found[1]) < int(found[2])
    assert float(found[3]) == pytest.approx(int(found[2]) / 10 / 0.002 / 1e3, rel=0.01)


def test_names_end_up_in_comments_only(tmp_path):
    graph = Line((1,)).dense("d", [[2.5]]).neurons("n\n endmodule */ `include", LIF()).dense("out", [[1.0]]).graph()
    export.export(graph, tmp_path / "out", "verilog", n_steps=5)
    assert "endmodule */" not in (tmp_path / "out/rtl/snn_network.v").read_text()


def test_what_the_circuit_lacks_is_named_together(tmp_path):
    line = Line((4, 4, 1)).conv("c", np.ones((1, 1, 1, 2)))
    line.add(MaxPool, "max", (2, 2, 2), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2)
    line.neurons("n", LIF()).flatten().dense("out", np.ones((8, 2)))
    with pytest.raises(ExportError, match=r"'max' \(MaxPool\)"):
        export.export(line.graph(), tmp_path / "out", "verilog", board="icebreaker")
    with pytest.raises(ParameterError, match="--parallel must be a whole number above 0"):
        export.export(random_line(0), tmp_path / "out", "verilog", parallel=0)
    assert list(tmp_path.iterdir()) == []
    assert "parallel" in {option.name for option in find_target("verilog").options}
