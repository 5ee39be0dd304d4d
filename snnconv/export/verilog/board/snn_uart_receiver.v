// Bytes out of a serial line: 8 bits, the lowest first, no parity, one stop bit.
module snn_uart_receiver #(
    parameter CLOCKS_PER_BIT = 12
) (
    input wire clk,
    input wire rst,
    input wire line,
    output reg [7:0] data,
    output reg valid  // for one clock
);
    localparam BITS = $clog2(CLOCKS_PER_BIT + CLOCKS_PER_BIT / 2);
    localparam [31:0] HALF = CLOCKS_PER_BIT + CLOCKS_PER_BIT / 2 - 3;  // to the middle of a byte's first bit
    localparam [31:0] WHOLE = CLOCKS_PER_BIT - 1;
    reg [2:0] seen;  // two registers against metastability
    reg [BITS-1:0] wait_left;
    reg [3:0] bits_left;
    always @(posedge clk) begin
        seen <= {seen[1:0], line};
        valid <= 1'b0;
        if (rst) begin
            seen <= 3'b111;
            bits_left <= 4'd0;
        end else if (bits_left == 0) begin
            wait_left <= HALF[BITS-1:0];
            if (seen[2:1] == 2'b10) bits_left <= 4'd9;
        end else if (wait_left != 0) wait_left <= wait_left - 1'b1;
        else begin
            wait_left <= WHOLE[BITS-1:0];
            bits_left <= bits_left - 1'b1;
            if (bits_left != 1) data <= {seen[1], data[7:1]};
            else valid <= seen[1];
        end
    end
endmodule
