// The class in an answer of WORDS words that come one after the other, again and again: the word at CLASS_AT.
module snn_label #(
    parameter WORDS = 2,
    parameter CLASS_AT = 1,
    parameter BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire valid,
    input wire [BITS-1:0] word,
    output reg [BITS-1:0] label
);
    localparam NUMBER_BITS = $clog2(WORDS);
    localparam [31:0] MOST = WORDS - 1, AT = CLASS_AT;
    reg [NUMBER_BITS-1:0] number;
    always @(posedge clk)
        if (rst) begin
            number <= 0;
            label <= 0;
        end else if (valid) begin
            number <= number == MOST[NUMBER_BITS-1:0] ? {NUMBER_BITS{1'b0}} : number + 1'b1;
            if (number == AT[NUMBER_BITS-1:0]) label <= word;
        end
endmodule
