// A read-only memory; what is read comes two clocks later, since the memory and what is behind it have a clock each.
//
// With BANK_BITS a row of the file holds so many words side by side, as a power of two, the first in its lowest bits: the
// memory gives a whole row, which has a register of its own, and the word is chosen from it in a third clock. No path
// goes from a block of memory through the choice between blocks.
module snn_rom #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS_BITS = 1,
    parameter FILE = "",  // hexadecimal, one row a line, two's complement
    parameter BANK_BITS = 0
) (
    input wire clk,
    input wire [ADDRESS_BITS-1:0] address,
    output reg [WIDTH-1:0] data
);
    localparam ROW = WIDTH << BANK_BITS;
    localparam ROWS = (DEPTH + (1 << BANK_BITS) - 1) >> BANK_BITS;
    reg [ROW-1:0] words[0:ROWS-1];
    reg [ROW-1:0] word;
    initial $readmemh(FILE, words);
    always @(posedge clk) word <= words[address[ADDRESS_BITS-1:BANK_BITS]];
    generate
        if (BANK_BITS == 0) begin : gen_one
            always @(posedge clk) data <= word;
        end else begin : gen_banks
            reg [ROW-1:0] row;
            reg [BANK_BITS-1:0] bank, old_bank;
            always @(posedge clk) begin
                row <= word;
                bank <= address[BANK_BITS-1:0];
                old_bank <= bank;
                data <= row[old_bank*WIDTH+:WIDTH];
            end
        end
    endgenerate
endmodule
