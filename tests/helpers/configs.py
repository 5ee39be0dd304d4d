"""A training config of a small network."""

CONFIG = """
name = "tiny"

[data]
dataset = "npz"
path = "data.npz"

[[model.layers]]
type = "Dense"
units = 12

[[model.layers]]
type = "LIF"
max_rates = {max_rates}
amplitude = 0.005
name = "lif"

[[model.layers]]
type = "Dense"
units = 3

[training]
epochs = 12
learning_rate = 0.02

[simulation]
n_steps = 30
dt = 0.002
"""
