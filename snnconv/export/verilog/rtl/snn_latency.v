// The latency code: of numbers from 0 to MOST, the larger the earlier, each sends one spike in every STEPS steps, where it
// reaches the level that falls from MOST with every step: level = MOST - floor(step * MOST / STEPS).
//
// `clear` is low while the numbers of a step come, `first` in those of the first one. A spike comes one clock later.
module snn_latency #(
    parameter STEPS = 2,
    parameter MOST = 1,
    parameter BITS = 2
) (
    input wire clk,
    input wire clear,
    input wire first,
    input wire signed [BITS-1:0] number,
    output reg spike
);
    localparam REST_BITS = $clog2(STEPS + 1) + 1;
    localparam [31:0] TOP = MOST, FALL = MOST / STEPS, REST = MOST % STEPS, LAST = STEPS - 1, ALL = STEPS;
    reg waits;
    reg signed [BITS:0] level, old_level;
    reg [REST_BITS-1:0] rest, step;
    wire [REST_BITS-1:0] sum = rest + REST[REST_BITS-1:0];
    wire carries = sum >= ALL[REST_BITS-1:0];
    wire signed [BITS:0] wide = {number[BITS-1], number};
    always @(posedge clk) begin
        waits <= clear;
        if (waits && !clear) begin
            if (first || step == LAST[REST_BITS-1:0]) begin
                step <= 0;
                rest <= 0;
                level <= TOP[BITS:0];
                old_level <= TOP[BITS:0] + 1'b1;
            end else begin
                step <= step + 1'b1;
                rest <= carries ? sum - ALL[REST_BITS-1:0] : sum;
                level <= level - FALL[BITS:0] - {{BITS{1'b0}}, carries};
                old_level <= level;
            end
        end
        spike <= wide >= level && wide < old_level;
    end
endmodule
