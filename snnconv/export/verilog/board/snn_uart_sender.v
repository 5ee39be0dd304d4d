// Bytes onto a serial line: 8 bits, the lowest first, no parity, one stop bit.
module snn_uart_sender #(
    parameter CLOCKS_PER_BIT = 12
) (
    input wire clk,
    input wire rst,
    output wire line,
    input wire [7:0] data,
    input wire valid,
    output wire ready
);
    localparam BITS = $clog2(CLOCKS_PER_BIT);
    localparam [31:0] WHOLE = CLOCKS_PER_BIT - 1;
    reg [8:0] waiting;  // of the byte, the bit on the line lowest
    reg [3:0] bits_left;
    reg [BITS-1:0] wait_left;
    assign line = waiting[0];
    assign ready = bits_left == 0;
    always @(posedge clk)
        if (rst) begin
            waiting <= 9'h1ff;
            bits_left <= 4'd0;
        end else if (ready) begin
            wait_left <= WHOLE[BITS-1:0];
            if (valid) begin
                waiting <= {data, 1'b0};
                bits_left <= 4'd10;
            end
        end else if (wait_left != 0) wait_left <= wait_left - 1'b1;
        else begin
            wait_left <= WHOLE[BITS-1:0];
            waiting <= {1'b1, waiting[8:1]};
            bits_left <= bits_left - 1'b1;
        end
endmodule
