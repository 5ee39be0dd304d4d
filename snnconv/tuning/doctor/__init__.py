"""The ailments of a spiking network, such as silence, saturation and too few steps, with a remedy for each.

- `doctor`: run a network on data, and list its ailments or warn of them
- `examination`: the rates that ailments are looked for in
- `checks`: an ailment, the thresholds from which on there is one, and a function for each
"""

from .checks import Finding
from .doctor import doctor, examination, notable_of, warn_of

__all__ = ["Finding", "doctor", "examination", "notable_of", "warn_of"]
