"""`snnconv.diagnose`: the mistakes that make somebody's spikes differ from the reference's.

- `diagnose`: all populations, each judged by the spikes given of those before it
- `spikes`: spikes as people have them, brought into counts
- `case`: one population with all that feeds it
- `mistakes`: the known mistakes
- `experiment`: runs of a case with mistakes in it
- `search`: the mistakes whose spikes come closest
- `comparison`: two records of spikes, compared
- `layer`, `report`: the result, as text and as data
"""

from .diagnose import diagnose
from .layer import LayerDiagnosis
from .report import Diagnosis

__all__ = ["Diagnosis", "LayerDiagnosis", "diagnose"]
