// The network behind AXI: samples and results are AXI4-Streams, as those of snn_stream; registers are AXI4-Lite:
//     0x00  read   0x534e4e31, "SNN1"
//     0x04  both   steps of a sample; to be written while no sample is computed
//     0x08  read   bit 0: steps out of range; bit 1: the last frame was not whole
//     0x0c  read   class of the last sample, of its first output
//     0x10  read   samples that were computed
module snn_axi #(
    parameter [23:0] N_STEPS = 1,
    parameter EVERY_STEP = 0,
    parameter BEAT_BITS = 8,
    parameter WORDS = 2,  // of a result
    parameter CLASS_AT = 1,  // of them, the first output's place of the largest
    parameter CLASS_BITS = 1
) (
    input wire aclk,
    input wire aresetn,
    input wire [4:0] s_axi_awaddr,
    input wire s_axi_awvalid,
    output wire s_axi_awready,
    input wire [31:0] s_axi_wdata,
    input wire [3:0] s_axi_wstrb,
    input wire s_axi_wvalid,
    output wire s_axi_wready,
    output wire [1:0] s_axi_bresp,
    output reg s_axi_bvalid,
    input wire s_axi_bready,
    input wire [4:0] s_axi_araddr,
    input wire s_axi_arvalid,
    output wire s_axi_arready,
    output reg [31:0] s_axi_rdata,
    output wire [1:0] s_axi_rresp,
    output reg s_axi_rvalid,
    input wire s_axi_rready,
    input wire [BEAT_BITS-1:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    input wire s_axis_tlast,
    output wire [31:0] m_axis_tdata,
    output wire [3:0] m_axis_tkeep,
    output wire m_axis_tvalid,
    input wire m_axis_tready,
    output wire m_axis_tlast,
    output wire error,
    output wire [CLASS_BITS-1:0] label  // of the last sample
);
    localparam [2:0] STEPS_AT = 3'd1;
    reg [23:0] n_steps;
    reg [31:0] samples;
    wire steps_error, frame_error;
    assign error = steps_error || frame_error;

    // An address and its data are taken together, and an answer is waited for before the next ones are.
    wire write = s_axi_awvalid && s_axi_wvalid && !s_axi_bvalid;
    assign s_axi_awready = write;
    assign s_axi_wready = write;
    assign s_axi_bresp = 2'b00;
    always @(posedge aclk)
        if (!aresetn) begin
            s_axi_bvalid <= 1'b0;
            n_steps <= N_STEPS;
        end else begin
            if (write) s_axi_bvalid <= 1'b1;
            else if (s_axi_bready) s_axi_bvalid <= 1'b0;
            if (write && s_axi_awaddr[4:2] == STEPS_AT) begin
                if (s_axi_wstrb[0]) n_steps[7:0] <= s_axi_wdata[7:0];
                if (s_axi_wstrb[1]) n_steps[15:8] <= s_axi_wdata[15:8];
                if (s_axi_wstrb[2]) n_steps[23:16] <= s_axi_wdata[23:16];
            end
        end

    wire read = s_axi_arvalid && !s_axi_rvalid;
    assign s_axi_arready = read;
    assign s_axi_rresp = 2'b00;
    always @(posedge aclk)
        if (!aresetn) s_axi_rvalid <= 1'b0;
        else if (read) s_axi_rvalid <= 1'b1;
        else if (s_axi_rready) s_axi_rvalid <= 1'b0;
    always @(posedge aclk)
        if (read)
            case (s_axi_araddr[4:2])
                3'd0: s_axi_rdata <= 32'h534e4e31;
                STEPS_AT: s_axi_rdata <= {8'd0, n_steps};
                3'd2: s_axi_rdata <= {30'd0, frame_error, steps_error};
                3'd3: s_axi_rdata <= {{(32 - CLASS_BITS) {1'b0}}, label};
                3'd4: s_axi_rdata <= samples;
                default: s_axi_rdata <= 32'd0;
            endcase

    assign m_axis_tkeep = 4'hf;
    always @(posedge aclk)
        if (!aresetn) samples <= 32'd0;
        else if (m_axis_tvalid && m_axis_tready && m_axis_tlast) samples <= samples + 1'b1;
    snn_label #(WORDS, CLASS_AT, CLASS_BITS) first_class (
        aclk, !aresetn, m_axis_tvalid && m_axis_tready, m_axis_tdata[CLASS_BITS-1:0], label
    );

    snn_stream stream (
        .aclk(aclk),
        .aresetn(aresetn),
        .n_steps(n_steps),
        .every_step(EVERY_STEP != 0),
        .steps_error(steps_error),
        .frame_error(frame_error),
        .s_axis_tdata(s_axis_tdata),
        .s_axis_tvalid(s_axis_tvalid),
        .s_axis_tready(s_axis_tready),
        .s_axis_tlast(s_axis_tlast),
        .m_axis_tdata(m_axis_tdata),
        .m_axis_tvalid(m_axis_tvalid),
        .m_axis_tready(m_axis_tready),
        .m_axis_tlast(m_axis_tlast)
    );
    wire unused = &{1'b0, s_axi_awaddr[1:0], s_axi_araddr[1:0], s_axi_wdata[31:24], s_axi_wstrb[3]};
endmodule
