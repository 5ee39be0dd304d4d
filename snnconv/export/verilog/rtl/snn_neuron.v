// One arithmetic unit: sums up weighted inputs and steps a neuron, an output or a sum of a pool (KIND). It serves ROWS
// of them in turn and keeps the state of each; `first` makes it take all voltages for `start` and all else for 0. With
// HOLDS it also keeps their sums, and takes these where the inputs are not `fresh`.
//
// The clocks of one of them: `accumulate` for every input, `update`, `fire`; `restart` before the first. `row` and what
// depends on it stand still from two clocks before `update` to `fire`.
module snn_neuron #(
    parameter KIND = "LIF",  // "LIF", "IF", "READOUT" or "SUM"
    parameter ROWS = 1,
    parameter ROW_BITS = 1,
    parameter HOLDS = 0,
    parameter INPUT_BITS = 1,  // 1: spikes; more: signed numbers
    parameter WEIGHT_BITS = 8,
    parameter SUM_BITS = 16,
    parameter SHIFT = 0,
    parameter BITS = 32,  // of every sum behind the shift
    parameter STATE_BITS = 16,  // of a voltage, or of an output summed up
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
    // Neurons, outputs and sums need different numbers.
    // verilator lint_off UNUSED
    input wire clk,
    input wire first,
    input wire fresh,
    input wire [ROW_BITS-1:0] row,
    input wire restart,
    input wire accumulate,
    input wire update,
    input wire fire,
    input wire [INPUT_BITS-1:0] x,
    input wire signed [WEIGHT_BITS-1:0] weight,
    input wire signed [BITS-1:0] bias,
    input wire signed [BITS-1:0] threshold,
    input wire signed [BITS-1:0] floor,
    input wire signed [BITS-1:0] ceiling,
    input wire signed [BITS-1:0] start,
    output wire [VALUE_BITS-1:0] value
);
    // Signed numbers of different widths meet here. Each register is as wide as its proven range needs, so extending
    // and cutting off the sign loses nothing.
    // verilator lint_off WIDTH
    wire signed [SUM_BITS-1:0] term;
    reg signed [SUM_BITS-1:0] sum;
    generate
        if (INPUT_BITS == 1) begin : gen_spikes
            assign term = x[0] ? weight : 0;
        end else begin : gen_numbers
            wire signed [INPUT_BITS-1:0] number = x;
            assign term = number * weight;
        end
    endgenerate
    always @(posedge clk)
        if (restart) sum <= 0;
        else if (accumulate) sum <= sum + term;

    wire signed [SUM_BITS-1:0] inputs;
    generate
        if (HOLDS == 0) begin : gen_passing
            assign inputs = sum;
        end else begin : gen_held
            wire signed [SUM_BITS-1:0] kept_sum;
            assign inputs = fresh ? sum : kept_sum;
            snn_memory #(SUM_BITS, ROWS, ROW_BITS) sums (clk, update && fresh, row, sum, row, kept_sum);
        end
    endgenerate

    generate
        if (KIND == "SUM") begin : gen_sum
            assign value = inputs;
        end else begin : gen_state
            wire signed [BITS-1:0] wide_sum = inputs;
            wire signed [BITS-1:0] total = wide_sum <<< SHIFT;
            wire signed [BITS-1:0] current;
            if (SYNAPSE == 0) begin : gen_direct
                assign current = total;
            end else begin : gen_synapse
                localparam signed [SYNAPSE_PRODUCT_BITS-1:0] D = SYNAPSE;
                localparam signed [SYNAPSE_PRODUCT_BITS-1:0] HALF = 1 << (SYNAPSE_FRACTION_BITS - 1);
                wire [SYNAPSE_BITS-1:0] kept;
                wire signed [SYNAPSE_BITS-1:0] old = first ? {SYNAPSE_BITS{1'b0}} : kept;
                reg signed [SYNAPSE_PRODUCT_BITS-1:0] product;
                wire signed [SYNAPSE_PRODUCT_BITS-1:0] loss = product >>> SYNAPSE_FRACTION_BITS;
                assign current = old - loss + total;
                always @(posedge clk) product <= old * D + HALF;
                snn_memory #(SYNAPSE_BITS, ROWS, ROW_BITS) currents (clk, update, row, current[SYNAPSE_BITS-1:0], row, kept);
            end

            reg signed [BITS-1:0] drive;
            wire signed [BITS-1:0] biased = current + bias;
            always @(posedge clk) if (update) drive <= (IS_RECTIFIED != 0 && biased < 0) ? 0 : biased;

            wire [STATE_BITS-1:0] kept_state;
            wire signed [STATE_BITS-1:0] state = first ? start[STATE_BITS-1:0] : kept_state;
            wire signed [BITS-1:0] next_state;
            snn_memory #(STATE_BITS, ROWS, ROW_BITS) states (clk, fire, row, next_state[STATE_BITS-1:0], row, kept_state);

            reg signed [BITS-1:0] leaked;
            if (LEAK == 0) begin : gen_kept
                always @(posedge clk) leaked <= state;
            end else begin : gen_leak
                localparam signed [PRODUCT_BITS-1:0] D = LEAK;
                localparam signed [PRODUCT_BITS-1:0] HALF = 1 << (FRACTION_BITS - 1);
                reg signed [PRODUCT_BITS-1:0] product;
                wire signed [PRODUCT_BITS-1:0] loss = product >>> FRACTION_BITS;
                always @(posedge clk) begin
                    product <= state * D + HALF;
                    leaked <= state - loss;
                end
            end

            wire signed [BITS-1:0] potential = leaked + drive;
            if (KIND == "READOUT") begin : gen_readout
                assign next_state = potential;
                assign value = potential;
            end else begin : gen_neuron
                wire signed [BITS-1:0] floored = potential < floor ? floor : potential;
                wire resting, spiked;
                assign value = spiked;
                if (KIND == "IF") begin : gen_if
                    wire signed [BITS-1:0] rest = potential - threshold;
                    assign spiked = potential >= threshold;
                    assign next_state = !spiked ? floored : rest > ceiling ? ceiling : rest;
                end else begin : gen_lif
                    wire signed [BITS-1:0] held = state;
                    assign spiked = potential > threshold && !resting;
                    assign next_state = resting ? held : spiked ? 0 : floored;
                end
                if (REFRACTORY_STEPS == 0) begin : gen_ready
                    assign resting = 1'b0;
                end else begin : gen_refractory
                    localparam COUNT_BITS = $clog2(REFRACTORY_STEPS + 1);
                    wire [COUNT_BITS-1:0] kept_count;
                    wire [COUNT_BITS-1:0] count = first ? 0 : kept_count;
                    wire [COUNT_BITS-1:0] next_count = resting ? count - 1 : spiked ? REFRACTORY_STEPS : 0;
                    assign resting = count != 0;
                    snn_memory #(COUNT_BITS, ROWS, ROW_BITS) counts (clk, fire, row, next_count, row, kept_count);
                end
            end
        end
    endgenerate
    // verilator lint_on WIDTH
    // verilator lint_on UNUSED
endmodule
