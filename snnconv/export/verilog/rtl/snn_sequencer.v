// The steps of a sample: each frame is given to the first layer n_steps times, or once with `every_step`. Steps are
// counted from 1 to n_steps, and none begins while `error` says that n_steps is 0 or more than the proven MOST_STEPS.
// `n_steps` and `every_step` stand still while a sample is computed.
module snn_sequencer #(
    parameter HOLDS = 0,  // the first layer needs each frame only once
    parameter MOST_STEPS = 1000
) (
    input wire clk,
    input wire rst,
    input wire [23:0] n_steps,
    input wire every_step,
    output reg error,
    input wire frame_ready,
    output wire frame_release,
    output wire step_ready,
    output wire [2:0] step_tags,  // last, with fresh inputs, first
    input wire step_done
);
    localparam [31:0] MOST = MOST_STEPS;
    localparam BITS = $clog2(MOST_STEPS + 1);
    wire [BITS-1:0] one = {{(BITS - 1) {1'b0}}, 1'b1};
    wire [BITS-1:0] wanted = n_steps[BITS-1:0];  // all of it, where there is no error
    reg [BITS-1:0] number;
    reg first;
    // Numbers are compared a clock ahead: with a step that has just ended, the one that follows it was.
    reg ended, is_one, is_same, is_next;
    wire last = !ended ? is_same : first ? is_one : is_next;
    wire fresh = first || every_step;
    assign step_ready = !error && (frame_ready || !fresh);
    assign step_tags = {last, fresh, first};
    assign frame_release = step_done && (every_step || (HOLDS != 0 ? first : last));
    always @(posedge clk) begin
        error <= n_steps == 0 || n_steps > MOST[23:0];
        ended <= step_done;
        is_one <= wanted == one;
        is_same <= number == wanted;
        is_next <= number + one == wanted;
        if (rst || (step_done && last)) begin
            number <= one;
            first <= 1'b1;
        end else if (step_done) begin
            number <= number + one;
            first <= 1'b0;
        end
    end
endmodule
