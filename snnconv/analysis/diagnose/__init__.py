"""`snnconv.diagnose`: why somebody's spikes are not the reference's."""

from .diagnose import diagnose
from .report import Diagnosis, LayerDiagnosis

__all__ = ["Diagnosis", "LayerDiagnosis", "diagnose"]
