// Counts from 0 to N - 1 and around.
module snn_counter #(
    parameter N = 2
) (
    input wire clk,
    input wire clear,
    input wire next,
    output wire last
);
    localparam BITS = N > 1 ? $clog2(N) : 1;
    localparam [31:0] MOST = N - 1;
    reg [BITS-1:0] count;
    assign last = count == MOST[BITS-1:0];
    always @(posedge clk)
        if (clear) count <= 0;
        else if (next) count <= last ? {BITS{1'b0}} : count + 1'b1;
endmodule
