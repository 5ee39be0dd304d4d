// A read-only memory; what is read comes two clocks later, since the memory and what is behind it have a clock each.
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
    reg [WIDTH-1:0] word;
    initial $readmemh(FILE, words);
    always @(posedge clk) begin
        word <= words[address];
        data <= word;
    end
endmodule
