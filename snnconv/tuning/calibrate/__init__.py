"""Converted networks made accurate in few steps, or for other rates and time constants, from a few hundred samples.

- `calibrate`: neurons, heights, initial voltages, speed and currents for few steps
- `fitting`: layers fitted one after the other
- `codes`: the neurons and heights that each kind of population gets
- `heights`: spike heights
- `speed`: rate scale and synapse of LIF networks
- `outcome`: what was gained, and when outputs are best read
- `refit`: gains and biases of LIF neurons for other rates or time constants
"""

from .calibrate import calibrate, can_be_calibrated
from .refit import Refit, RefitError, refit

__all__ = ["Refit", "RefitError", "calibrate", "can_be_calibrated", "refit"]
