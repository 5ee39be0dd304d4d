"""`snnconv.diagnose`: why somebody's spikes are not the reference's."""

from .diagnose import diagnose
from .layer import LayerDiagnosis
from .report import Diagnosis

__all__ = ["Diagnosis", "LayerDiagnosis", "diagnose"]
