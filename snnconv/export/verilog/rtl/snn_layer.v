// A layer: its weights and neurons, and a memory of what they send. LANES neurons at the same place, which have the
// same inputs, are computed side by side. A step takes
//     rows * (inputs of a neuron + 3) + LANES + 2
// clocks from `start` to `done`, with rows = neurons / LANES. With HOLDS, sums of weighted inputs are kept, and a step
// whose inputs are not `fresh` takes
//     4 + (rows - 1) * max(4, LANES) + LANES + 2
// Every value is also given out as it is sent: `sent`, in the order of the neurons.
module snn_layer #(
    parameter KIND = "LIF",
    parameter NEURONS = 2,
    parameter LANES = 1,
    parameter HOLDS = 0,
    parameter IN_Z = 1,
    parameter IN_Y = 1,
    parameter IN_X = 1,
    parameter CHANNELS = 1,
    parameter OUT_Z = 1,
    parameter OUT_Y = 1,
    parameter OUT_X = 1,
    parameter GROUPS = 1,
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
    parameter SOURCE_ADDRESS_BITS = 1,
    parameter PLACE_BITS = 2,
    parameter ADDRESS_BITS = 1,
    parameter WEIGHTS = 2,  // words of LANES weights
    parameter WEIGHTS_FILE = "",
    parameter BIASES = 1,  // words of LANES biases; they are used in turn, again and again
    parameter BIAS_BITS = 8,
    parameter BIAS_FILE = "",
    parameter THRESHOLDS = 1,
    parameter THRESHOLD_BITS = 8,
    parameter THRESHOLD_FILE = "",
    parameter FLOORS = 1,
    parameter FLOOR_BITS = 1,
    parameter FLOOR_FILE = "",
    parameter CEILINGS = 1,
    parameter CEILING_BITS = 8,
    parameter CEILING_FILE = "",
    parameter STARTS = 0,  // 0: voltages start at 0
    parameter START_BITS = 1,
    parameter START_FILE = "",
    parameter INPUT_BITS = 1,
    parameter WEIGHT_BITS = 8,
    parameter SUM_BITS = 16,
    parameter SHIFT = 0,
    parameter BITS = 32,
    parameter STATE_BITS = 16,
    parameter LEAK = 0,
    parameter FRACTION_BITS = 12,
    parameter PRODUCT_BITS = 32,
    parameter REFRACTORY_STEPS = 0,
    parameter IS_RECTIFIED = 0,
    parameter SYNAPSE = 0,
    parameter SYNAPSE_FRACTION_BITS = 12,
    parameter SYNAPSE_BITS = 16,
    parameter SYNAPSE_PRODUCT_BITS = 32,
    parameter VALUE_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire first,
    input wire fresh,
    output reg done,
    output wire [SOURCE_ADDRESS_BITS-1:0] source_address,
    input wire [INPUT_BITS-1:0] source_data,
    input wire [ADDRESS_BITS-1:0] read_address,
    output wire [VALUE_BITS-1:0] read_data,
    output wire sent,
    output reg [ADDRESS_BITS-1:0] sent_index,
    output wire [VALUE_BITS-1:0] sent_value
);
    localparam ROWS = NEURONS / LANES;
    localparam ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam WEIGHT_ADDRESS_BITS = WEIGHTS > 1 ? $clog2(WEIGHTS) : 1;
    localparam BLOCKS = ROWS / (OUT_Z * OUT_Y * OUT_X * GROUPS);

    localparam IDLE = 3'd0, SUM = 3'd1, DRAIN = 3'd2, UPDATE = 3'd3, FIRE = 3'd4, SEND = 3'd5;
    reg [2:0] phase;
    wire on_input, last_input, last_of_place, last_neurons;
    wire summing = phase == SUM;
    wire updating = phase == UPDATE;
    wire firing = phase == FIRE;
    wire idle = phase == IDLE;
    reg [LANES-1:0] waiting;  // lanes that have not sent their value yet
    wire summed = HOLDS != 0 && !fresh ? waiting >> 4 == 0 : last_input;  // 4 of them leave before the next neurons fire

    always @(posedge clk)
        if (rst) begin
            phase <= IDLE;
            done <= 1'b0;
        end else begin
            done <= 1'b0;
            case (phase)
                IDLE: if (start) phase <= SUM;
                SUM: if (summed) phase <= DRAIN;
                DRAIN: phase <= UPDATE;
                UPDATE: phase <= FIRE;
                FIRE: phase <= last_neurons ? SEND : SUM;
                SEND:
                if (waiting == 0) begin
                    phase <= IDLE;
                    done <= 1'b1;
                end
                default: phase <= IDLE;
            endcase
        end

    snn_window #(
        .IN_Z(IN_Z),
        .IN_Y(IN_Y),
        .IN_X(IN_X),
        .CHANNELS(CHANNELS),
        .OUT_Z(OUT_Z),
        .OUT_Y(OUT_Y),
        .OUT_X(OUT_X),
        .GROUPS(GROUPS),
        .BLOCKS(BLOCKS),
        .WINDOW_Z(WINDOW_Z),
        .WINDOW_Y(WINDOW_Y),
        .WINDOW_X(WINDOW_X),
        .STRIDE_Z(STRIDE_Z),
        .STRIDE_Y(STRIDE_Y),
        .STRIDE_X(STRIDE_X),
        .DILATION_Z(DILATION_Z),
        .DILATION_Y(DILATION_Y),
        .DILATION_X(DILATION_X),
        .PAD_Z(PAD_Z),
        .PAD_Y(PAD_Y),
        .PAD_X(PAD_X),
        .ADDRESS_BITS(SOURCE_ADDRESS_BITS),
        .PLACE_BITS(PLACE_BITS)
    ) window (
        .clk(clk),
        .start(idle),
        .next_input(summing),
        .next_neurons(firing),
        .address(source_address),
        .on_input(on_input),
        .last_input(last_input),
        .last_of_place(last_of_place),
        .last_neurons(last_neurons)
    );

    reg [WEIGHT_ADDRESS_BITS-1:0] weight_address;
    reg [ROW_BITS-1:0] row;
    reg accumulate;
    always @(posedge clk) begin
        accumulate <= summing && on_input;
        if (idle || (firing && last_of_place)) weight_address <= 0;
        else if (summing) weight_address <= weight_address + 1'b1;
        if (idle) row <= 0;
        else if (firing) row <= row + 1'b1;
    end

    wire [LANES*WEIGHT_BITS-1:0] weights;
    wire [LANES*BIAS_BITS-1:0] biases;
    wire [LANES*THRESHOLD_BITS-1:0] thresholds;
    wire [LANES*FLOOR_BITS-1:0] floors;
    wire [LANES*CEILING_BITS-1:0] ceilings;
    wire [LANES*START_BITS-1:0] starts;
    snn_rom #(LANES * WEIGHT_BITS, WEIGHTS, WEIGHT_ADDRESS_BITS, WEIGHTS_FILE) weight_rom (clk, weight_address, weights);
    // The names of kinds have different lengths.
    // verilator lint_off WIDTH
    generate
        if (KIND == "SUM") begin : gen_no_biases
            assign biases = 0;
        end else begin : gen_biases
            snn_cyclic_rom #(LANES * BIAS_BITS, BIASES, BIAS_FILE) bias_rom (clk, idle, firing, biases);
        end
        if (KIND == "LIF" || KIND == "IF") begin : gen_thresholds
            snn_cyclic_rom #(LANES * THRESHOLD_BITS, THRESHOLDS, THRESHOLD_FILE) threshold_rom (clk, idle, firing, thresholds);
            snn_cyclic_rom #(LANES * FLOOR_BITS, FLOORS, FLOOR_FILE) floor_rom (clk, idle, firing, floors);
        end else begin : gen_no_thresholds
            assign thresholds = 0;
            assign floors = 0;
        end
        if (KIND == "IF") begin : gen_ceilings
            snn_cyclic_rom #(LANES * CEILING_BITS, CEILINGS, CEILING_FILE) ceiling_rom (clk, idle, firing, ceilings);
        end else begin : gen_no_ceilings
            assign ceilings = 0;
        end
        if (STARTS != 0) begin : gen_starts
            snn_cyclic_rom #(LANES * START_BITS, STARTS, START_FILE) start_rom (clk, idle, firing, starts);
        end else begin : gen_no_starts
            assign starts = 0;
        end
    endgenerate
    // verilator lint_on WIDTH

    wire [LANES*VALUE_BITS-1:0] values;
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_lane
            wire signed [BIAS_BITS-1:0] bias = biases[lane*BIAS_BITS+:BIAS_BITS];
            wire signed [THRESHOLD_BITS-1:0] threshold = thresholds[lane*THRESHOLD_BITS+:THRESHOLD_BITS];
            wire signed [FLOOR_BITS-1:0] floor = floors[lane*FLOOR_BITS+:FLOOR_BITS];
            wire signed [CEILING_BITS-1:0] ceiling = ceilings[lane*CEILING_BITS+:CEILING_BITS];
            wire signed [START_BITS-1:0] v_start = starts[lane*START_BITS+:START_BITS];
            snn_neuron #(
                .KIND(KIND),
                .ROWS(ROWS),
                .ROW_BITS(ROW_BITS),
                .HOLDS(HOLDS),
                .INPUT_BITS(INPUT_BITS),
                .WEIGHT_BITS(WEIGHT_BITS),
                .SUM_BITS(SUM_BITS),
                .SHIFT(SHIFT),
                .BITS(BITS),
                .STATE_BITS(STATE_BITS),
                .LEAK(LEAK),
                .FRACTION_BITS(FRACTION_BITS),
                .PRODUCT_BITS(PRODUCT_BITS),
                .REFRACTORY_STEPS(REFRACTORY_STEPS),
                .IS_RECTIFIED(IS_RECTIFIED),
                .SYNAPSE(SYNAPSE),
                .SYNAPSE_FRACTION_BITS(SYNAPSE_FRACTION_BITS),
                .SYNAPSE_BITS(SYNAPSE_BITS),
                .SYNAPSE_PRODUCT_BITS(SYNAPSE_PRODUCT_BITS),
                .VALUE_BITS(VALUE_BITS)
            ) neuron (
                .clk(clk),
                .first(first),
                .fresh(fresh),
                .row(row),
                .restart(idle || firing),
                .accumulate(accumulate),
                .update(updating),
                .fire(firing),
                .x(source_data),
                .weight(weights[lane*WEIGHT_BITS+:WEIGHT_BITS]),
                .bias({{(BITS - BIAS_BITS) {bias[BIAS_BITS-1]}}, bias}),
                .threshold({{(BITS - THRESHOLD_BITS) {threshold[THRESHOLD_BITS-1]}}, threshold}),
                .floor({{(BITS - FLOOR_BITS) {floor[FLOOR_BITS-1]}}, floor}),
                .ceiling({{(BITS - CEILING_BITS) {ceiling[CEILING_BITS-1]}}, ceiling}),
                .start({{(BITS - START_BITS) {v_start[START_BITS-1]}}, v_start}),
                .value(values[lane*VALUE_BITS+:VALUE_BITS])
            );
        end
    endgenerate

    // Values leave one by one, lane 0 first, while the next neurons are summed up.
    reg [LANES*VALUE_BITS-1:0] leaving;
    assign sent = waiting[0];
    assign sent_value = leaving[VALUE_BITS-1:0];
    always @(posedge clk) begin
        if (firing) leaving <= values;
        else leaving <= leaving >> VALUE_BITS;
        if (rst) waiting <= 0;
        else if (firing) waiting <= {LANES{1'b1}};
        else waiting <= waiting >> 1;
        if (idle) sent_index <= 0;
        else if (sent) sent_index <= sent_index + 1'b1;
    end
    snn_memory #(VALUE_BITS, NEURONS, ADDRESS_BITS) output_memory (clk, sent, sent_index, sent_value, read_address, read_data);
endmodule
