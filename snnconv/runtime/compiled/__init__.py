"""The network as functions that TensorFlow compiles, a chunk of time steps at a time.

- `model`: the graph as tensors, and the sizes of a run
- `stepper`: a chunk of steps through all layers
- `scan`: neurons and filters taken from step to step
- `packing`: a neuron's state and spikes, as a loop carries them
- `stream`: one step per call
- `layerwise`: all steps of one layer before the next
- `products`: array namespaces with sparse or rounded products
- `halves`: those with products of spikes in float16, for GPUs
- `engine`: a device, with the functions compiled for it and the switch for TensorFloat-32
"""
