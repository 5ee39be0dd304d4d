"""From a spiking graph to an integer graph, with everything rounded once.

- `quantize`: the function, which puts the parts together.
- `chains`: all that is linear between neurons, as one layer each.
- `forms`: the integer form of each float neuron. A new one is a class here, and one in `snnconv.quantize.neurons`.
- `layers`: integer layers of chains, as fine as int32 allows.
- `support`: sentences on what has no integer form, and on what the integers change.
"""
