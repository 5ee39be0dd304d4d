"""The equations of a network with its numbers in them, and one neuron over time.

- `explanation`: `explain`, and all that it found, as text and as data
- `layer`, `layer_text`: a population or an output in numbers, and in words
- `equations`: rate curves and filters in numbers
- `onward`: the effects of a spike on the layers behind
- `unit`: one neuron: every product that its current is made of
- `trace`: one neuron in a run, step by step
- `sources`, `variables`: the variables of the Keras model, and their places in the export
- `requirements`: all that it takes to get the same spikes elsewhere
- `questions`: the questions that people ask, answered
"""

from .explanation import Explanation, Section, explain, one_sample
from .sources import Source
from .trace import Trace
from .variables import Variable

__all__ = ["Explanation", "Section", "Source", "Trace", "Variable", "explain", "one_sample"]
