// Spikes out of bytes: a byte of an AXI4-Stream holds 8 spikes of a frame of INPUTS, the first in the lowest bit; what is
// over in the last byte of a frame is left out.
module snn_bits #(
    parameter INPUTS = 8
) (
    input wire clk,
    input wire rst,
    input wire [7:0] byte_data,
    input wire byte_valid,
    output wire byte_ready,
    input wire byte_last,
    output wire bit_data,
    output wire bit_valid,
    input wire bit_ready,
    output wire bit_last
);
    localparam BITS = INPUTS > 1 ? $clog2(INPUTS) : 1;
    localparam [31:0] MOST = INPUTS - 1;
    reg [7:0] waiting;
    reg [3:0] left;  // of them, to be sent
    reg [BITS-1:0] number;  // of the next one in its frame
    reg ends;
    wire frame_is_full = number == MOST[BITS-1:0];
    assign byte_ready = left == 0;
    assign bit_data = waiting[0];
    assign bit_valid = left != 0;
    assign bit_last = ends && (left == 1 || frame_is_full);

    always @(posedge clk)
        if (rst) begin
            waiting <= 0;
            left <= 0;
            number <= 0;
            ends <= 1'b0;
        end else if (byte_ready && byte_valid) begin
            waiting <= byte_data;
            left <= 4'd8;
            ends <= byte_last;
        end else if (bit_valid && bit_ready) begin
            waiting <= waiting >> 1;
            left <= frame_is_full ? 4'd0 : left - 1'b1;
            number <= bit_last || frame_is_full ? {BITS{1'b0}} : number + 1'b1;
        end
endmodule
