// The sum of the weighted inputs of a neuron: a product, then a sum, in registers of their own, two clocks behind the
// weight. Spikes select weights; numbers are multiplied, in four clocks.
// With LARGEST the largest of the inputs, without weights.
module snn_sum #(
    parameter INPUT_BITS = 1,  // 1: spikes; more: signed numbers
    parameter WEIGHT_BITS = 8,
    parameter SUM_BITS = 16,
    parameter LARGEST = 0
) (
    input wire clk,
    input wire taken,  // whether there is an input
    input wire signed [INPUT_BITS-1:0] x,  // 0 where there is none
    input wire signed [WEIGHT_BITS-1:0] weight,
    input wire starts,  // with the product of the first input
    output reg signed [SUM_BITS-1:0] sum
);
    generate
        if (LARGEST != 0) begin : gen_largest
            wire signed [SUM_BITS-1:0] wide_x;
            if (INPUT_BITS == 1) begin : gen_spikes
                assign wide_x = {1'b0, x};
            end else begin : gen_numbers
                assign wide_x = x;
            end
            reg signed [SUM_BITS-1:0] term;
            wire unused = &{1'b0, weight};
            always @(posedge clk) begin
                term <= taken ? wide_x : {1'b1, {(SUM_BITS - 1) {1'b0}}};
                sum <= starts || term > sum ? term : sum;
            end
        end else begin : gen_sum
            localparam TERM_BITS = INPUT_BITS == 1 ? WEIGHT_BITS : INPUT_BITS + WEIGHT_BITS;
            reg signed [TERM_BITS-1:0] term;
            wire signed [SUM_BITS-1:0] wide;
            wire unused_taken = taken;
            if (INPUT_BITS == 1) begin : gen_spikes
                always @(posedge clk) term <= x[0] ? weight : {TERM_BITS{1'b0}};
            end else if (INPUT_BITS == 2) begin : gen_signed_spikes
                wire signed [TERM_BITS-1:0] once = {{2{weight[WEIGHT_BITS-1]}}, weight};
                wire signed [TERM_BITS-1:0] twice = once <<< 1;
                always @(posedge clk)
                    term <= (x[0] ? once : {TERM_BITS{1'b0}}) - (x[1] ? twice : {TERM_BITS{1'b0}});
            end else begin : gen_numbers
                // Registers before the multiplier, since its site may lie far from memories and sums.
                wire signed [INPUT_BITS-1:0] near_x;
                wire signed [WEIGHT_BITS-1:0] near_weight;
                snn_delay #(INPUT_BITS, 2) x_delay (clk, x, near_x);
                snn_delay #(WEIGHT_BITS, 2) weight_delay (clk, weight, near_weight);
                wire signed [TERM_BITS-1:0] wide_x = {{WEIGHT_BITS{near_x[INPUT_BITS-1]}}, near_x};
                wire signed [TERM_BITS-1:0] wide_weight = {{INPUT_BITS{near_weight[WEIGHT_BITS-1]}}, near_weight};
                always @(posedge clk) term <= wide_x * wide_weight;
            end
            if (SUM_BITS > TERM_BITS) begin : gen_wide
                assign wide = {{(SUM_BITS - TERM_BITS) {term[TERM_BITS-1]}}, term};
            end else begin : gen_same
                assign wide = term[SUM_BITS-1:0];
                wire unused = &{1'b0, term};
            end
            always @(posedge clk) sum <= (starts ? {SUM_BITS{1'b0}} : sum) + wide;
        end
    endgenerate
endmodule
