"""Choosing rate scale, synapse, readout and number of steps, by accuracy, steps and energy."""

from .early import EarlyStopping, early_stopping
from .readout import Readout
from .result import Choice, Tuning
from .setting import Setting, apply
from .tune import tune

__all__ = ["Choice", "EarlyStopping", "Readout", "Setting", "Tuning", "apply", "early_stopping", "tune"]
