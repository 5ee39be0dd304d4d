// A signal some clocks later.
module snn_delay #(
    parameter WIDTH = 1,
    parameter CLOCKS = 1
) (
    input wire clk,
    input wire [WIDTH-1:0] now,
    output wire [WIDTH-1:0] later
);
    generate
        if (CLOCKS == 0) begin : gen_wire
            assign later = now;
            wire unused = clk;
        end else begin : gen_registers
            reg [CLOCKS*WIDTH-1:0] waiting;
            if (CLOCKS == 1) begin : gen_one
                always @(posedge clk) waiting <= now;
            end else begin : gen_more
                always @(posedge clk) waiting <= {waiting[(CLOCKS-1)*WIDTH-1:0], now};
            end
            assign later = waiting[(CLOCKS-1)*WIDTH+:WIDTH];
        end
    endgenerate
endmodule
