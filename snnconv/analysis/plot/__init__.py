"""Pictures of networks and of what they did, with Matplotlib.

Every function draws into `ax`, or into a new figure of a fitting size, and returns the Axes. Where there are too many
neurons, samples or nodes to see, some are drawn, evenly spaced, and the picture says how many of how many.

- of a run: `raster`, `voltages`, `rate_histograms`, `filtered_output`, `accuracy`
- of a network: `network`, `kernels`, `biases`, `rate_curve`
- of both: `correlation`, rates in spikes against those of the rate network or of Keras
"""

from .answers import accuracy, filtered_output
from .network import network
from .rates import correlation, rate_curve, rate_histograms
from .spikes import raster, voltages
from .weights import biases, kernels

__all__ = [
    "accuracy",
    "biases",
    "correlation",
    "filtered_output",
    "kernels",
    "network",
    "raster",
    "rate_curve",
    "rate_histograms",
    "voltages",
]
