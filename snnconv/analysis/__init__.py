"""A graph looked at.

- `explain`: the equations of a network with its numbers in them, and one neuron over time
- `diagnose`: the mistake that makes somebody's own spikes differ
- `plot`: pictures with Matplotlib
- `view`: a network and a sample in spikes as one page for a browser
"""
