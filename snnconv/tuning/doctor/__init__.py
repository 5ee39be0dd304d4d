"""The ailments of a spiking network, such as silence, saturation and too few steps, with a remedy for each.

- `doctor`: run a network on data, and list its ailments or warn of them
- `examination`: the rates that ailments are looked for in
- `checks`: one function per ailment
- `finding`: an ailment, and the thresholds from which on there is one
"""

from .doctor import doctor, examination, notable_of, warn_of
from .finding import Finding

__all__ = ["Finding", "doctor", "examination", "notable_of", "warn_of"]
