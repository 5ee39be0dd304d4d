"""Circuits: the test bench fails where it should, clocks are counted, and notes and names are right."""

import dataclasses
import re
import shutil

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.errors import ExportError, ParameterError
from snnconv.export import find_target, verify_folder
from snnconv.export.verilog.memories import cycle, mem_text
from snnconv.export.verilog.stages import stages
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
    assert len(sources) == 13
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


def test_steps_side_by_side_take_fewer_clocks():
    """6 and 5 neurons and 3 outputs, of 7, 6 and 5 inputs: neurons * (inputs + 3), and lanes + 2 once per layer."""
    integers = quantize.quantize(random_line(0))
    assert [stage.clocks for stage in stages(integers, 1)] == [6 * 10 + 3, 5 * 9 + 3, 3 * 8 + 3]
    assert [stage.clocks for stage in stages(integers, 3)] == [2 * 10 + 5, 5 * 9 + 3, 1 * 8 + 5]


def test_steps_with_a_held_input_take_4_clocks_for_a_neuron_of_the_first_layer():
    """And as many as there are lanes, where these are more: their values leave one by one."""
    integers = quantize.quantize(random_line(0))
    assert [stage.held_clocks for stage in stages(integers, 1)] == [6 * 4 + 3, 5 * 9 + 3, 3 * 8 + 3]
    assert [stage.held_clocks for stage in stages(integers, 6)] == [1 * 4 + 8, 1 * 9 + 7, 1 * 8 + 5]
    wide = quantize.quantize(Line((4,)).dense("d", np.ones((4, 18))).neurons("n", LIF()).graph())
    assert stages(wide, 6)[0].held_clocks == 4 + 2 * 6 + 6 + 2
    assert [stage.held_bits for stage in stages(integers, 3)] == [
        6 * stages(integers, 3)[0].parameters["SUM_BITS"],
        0,
        0,
    ]


def test_memories_hold_twos_complement_and_no_more_than_needed():
    assert mem_text(np.array([[-1], [5], [-8]]), 4) == "f\n5\n8\n"
    assert mem_text(np.array([[-1, 5], [0, -8]]), 5) == "0bf\n300\n"  # 00101 11111, 11000 00000
    assert cycle(np.array([7, 7, 7, 7]), 2, 2).tolist() == [[7, 7]]
    assert cycle(np.array([1, 2, 1, 2]), 2, 1).tolist() == [[1], [2]]
    assert cycle(np.array([1, 2, 1, 3]), 2, 2).tolist() == [[1, 2], [1, 3]]


def test_the_note_says_which_clock_is_fast_enough(tmp_path):
    verdict = export.export(random_line(0), tmp_path / "out", "verilog", 0.002, n_steps=10)
    assert any("138 clocks (63 + 48 + 27): real time, 2 ms a step, needs 69 kHz" in note for note in verdict.notes), (
        verdict.notes
    )
    assert any(
        "same input again take 102 clocks, since its weighted sums are kept (114 bits): 51 kHz" in note
        for note in verdict.notes
    )


def test_names_end_up_in_comments_only(tmp_path):
    graph = Line((1,)).dense("d", [[2.5]]).neurons("n\n endmodule */ `include", LIF()).dense("out", [[1.0]]).graph()
    export.export(graph, tmp_path / "out", "verilog", n_steps=5)
    assert "endmodule */" not in (tmp_path / "out/rtl/snn_network.v").read_text()


def test_what_the_circuit_lacks_is_named_together(tmp_path):
    line = Line((4, 4, 1)).conv("c", np.ones((1, 1, 1, 2)))
    line.add(MaxPool, "max", (2, 2, 2), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2)
    line.neurons("n", LIF()).flatten().dense("out", np.ones((8, 2)))
    graph = dataclasses.replace(line.graph(), outputs={"a": "out", "b": "n"})
    with pytest.raises(ExportError, match=r"several outputs of 'a', 'b'.*the latency code of 'x'.*'max' \(MaxPool\)"):
        export.export(graph, tmp_path / "out", "verilog", code="latency")
    advice = "send the spikes of any code, one frame a step, with --code analog --input-bits 1"
    with pytest.raises(ExportError, match=f"cannot hold the latency code of 'x'.*{advice}"):
        export.export(random_line(0), tmp_path / "out", "verilog", code="latency")
    with pytest.raises(ParameterError, match="--parallel must be a whole number above 0"):
        export.export(random_line(0), tmp_path / "out", "verilog", parallel=0)
    assert list(tmp_path.iterdir()) == []
    assert "parallel" in {option.name for option in find_target("verilog").options}
