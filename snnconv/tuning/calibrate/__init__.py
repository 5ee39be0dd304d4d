"""Converted networks made accurate in few steps, or for other rates and time constants, from a few hundred samples."""

from .calibrate import calibrate, can_be_calibrated
from .refit import Refit, RefitError, refit

__all__ = ["Refit", "RefitError", "calibrate", "can_be_calibrated", "refit"]
