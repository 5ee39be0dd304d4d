// A layer: what it reads, its weights, LANES sums side by side, and its neurons, which come one after the other.
//
// A step begins where a frame of inputs is ready, and one of the sums of a branch where it adds them, and there is room for
// what the layer sends. Its clocks are, with
// rows = NEURONS / LANES and CLOCKS of its registers in a row,
//     rows * (inputs of a neuron) + LANES + CLOCKS
//     rows * max(spikes among the inputs, LANES) + LANES + CLOCKS      with QUEUE
//     NEURONS + CLOCKS                                                 with HOLDS, where inputs are not fresh
module snn_layer #(
    parameter NEURONS = 2,
    parameter LANES = 1,
    parameter HOLDS = 0,  // sums of weighted inputs are kept for steps whose inputs are not fresh
    parameter QUEUE = 0,  // inputs are places of spikes
    parameter LARGEST = 0,  // of the inputs, in place of their sum
    parameter KIND = 0,
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
    parameter WEIGHT_BITS = 8,
    parameter WEIGHT_BANK_BITS = 0,  // words of a row, as a power of two, the first in its lowest bits
    parameter INPUT_BITS = 1,  // 1: spikes; more: signed numbers
    parameter READ_BITS = 1,  // INPUT_BITS, or INPUT_BITS - 1 + SOURCE_ADDRESS_BITS with QUEUE
    parameter SUM_BITS = 16,
    parameter ADDED_BITS = 0,  // of the sums of a branch that are added; 0: there is none
    parameter BIASES = 1,
    parameter BIAS_BITS = 8,
    parameter BIAS_FILE = "",
    parameter THRESHOLDS = 1,
    parameter THRESHOLD_BITS = 8,
    parameter THRESHOLD_FILE = "",
    parameter FLOORS = 0,
    parameter FLOOR_BITS = 1,
    parameter FLOOR_FILE = "",
    parameter CEILINGS = 0,
    parameter CEILING_BITS = 8,
    parameter CEILING_FILE = "",
    parameter BACKS = 1,
    parameter BACK_BITS = 8,
    parameter BACK_FILE = "",
    parameter STARTS = 0,
    parameter START_BITS = 1,
    parameter START_FILE = "",
    parameter SHIFT = 0,
    parameter BITS = 32,
    parameter STATE_BITS = 16,
    parameter LEAK_TERMS = 0,
    parameter [127:0] LEAK_PLACES = 0,
    parameter [15:0] LEAK_NEGATIVE = 0,
    parameter FRACTION_BITS = 12,
    parameter PRODUCT_BITS = 32,
    parameter REFRACTORY_STEPS = 0,
    parameter REFRACTORY_BITS = 0,
    parameter IS_RECTIFIED = 0,
    parameter SYNAPSE_TERMS = 0,
    parameter [127:0] SYNAPSE_PLACES = 0,
    parameter [15:0] SYNAPSE_NEGATIVE = 0,
    parameter SYNAPSE_FRACTION_BITS = 12,
    parameter SYNAPSE_BITS = 16,
    parameter SYNAPSE_PRODUCT_BITS = 32,
    parameter SENT_BITS = 1,
    parameter LATENCY_STEPS = 2,
    parameter LATENCY_MOST = 1,
    parameter VALUE_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire source_ready,
    input wire [2:0] source_tags,  // of a step of a sample: last, with fresh inputs, first
    input wire [SOURCE_ADDRESS_BITS:0] source_count,
    output wire [SOURCE_ADDRESS_BITS-1:0] source_address,
    input wire [READ_BITS-1:0] source_data,
    output wire [(WEIGHTS > 1 ? $clog2(WEIGHTS) : 1)-WEIGHT_BANK_BITS-1:0] weight_row_address,
    input wire [(LANES*WEIGHT_BITS << WEIGHT_BANK_BITS)-1:0] weight_row,  // two clocks behind its address
    input wire sink_free,
    output wire done,
    output reg [2:0] tags,
    output wire sent,
    output reg [ADDRESS_BITS-1:0] sent_index,
    output wire [VALUE_BITS-1:0] sent_value,
    input wire added_ready,
    output wire [ADDRESS_BITS-1:0] added_address,
    input wire [(ADDED_BITS > 0 ? ADDED_BITS : 1)-1:0] added_data
);
    localparam WEIGHT_ADDRESS_BITS = WEIGHTS > 1 ? $clog2(WEIGHTS) : 1;
    localparam BLOCKS = NEURONS / LANES / (OUT_Z * OUT_Y * OUT_X * GROUPS);
    localparam ROW_BITS = NEURONS > LANES ? $clog2(NEURONS / LANES) : 1;
    localparam [31:0] LAST_NEURON = NEURONS - 1;
    localparam [31:0] LAST_ROW = NEURONS / LANES - 1;

    localparam IDLE = 2'd0, PREPARE = 2'd1, ISSUE = 2'd2, DRAIN = 2'd3;
    reg [1:0] phase;
    wire idle = phase == IDLE;
    wire issue = phase == ISSUE;
    wire begins = idle && source_ready && added_ready && sink_free;
    wire held = HOLDS != 0 && !tags[1];
    wire last_issued;
    assign done = sent && sent_index == LAST_NEURON[ADDRESS_BITS-1:0];
    always @(posedge clk)
        if (rst) phase <= IDLE;
        else if (begins) phase <= PREPARE;
        else if (phase == PREPARE) phase <= ISSUE;
        else if (done) phase <= IDLE;
        else if (issue && last_issued) phase <= DRAIN;
    always @(posedge clk) begin
        if (begins) tags <= source_tags;
        if (idle) sent_index <= 0;
        else if (sent) sent_index <= sent_index + 1'b1;
    end

    // Inputs, one at a time: `on_input` where there is one, `row_ends` with the last one of LANES neurons.
    wire summing = issue && !held;
    wire on_input, row_ends, last_summed;
    wire [WEIGHT_ADDRESS_BITS-1:0] weight_address;
    localparam ROM_CLOCKS = WEIGHT_BANK_BITS == 0 ? 2 : 3;
    localparam WEIGHT_AT = ROM_CLOCKS + (QUEUE != 0 ? 3 : 0);  // clocks behind the input's address
    localparam SUM_AT = WEIGHT_AT + (INPUT_BITS > 2 && LARGEST == 0 ? 4 : 2);
    wire [INPUT_BITS-1:0] early_x;  // a clock before the weight
    wire early_taken;
    reg signed [INPUT_BITS-1:0] x;  // with the weight; 0 where there is no input
    reg taken;
    reg [SUM_AT-1:0] ending;  // of a row, so many clocks ago
    generate
        if (QUEUE != 0) begin : gen_queue
            localparam [31:0] INPUTS = WEIGHTS / (NEURONS / LANES);
            localparam [31:0] FEWEST = LANES - 1;
            localparam COUNT_BITS = SOURCE_ADDRESS_BITS + 1;
            reg [SOURCE_ADDRESS_BITS-1:0] place, most;
            reg [ROW_BITS-1:0] row;
            reg [WEIGHT_ADDRESS_BITS-1:0] row_address, address;
            reg [READ_BITS-1:0] spike;  // no path goes from a block of memory through the adder of the address
            reg [COUNT_BITS-1:0] n_spikes;
            wire [COUNT_BITS-1:0] fewer = n_spikes - 1'b1;
            wire unused = fewer[COUNT_BITS-1];
            wire [WEIGHT_ADDRESS_BITS-1:0] number;
            if (WEIGHT_ADDRESS_BITS > SOURCE_ADDRESS_BITS) begin : gen_rows
                assign number = {
                    {(WEIGHT_ADDRESS_BITS - SOURCE_ADDRESS_BITS) {1'b0}}, spike[SOURCE_ADDRESS_BITS-1:0]
                };
            end else begin : gen_one_row
                assign number = spike[WEIGHT_ADDRESS_BITS-1:0];
            end
            if (INPUT_BITS == 1) begin : gen_spikes
                assign early_x = 1'b1;
            end else begin : gen_signed_spikes
                assign early_x[0] = 1'b1;
                snn_delay #(1, WEIGHT_AT - 3) sign_delay (clk, spike[READ_BITS-1], early_x[1]);
            end
            assign source_address = place;
            assign on_input = {1'b0, place} < n_spikes;
            assign row_ends = place == most;
            assign last_summed = row_ends && row == LAST_ROW[ROW_BITS-1:0];
            assign weight_address = address;
            always @(posedge clk) begin
                if (idle) n_spikes <= source_count;
                if (phase == PREPARE)
                    most <= n_spikes > FEWEST[COUNT_BITS-1:0]
                        ? fewer[SOURCE_ADDRESS_BITS-1:0] : FEWEST[SOURCE_ADDRESS_BITS-1:0];
                if (idle || row_ends) place <= 0;
                else if (summing) place <= place + 1'b1;
                if (idle) row <= 0;
                else if (summing && row_ends) row <= row + 1'b1;
                spike <= source_data;
                if (idle) row_address <= 0;
                else if (ending[1]) row_address <= row_address + INPUTS[WEIGHT_ADDRESS_BITS-1:0];
                address <= row_address + number;
            end
        end else begin : gen_scan
            wire last_of_place, last_neurons;
            reg [WEIGHT_ADDRESS_BITS-1:0] address;
            assign weight_address = address;
            assign last_summed = row_ends && last_neurons;
            snn_delay #(INPUT_BITS, WEIGHT_AT - 2) x_delay (clk, source_data, early_x);
            wire unused = &{1'b0, source_count};
            always @(posedge clk) begin
                if (idle || (summing && row_ends && last_of_place)) address <= 0;
                else if (summing) address <= address + 1'b1;
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
                .address(source_address),
                .on_input(on_input),
                .last_input(row_ends),
                .last_of_place(last_of_place),
                .last_neurons(last_neurons)
            );
        end
    endgenerate

    wire [LANES*WEIGHT_BITS-1:0] weights;
    assign weight_row_address = weight_address[WEIGHT_ADDRESS_BITS-1:WEIGHT_BANK_BITS];
    generate
        if (WEIGHT_BANK_BITS == 0) begin : gen_word
            assign weights = weight_row;
        end else begin : gen_banks
            // Chosen in a third clock: no path goes from a block of memory through the choice between words.
            wire [WEIGHT_BANK_BITS-1:0] bank;
            reg [LANES*WEIGHT_BITS-1:0] word;
            snn_delay #(WEIGHT_BANK_BITS, 2) bank_delay (clk, weight_address[WEIGHT_BANK_BITS-1:0], bank);
            always @(posedge clk) word <= weight_row[bank*LANES*WEIGHT_BITS+:LANES*WEIGHT_BITS];
            assign weights = word;
        end
    endgenerate

    wire starts_sum, sums_end;
    reg row_starts;
    always @(posedge clk)
        if (idle) row_starts <= 1'b1;
        else if (summing) row_starts <= row_ends;
    snn_delay #(1, WEIGHT_AT - 1) taken_delay (clk, summing && on_input, early_taken);
    always @(posedge clk) begin
        taken <= early_taken;
        x <= early_taken ? early_x : {INPUT_BITS{1'b0}};
    end
    snn_delay #(1, SUM_AT - 1) starts_delay (clk, row_starts, starts_sum);
    assign sums_end = ending[SUM_AT-1];
    always @(posedge clk)
        if (rst) ending <= 0;
        else ending <= {ending[SUM_AT-2:0], summing && row_ends};

    wire [LANES*SUM_BITS-1:0] sums;
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_lane
            snn_sum #(INPUT_BITS, WEIGHT_BITS, SUM_BITS, LARGEST) lane_sum (
                clk, taken, x, weights[lane*WEIGHT_BITS+:WEIGHT_BITS], starts_sum, sums[lane*SUM_BITS+:SUM_BITS]
            );
        end
    endgenerate

    // Sums leave one by one, lane 0 first, while those of the next neurons are made.
    wire sum_valid;
    wire [SUM_BITS-1:0] sum;
    generate
        if (LANES == 1) begin : gen_one
            assign sum_valid = sums_end;
            assign sum = sums;
        end else begin : gen_leaving
            reg [LANES*SUM_BITS-1:0] leaving;
            reg [LANES-1:0] waiting;
            assign sum_valid = waiting[0];
            assign sum = leaving[SUM_BITS-1:0];
            always @(posedge clk) begin
                leaving <= sums_end ? sums : leaving >> SUM_BITS;
                if (rst) waiting <= 0;
                else waiting <= sums_end ? {LANES{1'b1}} : waiting >> 1;
            end
        end
    endgenerate

    wire valid;
    generate
        if (HOLDS == 0) begin : gen_fresh
            assign valid = sum_valid;
            assign last_issued = last_summed;
        end else begin : gen_holds
            reg [ADDRESS_BITS-1:0] number;
            always @(posedge clk)
                if (idle) number <= 0;
                else if (issue) number <= number + 1'b1;
            assign valid = held ? issue : sum_valid;
            assign last_issued = held ? number == LAST_NEURON[ADDRESS_BITS-1:0] : last_summed;
        end
    endgenerate

    snn_neuron #(
        .KIND(KIND),
        .NEURONS(NEURONS),
        .ADDRESS_BITS(ADDRESS_BITS),
        .HOLDS(HOLDS),
        .BIASES(BIASES),
        .BIAS_BITS(BIAS_BITS),
        .BIAS_FILE(BIAS_FILE),
        .THRESHOLDS(THRESHOLDS),
        .THRESHOLD_BITS(THRESHOLD_BITS),
        .THRESHOLD_FILE(THRESHOLD_FILE),
        .FLOORS(FLOORS),
        .FLOOR_BITS(FLOOR_BITS),
        .FLOOR_FILE(FLOOR_FILE),
        .CEILINGS(CEILINGS),
        .CEILING_BITS(CEILING_BITS),
        .CEILING_FILE(CEILING_FILE),
        .BACKS(BACKS),
        .BACK_BITS(BACK_BITS),
        .BACK_FILE(BACK_FILE),
        .STARTS(STARTS),
        .START_BITS(START_BITS),
        .START_FILE(START_FILE),
        .SUM_BITS(SUM_BITS),
        .ADDED_BITS(ADDED_BITS),
        .SHIFT(SHIFT),
        .BITS(BITS),
        .STATE_BITS(STATE_BITS),
        .LEAK_TERMS(LEAK_TERMS),
        .LEAK_PLACES(LEAK_PLACES),
        .LEAK_NEGATIVE(LEAK_NEGATIVE),
        .FRACTION_BITS(FRACTION_BITS),
        .PRODUCT_BITS(PRODUCT_BITS),
        .REFRACTORY_STEPS(REFRACTORY_STEPS),
        .REFRACTORY_BITS(REFRACTORY_BITS),
        .IS_RECTIFIED(IS_RECTIFIED),
        .SYNAPSE_TERMS(SYNAPSE_TERMS),
        .SYNAPSE_PLACES(SYNAPSE_PLACES),
        .SYNAPSE_NEGATIVE(SYNAPSE_NEGATIVE),
        .SYNAPSE_FRACTION_BITS(SYNAPSE_FRACTION_BITS),
        .SYNAPSE_BITS(SYNAPSE_BITS),
        .SYNAPSE_PRODUCT_BITS(SYNAPSE_PRODUCT_BITS),
        .SENT_BITS(SENT_BITS),
        .LATENCY_STEPS(LATENCY_STEPS),
        .LATENCY_MOST(LATENCY_MOST),
        .VALUE_BITS(VALUE_BITS)
    ) neuron (
        .clk(clk),
        .rst(rst),
        .clear(idle),
        .first(tags[0]),
        .held(held),
        .valid(valid),
        .sum(sum),
        .sent(sent),
        .value(sent_value),
        .added_address(added_address),
        .added(added_data)
    );
endmodule
