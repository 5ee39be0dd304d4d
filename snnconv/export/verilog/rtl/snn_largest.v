// Place of the largest of the values that come one by one; of the first of equal ones; where one value is `alone`,
// whether it is above 0. A value stays for a clock more than `valid`, since it is compared in one clock and taken in the
// next.
module snn_largest #(
    parameter BITS = 32,
    parameter INDEX_BITS = 1
) (
    input wire clk,
    input wire valid,
    input wire alone,
    input wire [INDEX_BITS-1:0] index,
    input wire signed [BITS-1:0] value,
    output reg [INDEX_BITS-1:0] place
);
    reg signed [BITS-1:0] largest;
    reg compared, greater;
    always @(posedge clk) begin
        compared <= valid;
        greater <= index == 0 || value > largest;
        if (compared && greater) begin
            place <= index;
            if (alone) place[0] <= value > 0;
            largest <= value;
        end
    end
endmodule
