"""Training from a config: settings, data sets, the fit itself, and callbacks.

- `config`: settings in TOML
- `datasets`: digits, MNIST, Fashion-MNIST and files of one's own
- `train`: a model built and fitted as a config says
- `callbacks`: firing rates while training
- `finetune`: a converted network trained in spikes for few steps, measured before and after
- `backup`: the state of a training, to go on where it was broken off
- `result`: the trained network, and its accuracies by the number of steps
- `targets`: labels, the answers of a teacher, or both
- `unrolled`: a graph as a Keras model over time steps, trained in spikes
- `rounded_weights`: kernels rounded as a chip will hold them
"""

from .result import FineTuning, Measured
from .train import TrainedModel, build_model, rate_accuracy, train

__all__ = ["FineTuning", "Measured", "TrainedModel", "build_model", "rate_accuracy", "train"]
