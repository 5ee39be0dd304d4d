"""The works and one large layer on an accelerator, where there is neither snnconv nor TensorFlow.

- `pack`: programs, weights, and the spikes that are expected of them, in one folder; needs snnconv
- `layer`: the one large layer, with numbers that are drawn from a seed wherever they are needed
- `programs`: runs the folder's programs in JAX, counts differing spikes, and times them against plain products
- `peers`: the large layer in other systems
"""
