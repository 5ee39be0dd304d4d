"""A graph made good: heights and speeds from samples, a doctor, energy, and the search for settings.

- `adaptation`: the changes to a network between conversion and run, as one value
- `calibrate`: spike heights, voltages, biases and speeds from a few hundred samples
- `certify`: proofs about answers
- `doctor`: ailments of layers, such as silence and saturation
- `energy`: operations and joules of a run
- `search`: rate scale, synapse, readout and number of steps, by accuracy, steps and energy
"""

from .search import Choice, EarlyStopping, Readout, Setting, Tuning, apply, early_stopping, tune

__all__ = ["Choice", "EarlyStopping", "Readout", "Setting", "Tuning", "apply", "early_stopping", "tune"]
