// Counts from 0 to N - 1 and around.
module snn_counter #(
    parameter N = 2
) (
    input wire clk,
    input wire clear,
    input wire next,
    output wire last
);
    generate
        if (N == 1) begin : gen_one
            wire unused = &{1'b0, clk, clear, next};
            assign last = 1'b1;
        end else begin : gen_many
            localparam BITS = $clog2(N);
            localparam [31:0] BEFORE_LAST = N - 2;
            reg [BITS-1:0] count;
            reg at_last;
            assign last = at_last;
            always @(posedge clk)
                if (clear) begin
                    count <= 0;
                    at_last <= 1'b0;
                end else if (next) begin
                    count <= at_last ? {BITS{1'b0}} : count + 1'b1;
                    at_last <= count == BEFORE_LAST[BITS-1:0];
                end
        end
    endgenerate
endmodule
