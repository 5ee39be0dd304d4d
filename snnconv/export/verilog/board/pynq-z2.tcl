set folder [file normalize [file join [file dirname [info script]] ..]]
set build $folder/board/vivado
file delete -force $build
file mkdir $build/sources
create_project -force snn $build/project -part xc7z020clg400-1

# Vivado does not look for memories in this folder: sources are copied with their whole paths
foreach file [concat [glob $folder/rtl/*.v] [glob $folder/board/*.v]] {
    set in [open $file]
    set text [read $in]
    close $in
    set out [open $build/sources/[file tail $file] w]
    puts -nonewline $out [string map [list "\"mem/" "\"$folder/mem/"] $text]
    close $out
}
add_files [glob $build/sources/*.v]
add_files -fileset constrs_1 $folder/board/pynq-z2.xdc
update_compile_order -fileset sources_1

create_bd_design system
set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 ps]
set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_EN_CLK0_PORT 1 \
    CONFIG.PCW_EN_RST0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $megahertz] $ps
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
    -config {make_external "FIXED_IO, DDR" Master "Disable" Slave "Disable"} $ps
set dma [create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma:7.1 dma]
set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_include_mm2s_dre 1 \
    CONFIG.c_m_axis_mm2s_tdata_width $beat_bits CONFIG.c_include_s2mm_dre 1] $dma
create_bd_cell -type module -reference snn_board net

connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins net/s_axis]
connect_bd_intf_net [get_bd_intf_pins net/m_axis] [get_bd_intf_pins dma/S_AXIS_S2MM]
foreach slave {dma/S_AXI_LITE net/s_axi} {
    apply_bd_automation -rule xilinx.com:bd_rule:axi4 -config {Master /ps/M_AXI_GP0} [get_bd_intf_pins $slave]
}
apply_bd_automation -rule xilinx.com:bd_rule:axi4 -config {Master /dma/M_AXI_MM2S} [get_bd_intf_pins ps/S_AXI_HP0]
apply_bd_automation -rule xilinx.com:bd_rule:axi4 -config {Slave /ps/S_AXI_HP0} [get_bd_intf_pins dma/M_AXI_S2MM]
foreach port {led_class led_error} {
    make_bd_pins_external -name $port [get_bd_pins net/$port]
}
assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] != "100%"} {
    error "no bitstream: see board/vivado/project/snn.runs/impl_1/runme.log"
}
file copy -force [glob $build/project/snn.runs/impl_1/*.bit] $folder/board/snn.bit
file copy -force [glob "$build/project/snn.{gen,srcs}/sources_1/bd/system/hw_handoff/*.hwh"] $folder/board/snn.hwh
