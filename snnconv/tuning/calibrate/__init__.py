"""Converted networks made accurate in few steps, or for other rates and time constants, from a few hundred samples.

- `calibrate`: heights, initial voltages, speed and biases for few steps
- `heights`: spike heights of IF neurons
- `speed`: rate scale and synapse of LIF networks
- `currents`: corrected biases
- `refit`: gains and biases of LIF neurons for other rates or time constants
"""

from .calibrate import calibrate, can_be_calibrated
from .refit import Refit, RefitError, refit

__all__ = ["Refit", "RefitError", "calibrate", "can_be_calibrated", "refit"]
