// A read-only memory; what is read comes one clock later.
module snn_rom #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS_BITS = 1,
    parameter FILE = ""  // hexadecimal, one word a line, two's complement
) (
    input wire clk,
    input wire [ADDRESS_BITS-1:0] address,
    output reg [WIDTH-1:0] data
);
    reg [WIDTH-1:0] words[0:DEPTH-1];
    initial $readmemh(FILE, words);
    always @(posedge clk) data <= words[address];
endmodule
