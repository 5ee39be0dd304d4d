// What is sent from one layer to the next: frames of DEPTH numbers, one to be written while another one is read where
// BANKS is 2. With QUEUE a frame holds the places of its spikes alone, COUNT of them, so that silence takes no clock;
// spikes of 2 bits are 1 or -1, and their sign stands above the place.
//
// Write where `free`, and pulse `finish` with the last number of a frame; `drop` forgets what of it was written. Read
// where `ready`, and pulse `release_frame`. What is read comes one clock later. Tags go with their frame.
module snn_store #(
    parameter WIDTH = 1,
    parameter DEPTH = 2,
    parameter ADDRESS_BITS = 1,
    parameter BANKS = 2,
    parameter QUEUE = 0,
    parameter READ_BITS = 1,  // WIDTH, or ADDRESS_BITS + WIDTH - 1 with QUEUE
    parameter TAGS = 3
) (
    input wire clk,
    input wire rst,
    output wire free,
    input wire write,
    input wire [ADDRESS_BITS-1:0] write_address,
    input wire [WIDTH-1:0] write_data,
    input wire finish,
    input wire drop,
    input wire [TAGS-1:0] finish_tags,
    output wire ready,
    output wire [TAGS-1:0] tags,
    output wire [ADDRESS_BITS:0] count,
    input wire release_frame,
    input wire [ADDRESS_BITS-1:0] read_address,
    output wire [READ_BITS-1:0] read_data
);
    localparam COUNT_BITS = ADDRESS_BITS + 1;
    reg full0, full1, write_bank, read_bank;
    reg [TAGS-1:0] tags0, tags1;
    assign free = write_bank ? !full1 : !full0;
    assign ready = read_bank ? full1 : full0;
    assign tags = read_bank ? tags1 : tags0;
    always @(posedge clk)
        if (rst) begin
            full0 <= 1'b0;
            full1 <= 1'b0;
            write_bank <= 1'b0;
            read_bank <= 1'b0;
        end else begin
            full0 <= (finish && !write_bank) || (full0 && !(release_frame && !read_bank));
            full1 <= (finish && write_bank) || (full1 && !(release_frame && read_bank));
            if (finish) write_bank <= BANKS == 2 && !write_bank;
            if (release_frame) read_bank <= BANKS == 2 && !read_bank;
        end
    always @(posedge clk)
        if (finish) begin
            if (write_bank) tags1 <= finish_tags;
            else tags0 <= finish_tags;
        end

    wire [ADDRESS_BITS-1:0] place;
    wire [READ_BITS-1:0] kept;
    wire keep;
    generate
        if (QUEUE != 0) begin : gen_queue
            reg [COUNT_BITS-1:0] fill, count0, count1;
            wire [COUNT_BITS-1:0] filled = keep ? fill + 1'b1 : fill;
            assign keep = write && write_data[0];  // the lowest bit of 1 and of -1
            assign place = fill[ADDRESS_BITS-1:0];
            if (WIDTH == 1) begin : gen_places
                assign kept = write_address;
            end else begin : gen_signs
                assign kept = {write_data[1], write_address};
            end
            assign count = read_bank ? count1 : count0;
            always @(posedge clk) begin
                if (rst || finish || drop) fill <= 0;
                else fill <= filled;
                if (finish) begin
                    if (write_bank) count1 <= filled;
                    else count0 <= filled;
                end
            end
        end else begin : gen_memory
            assign keep = write;
            assign place = write_address;
            assign kept = write_data;
            assign count = 0;
            wire unused = drop;
        end
        if (BANKS == 2) begin : gen_two
            snn_memory #(READ_BITS, 2 << ADDRESS_BITS, COUNT_BITS) memory (
                clk, keep, {write_bank, place}, kept, {read_bank, read_address}, read_data
            );
        end else begin : gen_one
            snn_memory #(READ_BITS, DEPTH, ADDRESS_BITS) memory (clk, keep, place, kept, read_address, read_data);
        end
    endgenerate
endmodule
