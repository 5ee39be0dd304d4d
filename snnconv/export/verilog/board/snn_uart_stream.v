// The network behind a serial line. In: the bytes of a sample's frames, numbers with their lowest byte first, spikes
// eight in a byte. Out, for every sample: the sums of an output and the place of the largest, then those of the next
// output, four bytes each, the lowest first. A frame that is not whole when the line is silent for 2^SILENCE_BITS clocks
// is dropped.
module snn_uart_stream #(
    parameter CLOCKS_PER_BIT = 12,
    parameter SILENCE_BITS = 20,
    parameter [23:0] N_STEPS = 1,
    parameter EVERY_STEP = 0,
    parameter BEATS = 1,  // of a frame
    parameter BEAT_BYTES = 1,
    parameter WORDS = 2,  // of an answer
    parameter CLASS_AT = 1,  // of them, the first output's place of the largest
    parameter CLASS_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire rx,
    output wire tx,
    output reg error,  // since the last sample that was whole
    output wire [CLASS_BITS-1:0] label  // of the last sample
);
    localparam BITS = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam [31:0] MOST = BEATS - 1;
    wire [7:0] byte_in;
    wire byte_valid;
    snn_uart_receiver #(CLOCKS_PER_BIT) receiver (clk, rst, rx, byte_in, byte_valid);

    reg [BITS-1:0] number;  // of the beat in its frame
    reg [SILENCE_BITS-1:0] silence;
    wire is_last = number == MOST[BITS-1:0];
    reg valid, last, cut;
    reg [8*BEAT_BYTES-1:0] beat;
    wire beat_valid, is_whole;
    wire [8*BEAT_BYTES-1:0] next_beat;
    generate
        if (BEAT_BYTES == 1) begin : gen_bytes
            assign next_beat = byte_in;
            assign beat_valid = byte_valid;
            assign is_whole = 1'b1;
        end else begin : gen_words
            localparam PLACE_BITS = $clog2(BEAT_BYTES);  // of two bytes, or four
            reg [PLACE_BITS-1:0] place;
            assign next_beat = {byte_in, beat[8*BEAT_BYTES-1:8]};
            assign beat_valid = byte_valid && (&place);
            assign is_whole = place == 0;
            always @(posedge clk)
                if (rst || cut) place <= 0;
                else if (byte_valid) place <= place + 1'b1;
        end
    endgenerate
    wire ready;
    wire partial = number != 0 || !is_whole;
    always @(posedge clk)
        if (rst) begin
            number <= 0;
            valid <= 1'b0;
            cut <= 1'b0;
            silence <= 0;
        end else begin
            cut <= 1'b0;
            silence <= byte_valid || !partial ? {SILENCE_BITS{1'b0}} : silence + 1'b1;
            if (valid && ready) valid <= 1'b0;
            if (beat_valid) begin
                valid <= 1'b1;
                last <= is_last;
                number <= is_last ? {BITS{1'b0}} : number + 1'b1;
            end else if (&silence) begin
                valid <= number != 0;  // tlast in the middle of a frame: the stream drops it
                last <= 1'b1;
                cut <= 1'b1;
                number <= 0;
            end
        end
    always @(posedge clk) if (byte_valid) beat <= next_beat;

    wire [31:0] result;
    wire result_valid, result_last, steps_error, frame_error, sender_ready;
    reg [31:0] word;
    reg [2:0] bytes_left;
    wire result_ready = bytes_left == 0;
    snn_stream stream (
        .aclk(clk),
        .aresetn(!rst),
        .n_steps(N_STEPS),
        .every_step(EVERY_STEP != 0),
        .steps_error(steps_error),
        .frame_error(frame_error),
        .s_axis_tdata(beat),
        .s_axis_tvalid(valid),
        .s_axis_tready(ready),
        .s_axis_tlast(last),
        .m_axis_tdata(result),
        .m_axis_tvalid(result_valid),
        .m_axis_tready(result_ready),
        .m_axis_tlast(result_last)
    );
    snn_uart_sender #(CLOCKS_PER_BIT) sender (clk, rst, tx, word[7:0], bytes_left != 0, sender_ready);
    snn_label #(WORDS, CLASS_AT, CLASS_BITS) first_class (
        clk, rst, result_ready && result_valid, result[CLASS_BITS-1:0], label
    );
    always @(posedge clk)
        if (rst) begin
            bytes_left <= 3'd0;
            error <= 1'b0;
        end else begin
            error <= steps_error || frame_error || cut || (error && !(result_valid && result_last));
            if (result_ready && result_valid) begin
                word <= result;
                bytes_left <= 3'd4;
            end else if (bytes_left != 0 && sender_ready) begin
                word <= word >> 8;
                bytes_left <= bytes_left - 1'b1;
            end
        end
endmodule
