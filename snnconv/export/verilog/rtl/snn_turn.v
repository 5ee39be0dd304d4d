// The numbers of neurons that come one after the other: the words of a read-only memory in turn, again and again, each
// two clocks after its `next`. `clear` goes back to the first word.
module snn_turn #(
    parameter WIDTH = 1,
    parameter DEPTH = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire clear,
    input wire next,
    output wire [WIDTH-1:0] data
);
    localparam BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam [31:0] MOST = DEPTH - 1;
    reg [BITS-1:0] address;
    always @(posedge clk)
        if (clear) address <= 0;
        else if (next) address <= address == MOST[BITS-1:0] ? {BITS{1'b0}} : address + 1'b1;
    snn_rom #(WIDTH, DEPTH, BITS, FILE) rom (clk, address, data);
endmodule
