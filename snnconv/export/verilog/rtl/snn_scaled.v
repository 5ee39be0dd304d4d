// y = x * n + add, for a number n of 0 or more that has few bits: one of its bits in each clock, N_BITS clocks.
module snn_scaled #(
    parameter X_BITS = 16,
    parameter N_BITS = 1,
    parameter Y_BITS = 20  // more than X_BITS + N_BITS
) (
    input wire clk,
    input wire signed [X_BITS-1:0] x,
    input wire [N_BITS-1:0] n,
    input wire signed [Y_BITS-1:0] add,
    output wire signed [Y_BITS-1:0] y
);
    genvar i;
    generate
        for (i = 0; i < N_BITS; i = i + 1) begin : gen_bit
            wire signed [X_BITS-1:0] given_x;
            wire [N_BITS-1:0] given_n;
            wire signed [Y_BITS-1:0] given_y;
            reg signed [X_BITS-1:0] old_x;
            reg [N_BITS-1:0] old_n;
            reg signed [Y_BITS-1:0] sum;
            if (i == 0) begin : gen_first
                assign given_x = x;
                assign given_n = n;
                assign given_y = add;
            end else begin : gen_next
                assign given_x = gen_bit[i-1].old_x;
                assign given_n = gen_bit[i-1].old_n;
                assign given_y = gen_bit[i-1].sum;
            end
            wire signed [Y_BITS-1:0] wide = {{(Y_BITS - X_BITS) {given_x[X_BITS-1]}}, given_x} <<< i;
            always @(posedge clk) begin
                old_x <= given_x;
                old_n <= given_n;
                sum <= given_n[i] ? given_y + wide : given_y;
            end
        end
    endgenerate
    assign y = gen_bit[N_BITS-1].sum;
    wire unused = &{1'b0, gen_bit[N_BITS-1].old_x, gen_bit[N_BITS-1].old_n};
endmodule
