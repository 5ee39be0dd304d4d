// What drives a neuron before its bias: the sum of its weighted inputs, shifted, and the sum of a branch.
//
// The sums of the branch, of ADDED_BITS, come in the order of the neurons and one clock behind their address; `valid` is two
// clocks before `sum`. With them `total` comes a clock behind `sum`, else with it.
module snn_total #(
    parameter SUM_BITS = 16,
    parameter SHIFT = 0,
    parameter BITS = 32,
    parameter ADDED_BITS = 0,  // 0: there is no branch
    parameter ADDRESS_BITS = 1
) (
    input wire clk,
    input wire clear,
    input wire valid,
    input wire signed [SUM_BITS-1:0] sum,
    output wire [ADDRESS_BITS-1:0] added_address,
    input wire [(ADDED_BITS > 0 ? ADDED_BITS : 1)-1:0] added,
    output wire signed [BITS-1:0] total
);
    wire signed [BITS-1:0] own = {{(BITS - SUM_BITS) {sum[SUM_BITS-1]}}, sum} <<< SHIFT;
    generate
        if (ADDED_BITS == 0) begin : gen_alone
            assign added_address = 0;
            assign total = own;
            wire unused = &{1'b0, clk, clear, valid, added};
        end else begin : gen_added
            reg [ADDRESS_BITS-1:0] place;
            reg signed [ADDED_BITS-1:0] waited;
            reg signed [BITS-1:0] both;
            assign added_address = place;
            assign total = both;
            always @(posedge clk) begin
                if (clear) place <= 0;
                else if (valid) place <= place + 1'b1;
                waited <= added;
                both <= own + {{(BITS - ADDED_BITS) {waited[ADDED_BITS-1]}}, waited};
            end
        end
    endgenerate
endmodule
