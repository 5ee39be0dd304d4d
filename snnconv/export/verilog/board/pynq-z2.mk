# make bitstream  board/snn.bit and board/snn.hwh, which PYNQ loads (Vivado)
VIVADO ?= vivado

.PHONY: bitstream
bitstream: board/snn.bit
board/snn.bit: $(RTL) $(wildcard board/*.v) $(wildcard mem/*.mem) board/pynq-z2.tcl board/pynq-z2.xdc
	$(VIVADO) -mode batch -nojournal -log board/vivado.log -source board/pynq-z2.tcl
