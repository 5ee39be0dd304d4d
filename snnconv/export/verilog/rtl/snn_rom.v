// A read-only memory; what is read comes two clocks later, since the memory and what is behind it have a clock each.
//
// With BANK_BITS a row of the file holds so many words side by side, as a power of two, the first in its lowest bits: the
// memory gives a whole row, which has a register of its own, and the word is chosen from it in a third clock. No path
// goes from a block of memory through the choice between blocks.
//
// With PART_BITS so many bits of a row are a memory with a file of its own: FILE, then the number of the part in three
// digits, 000 for the lowest bits, then .mem. Each fits narrow and deep blocks. Of a wide and deep memory synthesis would
// make wide and shallow ones, with a choice between them.
module snn_rom #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS_BITS = 1,
    parameter FILE = "",  // hexadecimal, one row a line, two's complement
    parameter BANK_BITS = 0,
    parameter PART_BITS = 0  // 0: the memory is in one piece
) (
    input wire clk,
    input wire [ADDRESS_BITS-1:0] address,
    output reg [WIDTH-1:0] data
);
    localparam ROW = WIDTH << BANK_BITS;
    localparam ROWS = (DEPTH + (1 << BANK_BITS) - 1) >> BANK_BITS;
    localparam PARTS = PART_BITS == 0 ? 0 : (ROW + PART_BITS - 1) / PART_BITS;
    wire [ADDRESS_BITS-BANK_BITS-1:0] row_address = address[ADDRESS_BITS-1:BANK_BITS];
    wire [ROW-1:0] word;
    genvar n;
    generate
        if (PARTS == 0) begin : gen_whole
            reg [ROW-1:0] words[0:ROWS-1];
            reg [ROW-1:0] read;
            initial $readmemh(FILE, words);
            always @(posedge clk) read <= words[row_address];
            assign word = read;
        end
        for (n = 0; n < PARTS; n = n + 1) begin : gen_part
            localparam [7:0] HUNDREDS = 48 + n / 100, TENS = 48 + n / 10 % 10, ONES = 48 + n % 10;
            localparam NAME = {FILE, HUNDREDS, TENS, ONES, ".mem"};
            localparam BITS = ROW - n * PART_BITS < PART_BITS ? ROW - n * PART_BITS : PART_BITS;
            reg [BITS-1:0] words[0:ROWS-1];
            reg [BITS-1:0] read;
            initial $readmemh(NAME, words);
            always @(posedge clk) read <= words[row_address];
            assign word[n*PART_BITS+:BITS] = read;
        end
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
