"""Sizing: cells, clock, time and energy of a circuit, estimated before it is written, and lanes chosen for a device.

- `devices`: FPGAs and what they have.
- `cells`: the model of cells and of the clock, with coefficients.json, which was fitted to runs of yosys and nextpnr.
- `estimates`: one circuit on one device, in numbers and words.
- `search`: lanes for each layer, as few as a time asks for. `choice`: what the options ask for, or why not.
"""
