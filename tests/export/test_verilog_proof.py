"""The circuit of a neuron equals `IntegerNeuron.step` for all inputs and states: proven by yosys and an SMT solver."""

import dataclasses
import math
import shutil
import subprocess

import numpy as np
import pytest

from snnconv import export, quantize
from snnconv.export.verilog.stages import stages
from snnconv.neurons import IF, LIF
from snnconv.quantize import SpikingLayer
from snnconv.quantize.neurons import IntegerIF

from ..helpers.integer_networks import Line
from ..helpers.traced_verilog import BITS, Namespace, Traced

PROVER = all(shutil.which(name) for name in ("yosys", "yosys-smtbmc", "z3"))
needs_prover = pytest.mark.skipif(not PROVER, reason="needs yosys, yosys-smtbmc and z3: apt-get install yosys z3")
TAU = -0.001 / math.log(1 - 1 / 16)  # a leak of one power of two; solvers do not get through sums of several
NEURONS = {
    "LIF that rests": LIF(TAU, 0.003),
    "rectified IF": IF(min_voltage=None, max_spikes=1),
    "IF with a floor": IF(max_spikes=1, min_voltage=0.0),
}
STATES = "wire [KEPT_BITS-1:0] kept, next;\n"  # where the neuron's state is known in rtl/snn_neuron.v

CHECK = """\
module check(input wire clk, input wire sent, input wire spike, input wire signed [{sum_msb}:0] sum,
    input wire [{kept_msb}:0] kept, input wire [{kept_msb}:0] next);
    wire signed [{state_msb}:0] voltage = kept[{state_msb}:0], next_voltage = next[{state_msb}:0];
    wire signed [{last}:0] count = {count}, next_count = {next_count};
    {lines}
    reg [7:0] clock = 0;
    always @(posedge clk) clock <= clock + 1;
    always @* if (clock == {at}) begin
        assert (sent);
        assume (voltage >= {floor} && voltage <= {ceiling});
        assume (count <= {refractory} && (count == 0 || voltage == 0));
        assume (sum >= -{most} && sum <= {most});
        assume ({inside});
        assert (spike == {spikes}[0]);
        assert (next_voltage == {after});
        assert ({rest});
    end
endmodule
module proof(input wire clk);
    reg [7:0] clock = 0;
    always @(posedge clk) clock <= clock + 1;
    (* anyconst *) wire signed [{sum_msb}:0] sum;
    wire sent, value;
    snn_neuron #({parameters}) neuron (clk, clock == 0, clock == 0, 1'b0, 1'b0, clock == 1, sum, sent, value);
endmodule
"""


def prove(neuron, folder, change=lambda traced: traced):
    """What yosys-smtbmc says of the neuron's circuit, where `change` changes the integer neuron that it is held to."""
    line = Line((3,)).dense("d", [[2.5], [-1.5], [0.7]], [0.1]).neurons("n", neuron, 0.3)
    graph = line.dense("out", [[1.0]]).graph()
    export.export(graph, folder, "verilog", n_steps=5)
    stage = stages(quantize.load(folder / "network.int.h5"), 1)[0]
    layer, parameters = stage.node, stage.parameters
    assert isinstance(layer, SpikingLayer)
    steps, state_bits = layer.neuron.refractory_steps, int(parameters["STATE_BITS"])
    lines: list[str] = []
    state = {"voltage": Traced(lines, "voltage"), "refractory": Traced(lines, "count")}
    drive = Traced(lines, f"(sum <<< {layer.shift}) + ({int(layer.bias.flat[0])})")
    changed = change(layer.neuron)
    spikes, after = changed.step(drive, state, Namespace(lines))
    inside = ["1'b1"]  # bounds that the circuit leaves out, since no voltage comes to them
    if isinstance(layer.neuron, IntegerIF):
        potential = changed.potential(drive, state, Namespace(lines)).name
        for bound, within in (("FLOOR", ">= {floor}"), ("CEILING", "- {threshold} <= {ceiling}")):
            if bound not in stage.memories:
                numbers = {name: int(array.flat[0]) for name, array in layer.neuron.arrays().items()}
                inside.append(f"{potential} {within.format(**numbers)}")
    count_bits = int(steps).bit_length()
    given = {
        name: value
        for name, value in parameters.items()
        if name in (folder / "rtl/snn_neuron.v").read_text() and name not in ("KIND", "HOLDS", "NEURONS")
    }
    given |= {"KIND": {"LIF": 0, "IF": 1}[str(parameters["KIND"])], "NEURONS": 1}
    for name, plural in {"BIAS": "BIASES", "THRESHOLD": "THRESHOLDS", "FLOOR": "FLOORS", "CEILING": "CEILINGS"}.items():
        if name in stage.memories:
            given |= {plural: 1, f"{name}_BITS": stage.widths[name], f"{name}_FILE": f'"mem/layer1_{name.lower()}.mem"'}
    text = CHECK.format(
        sum_msb=int(parameters["SUM_BITS"]) - 1,
        kept_msb=state_bits + count_bits - 1,
        state_msb=state_bits - 1,
        last=BITS - 1,
        count=f"kept[{state_bits + count_bits - 1}:{state_bits}]" if steps else 0,
        next_count=f"next[{state_bits + count_bits - 1}:{state_bits}]" if steps else 0,
        lines="\n    ".join(lines),
        floor=int(layer.floor.flat[0]),
        ceiling=int(layer.neuron.ceiling.flat[0]),
        refractory=steps,
        inside=" && ".join(inside),
        most=int(np.abs(layer.kernel.astype("int64")).sum()) * 255,
        spikes=spikes.name,
        after=after["voltage"].name,
        rest=f"next_count == {after['refractory'].name}" if steps else "1'b1",
        parameters=", ".join(f".{name}({value})" for name, value in given.items()),
        at=1 + stage.registers,
    )
    (folder / "proof.sv").write_text(text)
    source = (folder / "rtl/snn_neuron.v").read_text()
    assert source.count(STATES) == 1
    probe = "check checked(clk, sent, value[0], sum, kept, next);\n"
    (folder / "neuron.v").write_text(source.replace(STATES, STATES + probe))
    parts = " ".join(f"rtl/snn_{name}.v" for name in ("leak", "delay", "states", "memory", "turn", "rom", "total"))
    script = (
        f"read_verilog -defer neuron.v {parts}; read_verilog -formal proof.sv; prep -top proof -flatten; "
        "memory_map; opt -fast; dffunmap; setundef -undriven -anyseq; write_smt2 -wires proof.smt2"
    )
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True, capture_output=True, text=True)
    depth = str(4 + stage.registers)
    command = ["yosys-smtbmc", "-s", "z3", "-t", depth, "proof.smt2"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.full
@needs_prover
@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_equals_its_integer_step_for_all_inputs(name, tmp_path):
    assert "Status: PASSED" in prove(NEURONS[name], tmp_path / "out")


@pytest.mark.full
@needs_prover
def test_the_proof_fails_for_another_neuron(tmp_path):
    """A threshold that is one higher, and a refractory period that is one step shorter."""
    higher = prove(
        NEURONS["IF with a floor"], tmp_path / "if", lambda n: dataclasses.replace(n, threshold=n.threshold + 1)
    )
    assert "Status: FAILED" in higher
    longer = prove(
        NEURONS["LIF that rests"],
        tmp_path / "lif",
        lambda n: dataclasses.replace(n, refractory_steps=n.refractory_steps - 1),
    )
    assert "Status: FAILED" in longer
