// The neurons, outputs or sums of a pool (KIND) of a layer, which come one after the other: a new one in every clock.
//
// `valid` says that the sum of the weighted inputs of the next neuron is there, `sent` that a value is. `clear` goes
// back to the first neuron. `first` makes all take `start` for their voltage and 0 for all else. With HOLDS sums are kept,
// and taken in place of `sum` where `held`.
module snn_neuron #(
    // 0: LIF, 1: IF, 2: outputs that are summed up over time, 3: sums, 4: IF that takes spikes back, 5: growth of sums,
    // 6: numbers in the latency code, 7: sums of a branch, for a layer that adds them
    parameter KIND = 0,
    parameter NEURONS = 2,
    parameter ADDRESS_BITS = 1,
    parameter HOLDS = 0,
    parameter BIASES = 1,  // numbers; they are used in turn, again and again
    parameter BIAS_BITS = 8,
    parameter BIAS_FILE = "",
    parameter THRESHOLDS = 1,
    parameter THRESHOLD_BITS = 8,
    parameter THRESHOLD_FILE = "",
    parameter FLOORS = 0,  // 0: no voltage comes below the floor
    parameter FLOOR_BITS = 1,
    parameter FLOOR_FILE = "",
    parameter CEILINGS = 0,  // 0: no voltage comes above the ceiling
    parameter CEILING_BITS = 8,
    parameter CEILING_FILE = "",
    parameter BACKS = 1,
    parameter BACK_BITS = 8,
    parameter BACK_FILE = "",
    parameter STARTS = 0,  // 0: voltages start at 0
    parameter START_BITS = 1,
    parameter START_FILE = "",
    parameter SUM_BITS = 16,
    parameter ADDED_BITS = 0,  // of the sums of a branch that are added; 0: there is none
    parameter SHIFT = 0,
    parameter BITS = 32,  // of every sum behind the shift: more than of each of these numbers
    parameter STATE_BITS = 16,  // of a voltage, or of an output summed up
    parameter LEAK_TERMS = 0,
    parameter [127:0] LEAK_PLACES = 0,
    parameter [15:0] LEAK_NEGATIVE = 0,
    parameter FRACTION_BITS = 12,
    parameter PRODUCT_BITS = 32,
    parameter REFRACTORY_STEPS = 0,  // of rest, or with REFRACTORY_BITS in parts of a step
    parameter REFRACTORY_BITS = 0,
    parameter IS_RECTIFIED = 0,
    parameter SYNAPSE_TERMS = 0,
    parameter [127:0] SYNAPSE_PLACES = 0,
    parameter [15:0] SYNAPSE_NEGATIVE = 0,
    parameter SYNAPSE_FRACTION_BITS = 12,
    parameter SYNAPSE_BITS = 16,
    parameter SYNAPSE_PRODUCT_BITS = 32,
    parameter SENT_BITS = 1,  // of the number of spikes sent and not taken back
    parameter LATENCY_STEPS = 2,
    parameter LATENCY_MOST = 1,
    parameter VALUE_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire clear,
    input wire first,
    input wire held,
    input wire valid,
    input wire signed [SUM_BITS-1:0] sum,
    output wire sent,
    output wire [VALUE_BITS-1:0] value,
    output wire [ADDRESS_BITS-1:0] added_address,
    input wire [(ADDED_BITS > 0 ? ADDED_BITS : 1)-1:0] added
);
    // Clocks from `valid` on at which a number is in its register.
    localparam INPUTS_AT = ADDED_BITS == 0 ? 2 : 3;
    localparam SYNAPSE_CLOCKS = SYNAPSE_TERMS == 0 ? 0 : SYNAPSE_TERMS > 2 ? $clog2(SYNAPSE_TERMS) + 1 : 2;
    localparam CURRENT_AT = INPUTS_AT + SYNAPSE_CLOCKS;
    localparam DRIVE_AT = CURRENT_AT + (IS_RECTIFIED != 0 ? 2 : 1);
    localparam PARTS = REFRACTORY_STEPS == 0 ? 0 : REFRACTORY_BITS;
    localparam SHARED_AT = DRIVE_AT + (PARTS == 0 ? 0 : PARTS + 1);
    localparam POTENTIAL_AT = SHARED_AT + (LEAK_TERMS == 0 ? 1 : LEAK_TERMS > 2 ? $clog2(LEAK_TERMS) + 1 : 2);
    localparam VALUE_AT = KIND == 3 || KIND == 7 ? INPUTS_AT : KIND > 4 ? INPUTS_AT + 1
        : POTENTIAL_AT + (KIND == 2 ? 0 : KIND != 0 ? 3 : PARTS == 0 ? 2 : 2 * PARTS + 4);

    reg [VALUE_AT:1] behind;
    wire [VALUE_AT:0] at = {behind, valid};
    always @(posedge clk)
        if (rst) behind <= 0;
        else behind <= at[VALUE_AT-1:0];
    assign sent = at[VALUE_AT];

    reg signed [SUM_BITS-1:0] given;
    wire signed [SUM_BITS-1:0] inputs;
    generate
        if (HOLDS != 0) begin : gen_held
            // Read a clock ahead, so that a register stands between the memory and the choice.
            reg [ADDRESS_BITS-1:0] place;
            wire [ADDRESS_BITS-1:0] next_place = clear ? {ADDRESS_BITS{1'b0}} : valid ? place + 1'b1 : place;
            wire [SUM_BITS-1:0] kept;
            reg [SUM_BITS-1:0] waited, old_kept;
            snn_memory #(SUM_BITS, NEURONS, ADDRESS_BITS) sums (clk, valid && !held, place, sum, next_place, kept);
            always @(posedge clk) begin
                place <= next_place;
                waited <= sum;
                old_kept <= kept;
                given <= held ? old_kept : waited;
            end
        end else begin : gen_passing
            reg [SUM_BITS-1:0] waited;
            always @(posedge clk) begin
                waited <= sum;
                given <= waited;
            end
            wire unused = held;
        end
        if (KIND == 3 || KIND == 5 || KIND == 6) begin : gen_no_branch
            assign added_address = 0;
            wire unused_added = &{1'b0, added};
        end
        if (KIND == 3) begin : gen_sum
            assign value = inputs[VALUE_BITS-1:0];
            wire unused = &{1'b0, clear, first, inputs};
        end else if (KIND == 7) begin : gen_branch
            wire [BITS-1:0] total;
            snn_total #(SUM_BITS, SHIFT, BITS, ADDED_BITS, ADDRESS_BITS) all_sums (
                clk, clear, valid, inputs, added_address, added, total
            );
            assign value = total[VALUE_BITS-1:0];
            wire unused = &{1'b0, first, total};
        end else if (KIND == 5) begin : gen_growth
            wire [STATE_BITS-1:0] kept;
            reg [STATE_BITS-1:0] next, growth;
            snn_states #(STATE_BITS, NEURONS, ADDRESS_BITS) states (clk, clear, at[INPUTS_AT-2], kept, sent, next);
            always @(posedge clk) begin
                next <= inputs;
                growth <= inputs - (first ? {STATE_BITS{1'b0}} : kept);
            end
            assign value = growth[VALUE_BITS-1:0];
            wire unused = &{1'b0, growth};
        end else if (KIND == 6) begin : gen_latency
            snn_latency #(LATENCY_STEPS, LATENCY_MOST, SUM_BITS) latency (clk, clear, first, inputs, value[0]);
        end else begin : gen_state
            wire signed [BITS-1:0] total;
            snn_total #(SUM_BITS, SHIFT, BITS, ADDED_BITS, ADDRESS_BITS) all_sums (
                clk, clear, valid, inputs, added_address, added, total
            );
            wire signed [BITS-1:0] current;
            if (SYNAPSE_TERMS == 0) begin : gen_direct
                assign current = total;
            end else begin : gen_synapse
                wire [SYNAPSE_BITS-1:0] kept;
                snn_states #(SYNAPSE_BITS, NEURONS, ADDRESS_BITS) currents (
                    clk, clear, at[INPUTS_AT-2], kept, at[CURRENT_AT], current[SYNAPSE_BITS-1:0]
                );
                snn_leak #(
                    SYNAPSE_BITS, BITS, SYNAPSE_PRODUCT_BITS, SYNAPSE_TERMS, SYNAPSE_PLACES, SYNAPSE_NEGATIVE,
                    SYNAPSE_FRACTION_BITS
                ) synapse (clk, first ? {SYNAPSE_BITS{1'b0}} : kept, total, current);
            end

            wire signed [BIAS_BITS-1:0] bias;
            snn_turn #(BIAS_BITS, BIASES, BIAS_FILE) biases (clk, clear, at[CURRENT_AT-2], bias);
            reg signed [BITS-1:0] biased;
            always @(posedge clk) biased <= current + {{(BITS - BIAS_BITS) {bias[BIAS_BITS-1]}}, bias};
            wire signed [BITS-1:0] drive;
            if (IS_RECTIFIED != 0) begin : gen_rectified
                reg signed [BITS-1:0] positive;
                always @(posedge clk) positive <= biased[BITS-1] ? {BITS{1'b0}} : biased;
                assign drive = positive;
            end else begin : gen_signed
                assign drive = biased;
            end

            localparam COUNT_BITS = KIND == 4 ? SENT_BITS : REFRACTORY_STEPS == 0 ? 0 : $clog2(REFRACTORY_STEPS + 1);
            localparam KEPT_BITS = STATE_BITS + COUNT_BITS;
            wire [KEPT_BITS-1:0] kept, next;
            snn_states #(KEPT_BITS, NEURONS, ADDRESS_BITS) states (clk, clear, at[DRIVE_AT-2], kept, sent, next);
            wire [STATE_BITS-1:0] start;
            if (STARTS == 0) begin : gen_zero
                assign start = 0;
            end else begin : gen_start
                wire signed [START_BITS-1:0] start_word;
                snn_turn #(START_BITS, STARTS, START_FILE) starts (clk, clear, at[DRIVE_AT-2], start_word);
                if (STATE_BITS > START_BITS) begin : gen_wide
                    assign start = {{(STATE_BITS - START_BITS) {start_word[START_BITS-1]}}, start_word};
                end else begin : gen_same
                    assign start = start_word[STATE_BITS-1:0];
                end
            end
            wire [STATE_BITS-1:0] state_word;
            wire signed [STATE_BITS-1:0] state = state_word;
            snn_delay #(STATE_BITS, SHARED_AT - DRIVE_AT) state_delay (
                clk, first ? start : kept[STATE_BITS-1:0], state_word
            );
            wire signed [BITS-1:0] shared;
            localparam SHARE_BITS = PARTS + 1;
            wire [SHARE_BITS-1:0] share;  // parts of the step that are left when rest has ended
            if (PARTS == 0) begin : gen_whole
                assign share = 1'b1;
                assign shared = drive;
                wire unused_share = share;
            end else begin : gen_share
                localparam [31:0] ONE = 1 << PARTS;
                localparam WIDE = BITS + PARTS + 2;
                localparam LEFT_BITS = COUNT_BITS + SHARE_BITS;
                wire [WIDE-1:0] one = {{(WIDE - 1) {1'b0}}, 1'b1};
                wire [LEFT_BITS-1:0] left = first
                    ? {LEFT_BITS{1'b0}} : {{SHARE_BITS{1'b0}}, kept[STATE_BITS+:COUNT_BITS]};
                assign share = left >= ONE[LEFT_BITS-1:0]
                    ? {SHARE_BITS{1'b0}} : ONE[SHARE_BITS-1:0] - left[SHARE_BITS-1:0];
                wire signed [WIDE-1:0] scaled;
                snn_scaled #(BITS, SHARE_BITS, WIDE) drive_share (clk, drive, share, one << PARTS - 1, scaled);
                assign shared = scaled[PARTS+:BITS];
                wire unused_scaled = &{1'b0, scaled};
            end
            wire signed [BITS-1:0] potential;
            snn_leak #(
                STATE_BITS, BITS, PRODUCT_BITS, LEAK_TERMS, LEAK_PLACES, LEAK_NEGATIVE, FRACTION_BITS
            ) leak (clk, state, shared, potential);

            if (KIND == 2) begin : gen_readout
                assign next = potential[STATE_BITS-1:0];
                assign value = potential[STATE_BITS-1:0];
                wire unused = &{1'b0, potential};
            end else begin : gen_neuron
                wire signed [THRESHOLD_BITS-1:0] threshold_word;
                snn_turn #(THRESHOLD_BITS, THRESHOLDS, THRESHOLD_FILE) thresholds (
                    clk, clear, at[POTENTIAL_AT-2], threshold_word
                );
                wire signed [BITS-1:0] threshold = {
                    {(BITS - THRESHOLD_BITS) {threshold_word[THRESHOLD_BITS-1]}}, threshold_word
                };
                reg [STATE_BITS-1:0] voltage;
                reg spiked;
                // What lies below the floor is found in one clock and put there in the next.
                reg signed [BITS-1:0] old_potential;
                wire signed [BITS-1:0] lowest;
                wire is_low;
                wire [BITS-1:0] floored = is_low ? lowest : old_potential;
                wire unused = &{1'b0, floored};
                always @(posedge clk) old_potential <= potential;
                if (FLOORS == 0) begin : gen_no_floor
                    assign is_low = 1'b0;
                    assign lowest = 0;
                end else begin : gen_floor
                    wire signed [FLOOR_BITS-1:0] floor_word;
                    snn_turn #(FLOOR_BITS, FLOORS, FLOOR_FILE) floors (clk, clear, at[POTENTIAL_AT-2], floor_word);
                    wire signed [BITS-1:0] floor = {{(BITS - FLOOR_BITS) {floor_word[FLOOR_BITS-1]}}, floor_word};
                    reg signed [BITS-1:0] old_floor;
                    reg below;
                    always @(posedge clk) begin
                        old_floor <= floor;
                        below <= potential < floor;
                    end
                    assign is_low = below;
                    assign lowest = old_floor;
                end
                if (KIND == 4) begin : gen_signed_value
                    assign value[0] = spiked;
                end else begin : gen_value
                    assign value = spiked;
                end
                if (KIND == 1 || KIND == 4) begin : gen_if
                    reg signed [BITS-1:0] rest;
                    reg [STATE_BITS-1:0] uncut;
                    wire [STATE_BITS-1:0] after;
                    reg fires;
                    always @(posedge clk) begin
                        rest <= potential - threshold;
                        fires <= !rest[BITS-1];
                        uncut <= rest[BITS-1] ? floored[STATE_BITS-1:0] : rest[STATE_BITS-1:0];
                    end
                    if (CEILINGS == 0) begin : gen_no_ceiling
                        assign after = uncut;
                    end else begin : gen_ceiling
                        wire signed [CEILING_BITS-1:0] ceiling_word;
                        snn_turn #(CEILING_BITS, CEILINGS, CEILING_FILE) ceilings (
                            clk, clear, at[POTENTIAL_AT-1], ceiling_word
                        );
                        wire signed [BITS-1:0] ceiling = {
                            {(BITS - CEILING_BITS) {ceiling_word[CEILING_BITS-1]}}, ceiling_word
                        };
                        reg [STATE_BITS-1:0] most;
                        reg over;
                        always @(posedge clk) begin
                            over <= rest > ceiling;
                            most <= ceiling[STATE_BITS-1:0];
                        end
                        assign after = fires && over ? most : uncut;
                    end
                    if (KIND == 1) begin : gen_unsigned
                        always @(posedge clk) begin
                            spiked <= fires;
                            voltage <= after;
                        end
                        assign next = voltage;
                    end else begin : gen_signed
                        wire signed [BACK_BITS-1:0] back_word;
                        snn_turn #(BACK_BITS, BACKS, BACK_FILE) backs (clk, clear, at[POTENTIAL_AT-2], back_word);
                        wire signed [BITS-1:0] back = {{(BITS - BACK_BITS) {back_word[BACK_BITS-1]}}, back_word};
                        wire [COUNT_BITS-1:0] count;
                        snn_delay #(COUNT_BITS, POTENTIAL_AT + 1 - DRIVE_AT) count_delay (
                            clk, first ? {COUNT_BITS{1'b0}} : kept[STATE_BITS+:COUNT_BITS], count
                        );
                        reg signed [BITS-1:0] lack, raised;
                        reg [BITS-1:0] raised_floored;
                        reg [COUNT_BITS-1:0] old_count, next_count;
                        reg takes, negative;
                        wire unused_bits = &{1'b0, raised_floored};
                        assign value[1] = negative;
                        always @(posedge clk) begin
                            lack <= potential + back;  // above 0: no spike is taken back
                            raised <= potential + threshold;
                            takes <= count != 0 && (lack[BITS-1] || lack == 0);
                            raised_floored <= FLOORS != 0 && raised < lowest ? lowest : raised;
                            old_count <= count;
                            spiked <= fires || takes;
                            negative <= takes;
                            voltage <= takes ? raised_floored[STATE_BITS-1:0] : after;
                            next_count <= takes ? old_count - 1'b1 : fires ? old_count + 1'b1 : old_count;
                        end
                        assign next = {next_count, voltage};
                    end
                end else begin : gen_lif
                    reg above;
                    always @(posedge clk) above <= potential > threshold;
                    wire resting;
                    if (PARTS == 0) begin : gen_whole_steps
                        always @(posedge clk) begin
                            spiked <= above && !resting;
                            // A neuron that rests has fired, and its voltage stays 0.
                            voltage <= above || resting ? {STATE_BITS{1'b0}} : floored[STATE_BITS-1:0];
                        end
                    end else begin : gen_parts
                        // While the parts of the step since the crossing are found, all else waits.
                        wire waited;
                        wire [STATE_BITS-1:0] waited_voltage;
                        snn_delay #(STATE_BITS + 1, 2 * PARTS + 2) spike_delay (
                            clk, {above, above ? {STATE_BITS{1'b0}} : floored[STATE_BITS-1:0]}, {waited, waited_voltage}
                        );
                        always @(posedge clk) begin
                            spiked <= waited;
                            voltage <= waited_voltage;
                        end
                    end
                    if (REFRACTORY_STEPS == 0) begin : gen_ready
                        assign resting = 1'b0;
                        assign next = voltage;
                    end else if (PARTS != 0) begin : gen_part_count
                        localparam [31:0] REST = REFRACTORY_STEPS;
                        localparam [31:0] ONE = 1 << PARTS;
                        localparam WIDE = COUNT_BITS + SHARE_BITS;
                        wire [STATE_BITS-1:0] old;
                        wire [SHARE_BITS-1:0] old_share, passed;
                        wire [COUNT_BITS-1:0] count;
                        snn_delay #(STATE_BITS, POTENTIAL_AT - SHARED_AT) old_delay (clk, state, old);
                        snn_delay #(SHARE_BITS, POTENTIAL_AT - DRIVE_AT) share_delay (clk, share, old_share);
                        snn_delay #(COUNT_BITS, VALUE_AT - 1 - DRIVE_AT) count_delay (
                            clk, first ? {COUNT_BITS{1'b0}} : kept[STATE_BITS+:COUNT_BITS], count
                        );
                        snn_passed #(BITS, PARTS) crossing (
                            clk, potential, {{(BITS - STATE_BITS) {old[STATE_BITS-1]}}, old}, threshold, old_share, passed
                        );
                        wire [WIDE-1:0] wide_count = {{SHARE_BITS{1'b0}}, count};
                        wire [WIDE-1:0] wide_passed = {{COUNT_BITS{1'b0}}, passed};
                        wire [WIDE-1:0] whole = gen_parts.waited ? REST[WIDE-1:0] : wide_count;
                        wire [WIDE-1:0] less = gen_parts.waited ? wide_passed : ONE[WIDE-1:0];
                        wire [WIDE-1:0] rest = whole - less;
                        wire unused_rest = &{1'b0, rest};
                        reg [COUNT_BITS-1:0] next_count;
                        assign resting = 1'b0;
                        wire unused_resting = resting;
                        always @(posedge clk) next_count <= whole > less ? rest[COUNT_BITS-1:0] : {COUNT_BITS{1'b0}};
                        assign next = {next_count, voltage};
                    end else begin : gen_refractory
                        localparam [31:0] REST = REFRACTORY_STEPS;
                        wire [COUNT_BITS-1:0] count;
                        wire [COUNT_BITS-1:0] kept_count = first ? {COUNT_BITS{1'b0}} : kept[STATE_BITS+:COUNT_BITS];
                        reg [COUNT_BITS-1:0] next_count;
                        snn_delay #(COUNT_BITS, POTENTIAL_AT + 1 - DRIVE_AT) count_delay (clk, kept_count, count);
                        assign resting = count != 0;
                        always @(posedge clk)
                            next_count <= resting ? count - 1'b1 : above ? REST[COUNT_BITS-1:0] : {COUNT_BITS{1'b0}};
                        assign next = {next_count, voltage};
                    end
                end
            end
        end
    endgenerate
    assign inputs = given;
endmodule
