"""The generated AXI4-Stream wrapper of the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import Template

from ...quantize import IntegerGraph
from .network import widths
from .stages import Stage, input_bits, output_stages

STREAM = Template("""\
// Written by snnconv: the network $name between two AXI4-Streams.
//
// In: the $n_inputs inputs of a sample, $beat, in row-major order with channels last; tlast with the last one.
// With `every_step` a sample is n_steps such frames, one for each step. Out, for every sample: the $n_outputs sums over
// its steps, and the place of the largest with tlast; of one sum, whether it is above 0.$several
// The next sample is taken while one is computed.
//
// A frame with tlast at another place is dropped, and `frame_error` is set until a right one has come. `steps_error`:
// n_steps is 0 or above $most_steps, and nothing is computed. `n_steps` and `every_step` stand still while samples are.
module snn_stream (
    input wire aclk,
    input wire aresetn,
    input wire [23:0] n_steps,
    input wire every_step,
    output wire steps_error,
    output reg frame_error,
    input wire [$beat_msb:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    input wire s_axis_tlast,
    output reg [31:0] m_axis_tdata,
    output reg m_axis_tvalid,
    input wire m_axis_tready,
    output reg m_axis_tlast
);
    localparam WAIT = 3'd0, FETCH = 3'd1, TAKE = 3'd2, COMPARE = 3'd3, OFFER = 3'd4, HOLD = 3'd5;
    reg [2:0] phase;
    reg overrun;  // a frame has gone on behind its last input
    reg [$input_address_msb:0] input_address;
    reg [$class_msb:0] output_address;
    wire [$output_msb:0] output_data;
    wire [$class_msb:0] largest;
    reg sent_largest;  // the place of the largest is offered
$numbered    wire input_free, result_ready;
    wire result_release = phase == HOLD && m_axis_tready && m_axis_tlast;
    wire is_right = input_address == $input_address_bits'd$last_input;
$given
    snn_network network (
        .clk(aclk),
        .rst(!aresetn),
        .n_steps(n_steps),
        .every_step(every_step),
        .steps_error(steps_error),
        .input_free(input_free),
        .input_write(taken && !overrun),
        .input_address(input_address),
        .input_data(input_data),
        .input_finish(taken && last && is_right && !overrun),
        .input_drop(taken && last && (!is_right || overrun)),
        // What layers send at each step is there for those who take the network without streams.
        // verilator lint_off PINCONNECTEMPTY
$ports
        // verilator lint_on PINCONNECTEMPTY
        .result_ready(result_ready),
        .result_release(result_release),
$number_port        .output_address(output_address),
        .output_data(output_data)
    );
    snn_largest #($output_bits, $class_bits) largest_output (
        aclk, phase == COMPARE, last_output == 0, output_address, m_axis_tdata[$output_msb:0], largest
    );

    always @(posedge aclk)
        if (!aresetn) begin
            input_address <= 0;
            overrun <= 1'b0;
            frame_error <= 1'b0;
        end else if (taken) begin
            if (last) begin
                input_address <= 0;
                overrun <= 1'b0;
                frame_error <= !is_right || overrun;
            end else if (is_right) overrun <= 1'b1;
            else input_address <= input_address + 1'b1;
        end

    always @(posedge aclk)
        if (!aresetn) begin
            phase <= WAIT;
            output_address <= 0;
            m_axis_tvalid <= 1'b0;
            m_axis_tlast <= 1'b0;
            sent_largest <= 1'b0;
$reset_number        end else
            case (phase)
                WAIT: if (result_ready) phase <= FETCH;
                FETCH: phase <= TAKE;
                TAKE: begin
                    m_axis_tdata <= $extended;
                    phase <= COMPARE;
                end
                COMPARE: phase <= OFFER;
                OFFER: begin
                    m_axis_tvalid <= 1'b1;
                    phase <= HOLD;
                end
                default:
                if (m_axis_tready) begin
                    m_axis_tvalid <= 1'b0;
                    if (sent_largest) begin
                        sent_largest <= 1'b0;
                        m_axis_tlast <= 1'b0;
                        output_address <= 0;
$next_number
                    end else if (output_address == last_output) begin
                        m_axis_tdata <= $largest;
                        m_axis_tvalid <= 1'b1;
                        m_axis_tlast <= $is_last;
                        sent_largest <= 1'b1;
                    end else begin
                        output_address <= output_address + 1'b1;
                        phase <= FETCH;
                    end
                end
            endcase
