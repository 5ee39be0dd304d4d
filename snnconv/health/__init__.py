"""What ails a spiking network: silence, saturation, too few steps, and what to do about it."""

from .doctor import doctor
from .finding import Finding

__all__ = ["Finding", "doctor"]
