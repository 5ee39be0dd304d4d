// What neurons that come one after the other keep from step to step: read in turn, each two clocks after its `read`,
// and written in turn. `clear` goes back to the first one.
module snn_states #(
    parameter WIDTH = 1,
    parameter DEPTH = 1,
    parameter ADDRESS_BITS = 1
) (
    input wire clk,
    input wire clear,
    input wire read,
    output reg [WIDTH-1:0] read_data,
    input wire write,
    input wire [WIDTH-1:0] write_data
);
    reg [ADDRESS_BITS-1:0] read_address, write_address;
    wire [WIDTH-1:0] word;
    always @(posedge clk) begin
        read_data <= word;
        if (clear) read_address <= 0;
        else if (read) read_address <= read_address + 1'b1;
        if (clear) write_address <= 0;
        else if (write) write_address <= write_address + 1'b1;
    end
    snn_memory #(WIDTH, DEPTH, ADDRESS_BITS) memory (clk, write, write_address, write_data, read_address, word);
endmodule
