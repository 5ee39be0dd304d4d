// y = x - ((x * D + half) >> FRACTION_BITS) + add, with LEVELS + 1 clocks, one new x in each.
//
// D is a sum of TERMS powers of two with signs; the tree that adds the shifted x has a register at every node. To round
// is to add the bit below the point, which is done with the carry of the last sum. TERMS = 0: D is 0, and y takes a clock.
module snn_leak #(
    parameter X_BITS = 16,
    parameter BITS = 24,  // of `add` and `y`: more than X_BITS
    parameter PRODUCT_BITS = 32,
    parameter TERMS = 0,
    parameter [127:0] PLACES = 0,  // of the powers, 8 bits each
    parameter [15:0] NEGATIVE = 0,  // a bit for each power
    parameter FRACTION_BITS = 12
) (
    input wire clk,
    input wire signed [X_BITS-1:0] x,
    input wire signed [BITS-1:0] add,
    output wire signed [BITS-1:0] y
);
    wire signed [BITS-1:0] wide_x = {{(BITS - X_BITS) {x[X_BITS-1]}}, x};
    reg signed [BITS-1:0] base;
    always @(posedge clk) base <= wide_x + add;
    genvar i;
    generate
        if (TERMS == 0) begin : gen_kept
            assign y = base;
        end else begin : gen_leak
            localparam P = PRODUCT_BITS;
            localparam LEVELS = TERMS > 2 ? $clog2(TERMS) : 1;
            localparam LEAVES = 1 << LEVELS;
            // A heap: node i is the sum of the nodes 2i and 2i + 1. Sums wrap around, and the whole one fits.
            wire [2*LEAVES*P-1:0] nodes;
            wire signed [P-1:0] product = nodes[P+:P];
            wire signed [P-1:0] factor;
            if (P > X_BITS) begin : gen_wide
                assign factor = {{(P - X_BITS) {x[X_BITS-1]}}, x};
            end else begin : gen_narrow
                assign factor = x[P-1:0];
            end
            assign nodes[0+:P] = {P{1'b0}};
            for (i = 1; i < LEAVES; i = i + 1) begin : gen_sum
                reg [P-1:0] sum;
                always @(posedge clk) sum <= nodes[2*i*P+:P] + nodes[(2*i+1)*P+:P];
                assign nodes[i*P+:P] = sum;
            end
            for (i = 0; i < LEAVES; i = i + 1) begin : gen_term
                if (i >= TERMS) begin : gen_none
                    assign nodes[(LEAVES+i)*P+:P] = {P{1'b0}};
                end else if (NEGATIVE[i]) begin : gen_negative
                    assign nodes[(LEAVES+i)*P+:P] = -(factor <<< PLACES[8*i+:8]);
                end else begin : gen_positive
                    assign nodes[(LEAVES+i)*P+:P] = factor <<< PLACES[8*i+:8];
                end
            end

            wire [BITS-1:0] waited;
            snn_delay #(BITS, LEVELS - 1) base_delay (clk, base, waited);
            wire signed [P-1:0] shifted = product >>> FRACTION_BITS;
            wire [BITS-1:0] loss;
            if (BITS > P) begin : gen_extended
                assign loss = {{(BITS - P) {shifted[P-1]}}, shifted};
            end else begin : gen_cut
                assign loss = shifted[BITS-1:0];
            end
            reg [BITS:0] rest;
            always @(posedge clk) rest <= {waited, 1'b1} + {~loss, ~product[FRACTION_BITS-1]};
            assign y = rest[BITS:1];
            wire unused = &{1'b0, nodes[P-1:0], shifted, rest[0]};
        end
    endgenerate
endmodule
