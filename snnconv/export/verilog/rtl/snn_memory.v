// A memory with one port to write and one to read; what is read comes one clock later. A word is never used that was
// written in the clock in which it was read: blocks differ in what they give then, and need logic to give the old word.
module snn_memory #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS_BITS = 1
) (
    input wire clk,
    input wire write,
    input wire [ADDRESS_BITS-1:0] write_address,
    input wire [WIDTH-1:0] write_data,
    input wire [ADDRESS_BITS-1:0] read_address,
    output reg [WIDTH-1:0] read_data
);
    reg [WIDTH-1:0] words[0:DEPTH-1];

    always @(posedge clk) begin
        if (write) words[write_address] <= write_data;
        read_data <= write && write_address == read_address ? {WIDTH{1'bx}} : words[read_address];
    end
endmodule
