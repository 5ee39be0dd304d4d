"""A simulated board at the end of a serial line: what programs write to a pseudoterminal reaches its pins."""

import os
import pty
import subprocess
import threading
import tty
from contextlib import contextmanager

BENCH = """\
`timescale 1ns / 1ps
module tb_board;
    reg clk = 1'b0, rx = 1'b1;
    always #5 clk = !clk;
    wire tx, led_error;
    wire [3:0] led_class;
    snn_board board (clk, rx, tx, led_error, led_class);
    integer given, taken, byte_in, bit_in, bit_out, sent = 0, number;
    reg [7:0] byte_out;
    initial begin
        given = $fopen("to_board", "rb");
        taken = $fopen("from_board", "w");
        repeat (40) @(negedge clk);
        while (1) begin
            for (number = 0; number < {bytes_in}; number = number + 1) begin
                byte_in = $fgetc(given);
                if (byte_in < 0) $finish;
                rx = 1'b0;
                repeat ({bit}) @(negedge clk);
                for (bit_in = 0; bit_in < 8; bit_in = bit_in + 1) begin
                    rx = byte_in[bit_in];
                    repeat ({bit}) @(negedge clk);
                end
                rx = 1'b1;
                repeat ({bit}) @(negedge clk);
            end
            wait (sent == {bytes_out});  // standing still for a byte, the simulator would compute nothing
            sent = 0;
        end
    end
    always @(negedge tx) begin
        repeat ({bit} / 2) @(negedge clk);
        for (bit_out = 0; bit_out < 8; bit_out = bit_out + 1) begin
            repeat ({bit}) @(negedge clk);
            byte_out[bit_out] = tx;
        end
        repeat ({bit}) @(negedge clk);
        if (!tx) $display("no stop bit");
        $fwrite(taken, "%02x%x%x\\n", byte_out, led_error, led_class);
        $fflush(taken);
        sent = sent + 1;
    end
endmodule
"""


@contextmanager
def simulated_board(folder, work, clocks_per_bit, bytes_in, bytes_out, verilator=False):
    """Path of the pseudoterminal of a board in iverilog, or verilator, and a list that fills with its LEDs."""
    text = BENCH
    for name, value in {"bit": clocks_per_bit, "bytes_in": bytes_in, "bytes_out": bytes_out}.items():
        text = text.replace(f"{{{name}}}", str(value))
    (work / "tb_board.v").write_text(text)
    for name in ("to_board", "from_board"):
        os.mkfifo(work / name)
        (folder / name).symlink_to(work / name)
    sources = [str(path) for place in ("rtl", "board") for path in sorted((folder / place).glob("*.v"))]
    sources.insert(0, str(work / "tb_board.v"))
    if verilator:
        options = ("--binary", "-Wno-fatal", "--top-module", "tb_board", "--Mdir", str(work / "made"))
        subprocess.run(["verilator", *options, *sources], check=True, capture_output=True)
        command = [str(work / "made/Vtb_board")]
    else:
        command = ["vvp", "-n", str(work / "board.vvp")]
        subprocess.run(["iverilog", "-g2005", "-s", "tb_board", "-o", command[-1], *sources], check=True)
    simulator = subprocess.Popen(command, cwd=folder)
    near, far = pty.openpty()
    tty.setraw(far)
    leds: list[str] = []

    def give():
        with (work / "to_board").open("wb", buffering=0) as pipe:
            while True:
                try:
                    pipe.write(os.read(near, 4096))
                except OSError:
                    return

    def take():
        with (work / "from_board").open() as pipe:
            for line in pipe:
                leds.append(line[2:].strip())
                os.write(near, bytes([int(line[:2], 16)]))

    threads = [threading.Thread(target=each, daemon=True) for each in (give, take)]
    for thread in threads:
        thread.start()
    try:
        yield os.ttyname(far), leds
    finally:
        simulator.kill()
        simulator.wait()
        os.close(far)
        os.close(near)
        for name in ("to_board", "from_board"):
            (folder / name).unlink()
