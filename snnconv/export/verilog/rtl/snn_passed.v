// Parts of a step since a voltage crossed the threshold on a straight line: passed = round(share * (u - threshold) /
// (u - v)), for u above the threshold and v not; 2 * F + 3 clocks, with F the bits of a part. A quotient bit by bit.
module snn_passed #(
    parameter BITS = 24,
    parameter F = 1
) (
    input wire clk,
    input wire signed [BITS-1:0] u,
    input wire signed [BITS-1:0] v,
    input wire signed [BITS-1:0] threshold,
    input wire [F:0] share,
    output wire [F:0] passed
);
    localparam WIDE = BITS + F + 4;
    reg signed [BITS-1:0] rise, over;
    reg [F:0] old_share;
    always @(posedge clk) begin
        rise <= u - v;
        over <= u - threshold;
        old_share <= share;
    end
    wire [BITS-1:0] old_rise;
    wire signed [WIDE-1:0] start;
    snn_delay #(BITS, F + 1) rise_delay (clk, rise, old_rise);
    snn_scaled #(BITS + 1, F + 1, WIDE) scaled (
        clk, {over, 1'b0}, old_share, {{(WIDE - BITS) {rise[BITS-1]}}, rise}, start
    );
    genvar i;
    generate
        for (i = 0; i <= F; i = i + 1) begin : gen_bit
            wire signed [WIDE-1:0] given, part;
            wire signed [WIDE-1:0] less = given - (part <<< F + 1 - i);
            reg signed [WIDE-1:0] rest;
            reg [BITS-1:0] part_rise;
            reg [F:0] found;
            wire unused_found = found[F];
            if (i == 0) begin : gen_first
                assign given = start;
                assign part = {{(WIDE - BITS) {old_rise[BITS-1]}}, old_rise};
                always @(posedge clk) begin
                    part_rise <= old_rise;
                    found <= {{F{1'b0}}, !less[WIDE-1]};
                end
            end else begin : gen_next
                assign given = gen_bit[i-1].rest;
                assign part = {{(WIDE - BITS) {gen_bit[i-1].part_rise[BITS-1]}}, gen_bit[i-1].part_rise};
                always @(posedge clk) begin
                    part_rise <= gen_bit[i-1].part_rise;
                    found <= {gen_bit[i-1].found[F-1:0], !less[WIDE-1]};
                end
            end
            always @(posedge clk) rest <= less[WIDE-1] ? given : less;
        end
    endgenerate
    assign passed = gen_bit[F].found;
    wire unused = &{1'b0, gen_bit[F].rest, gen_bit[F].part_rise};
endmodule
