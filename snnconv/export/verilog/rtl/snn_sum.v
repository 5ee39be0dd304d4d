// The sum of the weighted inputs of a neuron: a product, then a sum, in registers of their own. Spikes select weights.
module snn_sum #(
    parameter INPUT_BITS = 1,  // 1: spikes; more: signed numbers
    parameter WEIGHT_BITS = 8,
    parameter SUM_BITS = 16
) (
    input wire clk,
    input wire taken,  // whether there is an input
    input wire signed [INPUT_BITS-1:0] x,
    input wire signed [WEIGHT_BITS-1:0] weight,
    input wire starts,  // with the product of the first input
    output reg signed [SUM_BITS-1:0] sum
);
    localparam TERM_BITS = INPUT_BITS == 1 ? WEIGHT_BITS : INPUT_BITS + WEIGHT_BITS;
    reg signed [TERM_BITS-1:0] term;
    wire signed [SUM_BITS-1:0] wide;
    generate
        if (INPUT_BITS == 1) begin : gen_spikes
            always @(posedge clk) term <= taken && x[0] ? weight : {TERM_BITS{1'b0}};
        end else begin : gen_numbers
            wire signed [TERM_BITS-1:0] wide_x = {{WEIGHT_BITS{x[INPUT_BITS-1]}}, x};
            wire signed [TERM_BITS-1:0] wide_weight = {{INPUT_BITS{weight[WEIGHT_BITS-1]}}, weight};
            always @(posedge clk) term <= taken ? wide_x * wide_weight : {TERM_BITS{1'b0}};
        end
        if (SUM_BITS > TERM_BITS) begin : gen_wide
            assign wide = {{(SUM_BITS - TERM_BITS) {term[TERM_BITS-1]}}, term};
        end else begin : gen_same
            assign wide = term[SUM_BITS-1:0];
        end
    endgenerate
    always @(posedge clk) sum <= (starts ? {SUM_BITS{1'b0}} : sum) + wide;
endmodule
