"""Golden vectors as an export chooses them, to count what a program or a circuit should find."""

from snnconv.export.golden import golden_vectors
from snnconv.export.target import Settings
from snnconv.graph.inputs import Inputs


def expected(integers, x, n_steps, n):
    """The golden vectors that an export of n samples chooses from x."""
    name, shape = integers.input.name, integers.input.shape
    return golden_vectors(integers, Settings(0.001, Inputs({name: x}, {name: shape}), n_steps, {"golden": n}))


def n_spikes_of(golden):
    """How many spikes the neurons send in golden vectors."""
    return sum(int(spikes.sum()) for spikes in golden.spikes.values())
