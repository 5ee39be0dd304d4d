// Where the inputs of a neuron are: the places of a convolution's window in a memory that holds the channels of one
// place side by side, the innermost axis next. A dense layer is a convolution with one place and a window of one place.
//
// `start` goes to the first input of the first neurons, `next_input` to the next one, and from the last one of some
// neurons to the first one of the next neurons. `on_input` is low where the window lies on the padding.
module snn_window #(
    parameter IN_Z = 1,
    parameter IN_Y = 1,
    parameter IN_X = 1,
    parameter CHANNELS = 1,
    parameter OUT_Z = 1,
    parameter OUT_Y = 1,
    parameter OUT_X = 1,
    parameter GROUPS = 1,
    parameter BLOCKS = 1,  // of neurons side by side, for one group of channels at one place
    parameter WINDOW_Z = 1,
    parameter WINDOW_Y = 1,
    parameter WINDOW_X = 1,
    parameter STRIDE_Z = 1,
    parameter STRIDE_Y = 1,
    parameter STRIDE_X = 1,
    parameter DILATION_Z = 1,
    parameter DILATION_Y = 1,
    parameter DILATION_X = 1,
    parameter PAD_Z = 0,
    parameter PAD_Y = 0,
    parameter PAD_X = 0,
    parameter ADDRESS_BITS = 1,
    parameter PLACE_BITS = 2  // hold every place on an axis, padding on both sides included
) (
    input wire clk,
    input wire start,
    input wire next_input,
    output reg [ADDRESS_BITS-1:0] address,
    output wire on_input,
    output wire last_input,
    output wire last_of_place,
    output wire last_neurons
);
    localparam A = ADDRESS_BITS;
    localparam P = PLACE_BITS;
    localparam DEPTH = CHANNELS / GROUPS;

    // Distances in the memory. They and the address wrap around alike, so an address that is not on the padding is right.
    localparam ROW = IN_X * CHANNELS;
    localparam PLANE = IN_Y * ROW;
    localparam [31:0] FIRST = -(PAD_Z * PLANE + PAD_Y * ROW + PAD_X * CHANNELS);
    localparam BACK_X = (WINDOW_X - 1) * DILATION_X * CHANNELS;
    localparam BACK_Y = (WINDOW_Y - 1) * DILATION_Y * ROW;
    localparam [31:0] STEP_X = DILATION_X * CHANNELS - (DEPTH - 1);
    localparam [31:0] STEP_Y = DILATION_Y * ROW - BACK_X - (DEPTH - 1);
    localparam [31:0] STEP_Z = DILATION_Z * PLANE - BACK_Y - BACK_X - (DEPTH - 1);
    localparam GROUP_BACK = (GROUPS - 1) * DEPTH;
    localparam MOVE_BACK_X = (OUT_X - 1) * STRIDE_X * CHANNELS;
    localparam MOVE_BACK_Y = (OUT_Y - 1) * STRIDE_Y * ROW;
    localparam [31:0] MOVE_GROUP = DEPTH;
    localparam [31:0] MOVE_X = STRIDE_X * CHANNELS - GROUP_BACK;
    localparam [31:0] MOVE_Y = STRIDE_Y * ROW - MOVE_BACK_X - GROUP_BACK;
    localparam [31:0] MOVE_Z = STRIDE_Z * PLANE - MOVE_BACK_Y - MOVE_BACK_X - GROUP_BACK;

    localparam [31:0] FIRST_X = -PAD_X, FIRST_Y = -PAD_Y, FIRST_Z = -PAD_Z;
    localparam [31:0] ALONG_X = DILATION_X, ALONG_Y = DILATION_Y, ALONG_Z = DILATION_Z;
    localparam [31:0] OVER_X = STRIDE_X, OVER_Y = STRIDE_Y, OVER_Z = STRIDE_Z;
    localparam [31:0] ONE = 1;
    localparam [31:0] SIZE_X = IN_X, SIZE_Y = IN_Y, SIZE_Z = IN_Z;

    wire last_depth, last_wx, last_wy, last_wz, last_block, last_group, last_ox, last_oy, last_oz;
    wire next_neurons = next_input & last_input;
    wire depth_end = next_input & last_depth;
    wire wx_end = depth_end & last_wx;
    wire wy_end = wx_end & last_wy;
    wire block_end = next_neurons & last_block;
    wire group_end = block_end & last_group;
    wire ox_end = group_end & last_ox;
    wire oy_end = ox_end & last_oy;
    wire restart = start | next_neurons;

    snn_counter #(DEPTH) depth_counter (clk, restart, next_input, last_depth);
    snn_counter #(WINDOW_X) wx_counter (clk, restart, depth_end, last_wx);
    snn_counter #(WINDOW_Y) wy_counter (clk, restart, wx_end, last_wy);
    snn_counter #(WINDOW_Z) wz_counter (clk, restart, wy_end, last_wz);
    snn_counter #(BLOCKS) block_counter (clk, start, next_neurons, last_block);
    snn_counter #(GROUPS) group_counter (clk, start, block_end, last_group);
    snn_counter #(OUT_X) ox_counter (clk, start, group_end, last_ox);
    snn_counter #(OUT_Y) oy_counter (clk, start, ox_end, last_oy);
    snn_counter #(OUT_Z) oz_counter (clk, start, oy_end, last_oz);

    assign last_input = last_depth & last_wx & last_wy & last_wz;
    assign last_of_place = last_block & last_group;
    assign last_neurons = last_of_place & last_ox & last_oy & last_oz;

    // The window's first place for the neurons at work, and for the next ones. Distances are chosen before they are added.
    reg [A-1:0] origin;
    reg [P-1:0] origin_x, origin_y, origin_z;
    reg [A-1:0] move;
    always @* begin
        if (oy_end) move = MOVE_Z[A-1:0];
        else if (ox_end) move = MOVE_Y[A-1:0];
        else if (group_end) move = MOVE_X[A-1:0];
        else if (block_end) move = MOVE_GROUP[A-1:0];
        else move = 0;
    end
    wire [P-1:0] move_x = group_end ? OVER_X[P-1:0] : {P{1'b0}};
    wire [P-1:0] move_y = ox_end ? OVER_Y[P-1:0] : {P{1'b0}};
    wire [P-1:0] move_z = oy_end ? OVER_Z[P-1:0] : {P{1'b0}};
    wire [A-1:0] next_origin = start ? FIRST[A-1:0] : origin + move;
    wire [P-1:0] next_x = start || ox_end ? FIRST_X[P-1:0] : origin_x + move_x;
    wire [P-1:0] next_y = start || oy_end ? FIRST_Y[P-1:0] : origin_y + move_y;
    wire [P-1:0] next_z = start ? FIRST_Z[P-1:0] : origin_z + move_z;

    reg [A-1:0] step;
    always @* begin
        if (wy_end) step = STEP_Z[A-1:0];
        else if (wx_end) step = STEP_Y[A-1:0];
        else if (depth_end) step = STEP_X[A-1:0];
        else if (next_input) step = ONE[A-1:0];
        else step = 0;
    end

    reg [P-1:0] x, y, z;
    assign on_input = x < SIZE_X[P-1:0] && y < SIZE_Y[P-1:0] && z < SIZE_Z[P-1:0];

    always @(posedge clk) begin
        origin <= next_origin;
        origin_x <= next_x;
        origin_y <= next_y;
        origin_z <= next_z;
        address <= restart ? next_origin : address + step;
        if (restart) x <= next_x;
        else if (wx_end) x <= origin_x;
        else if (depth_end) x <= x + ALONG_X[P-1:0];
        if (restart) y <= next_y;
        else if (wy_end) y <= origin_y;
        else if (wx_end) y <= y + ALONG_Y[P-1:0];
        if (restart) z <= next_z;
        else if (wy_end) z <= z + ALONG_Z[P-1:0];
    end
endmodule
