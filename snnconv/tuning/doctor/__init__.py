"""What ails a spiking network: silence, saturation, too few steps, and what to do about it."""

from .doctor import doctor, examination, notable_of
from .finding import Finding
from .warn import warn_of

__all__ = ["Finding", "doctor", "examination", "notable_of", "warn_of"]