endmodule
""")


NUMBERS = Template("""\
    wire taken = input_free && s_axis_tvalid;
    wire last = s_axis_tlast;
    wire [$input_msb:0] input_data = s_axis_tdata[$input_msb:0];
    assign s_axis_tready = input_free;
$unused""")

SPIKES = Template("""\
    wire input_data, input_valid, last;
    wire taken = input_free && input_valid;
    snn_bits #($n_inputs) spikes (
        .clk(aclk),
        .rst(!aresetn),
        .byte_data(s_axis_tdata),
        .byte_valid(s_axis_tvalid),
        .byte_ready(s_axis_tready),
        .byte_last(s_axis_tlast),
        .bit_data(input_data),
        .bit_valid(input_valid),
        .bit_ready(input_free),
        .bit_last(last)
    );
""")


def stream_text(graph: IntegerGraph, stages: Sequence[Stage]) -> str:
    """The AXI4-Stream wrapper as a Verilog module."""
    found = widths(graph, stages)
    names = ("sent", "index", "value")
    ports = [f"        .layer{number}_{name}()," for number in range(1, len(stages) + 1) for name in names]
    beat = beat_bits(graph)
    spare = beat - int(found["input_bits"])
    unused = f"    wire unused = &{{1'b0, s_axis_tdata[{beat - 1}:{beat - spare}]}};\n" if spare else ""
    is_spikes = sends_spikes(graph)
    bits, classes = int(found["output_bits"]), int(found["class_bits"])
    extended = "output_data" if bits == 32 else f"{{{{{32 - bits}{{output_data[{bits - 1}]}}}}, output_data}}"
    return STREAM.substitute(
        found,
        most_steps=f"{graph.settings.n_steps:,}",
        beat="eight spikes a beat, the first in the lowest bit" if is_spikes else "one a beat",
        beat_msb=beat - 1,
        given=(SPIKES if is_spikes else NUMBERS).substitute(found, unused=unused),
        extended=extended,
        largest=f"{{{32 - classes}'d0, largest}}",
        ports="\n".join(ports),
        **_numbered([stages[number - 1].n_neurons - 1 for number in output_stages(graph, stages)], found),
    )


def _numbered(last: Sequence[int], found: Mapping[str, int | str]) -> dict[str, str]:
    """Parts of the text that go through the outputs, whose numbers of values are one above `last`."""
    classes, bits, end = found["class_bits"], found["number_bits"], len(last) - 1
    if not end:
        one = f"    wire [{classes} - 1:0] last_output = {classes}'d{last[0]};\n"
        empty = dict.fromkeys(("several", "number_port", "reset_number"), "")
        return {**empty, "numbered": one, "next_number": "                        phase <= WAIT;", "is_last": "1'b1"}
    chosen = f"{classes}'d{last[-1]}"
    for number in reversed(range(end)):
        chosen = f"output_number == {number} ? {classes}'d{last[number]} : {chosen}"
    lines = (
        f"output_number <= m_axis_tlast ? {bits}'d0 : output_number + 1'b1;",
        "phase <= m_axis_tlast ? WAIT : FETCH;",
    )
    return {
        "several": " Of several outputs, one after the other.",
        "numbered": f"    reg [{bits} - 1:0] output_number;\n    wire [{classes} - 1:0] last_output = {chosen};\n",
        "number_port": "        .output_number(output_number),\n",
        "reset_number": "            output_number <= 0;\n",
        "next_number": "\n".join(f"{' ' * 24}{line}" for line in lines),
        "is_last": f"output_number == {end}",
    }


def sends_spikes(graph: IntegerGraph) -> bool:
    """Whether inputs come as spikes, eight in a byte."""
    return input_bits(graph) == 1


def beats(graph: IntegerGraph) -> int:
    """Beats of a frame of the input stream."""
    n = math.prod(graph.input.shape)
    return -(-n // 8) if sends_spikes(graph) else n


def beat_bits(graph: IntegerGraph) -> int:
    """Bits of one beat of the input stream: one byte, two or four, as a DMA has them."""
    return 8 << (-(-input_bits(graph) // 8) - 1).bit_length()
