"""The ailments of a spiking network, such as silence, saturation and too few steps, with a remedy for each.

- `doctor`: run a network on data, and list its ailments or warn of them
- `examination`: the rates that ailments are looked for in
- `errors`: the error of each layer's rates, and its shares
- `checks`: an ailment, the thresholds from which on there is one, and a function for each
"""

from .checks import Finding
from .doctor import doctor, examination, examine, findings_of, notable_of, warn_of, warn_of_one_answer
from .errors import LayerError, error_table, layer_errors

__all__ = [
    "Finding",
    "LayerError",
    "doctor",
    "error_table",
    "examination",
    "examine",
    "findings_of",
    "layer_errors",
    "notable_of",
    "warn_of",
    "warn_of_one_answer",
]
