"""The Makefile of an exported circuit."""

MAKEFILE = """\
# make sim    simulate and compare with the golden vectors (iverilog)
# make wave   the same, with every signal in network.vcd
# make lint   check the RTL (verilator)
# make synth  count cells (yosys); SYNTH=synth_ice40, synth_xilinx, synth_ecp5, ... for a device
RTL := $(wildcard rtl/*.v)
SYNTH ?= synth

.PHONY: sim wave lint synth clean
sim: sim.vvp
\tvvp -n $< | tee sim.log
\t@grep -q '^PASS' sim.log

wave: sim.vvp
\tvvp -n $< +wave | tee sim.log
\t@grep -q '^PASS' sim.log

sim.vvp: tb.v $(RTL)
\tiverilog -g2005 -Wall -Wno-timescale -s tb -o $@ tb.v $(RTL)

lint:
\tverilator --lint-only -Wall --top-module snn_stream $(RTL)

# -defer: modules are read with the parameters that they are used with, not with their defaults
synth:
\tyosys -q -p 'read_verilog -defer $(RTL); $(SYNTH) -top snn_stream; tee -o synth.txt stat'
\t@cat synth.txt

clean:
\trm -f sim.vvp sim.log synth.txt network.vcd
"""
