// Place of the largest of the values that come one by one; of the first of equal ones.
module snn_largest #(
    parameter BITS = 32,
    parameter INDEX_BITS = 1
) (
    input wire clk,
    input wire valid,
    input wire [INDEX_BITS-1:0] index,
    input wire signed [BITS-1:0] value,
    output reg [INDEX_BITS-1:0] place
);
    reg signed [BITS-1:0] largest;
    always @(posedge clk)
        if (valid && (index == 0 || value > largest)) begin
            place <= index;
            largest <= value;
        end
endmodule
