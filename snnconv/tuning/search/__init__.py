"""The search for rate scale, synapse, readout and number of steps, by accuracy, steps and energy.

- `tune`: the whole search
- `sweep`: every network of a grid, run once
- `candidates`: the settings to choose from, sample by sample
- `setting`: one way to convert, run and read a network, and its file
- `readout`: a class out of the outputs of many steps
- `early`: stopping as soon as the leader is safe, or proven to stay
- `result`: the settings found, as data and as text
"""

from .early import EarlyStopping, ProvenStopping, early_stopping
from .readout import Readout
from .result import Choice, Tuning
from .setting import Setting, apply
from .tune import tune

__all__ = [
    "Choice",
    "EarlyStopping",
    "ProvenStopping",
    "Readout",
    "Setting",
    "Tuning",
    "apply",
    "early_stopping",
    "tune",
]
