# make bitstream  board/icebreaker.bin (yosys, nextpnr-ice40, icepack);  make flash  writes it (iceprog)
YOSYS ?= yosys
NEXTPNR ?= nextpnr-ice40
ICEPACK ?= icepack
BOARD := $(RTL) $(wildcard board/*.v)

.PHONY: bitstream flash
bitstream: board/icebreaker.bin
board/icebreaker.json: $(BOARD) $(wildcard mem/*.mem)
	$(YOSYS) -q -p 'read_verilog -defer $(BOARD); synth_ice40 -dsp -top snn_board -json $@'
board/icebreaker.asc: board/icebreaker.json board/icebreaker.pcf
	$(NEXTPNR) -q --up5k --package sg48 --freq 12 --json $< --pcf board/icebreaker.pcf --asc $@ --log board/routing.log
board/icebreaker.bin: board/icebreaker.asc
	$(ICEPACK) $< $@
flash: board/icebreaker.bin
	iceprog $<
