"""Networks with random weights that are made into circuits: `SEEN` by the fit, `UNSEEN` by it, and the `TABLE`'s."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snnconv.export.integers import OPTIONS, to_integers
from snnconv.export.target import Settings
from snnconv.export.verilog.encoder import with_encoder
from snnconv.export.verilog.stages import stages
from snnconv.neurons import IF, LIF

from ...helpers.integer_networks import Line


@dataclass(frozen=True)
class Recipe:
    """A network and the options that it is exported with.

    Parameters
    ----------
    kind : str
        Neurons, LIF or IF.
    shape : tuple of int
        Of the inputs.
    layers : tuple
        Neurons of a dense layer, (window, filters, stride) of a convolution, or ("pool", size).
    bits : int
        Of a weight.
    lanes : int or sequence of int
        Sums side by side, of all layers or of each.
    options : mapping
        Others of the target.
    """

    kind: str
    shape: tuple[int, ...]
    layers: tuple
    bits: int = 8
    lanes: int | Sequence[int] = 1
    options: Mapping[str, object] = field(default_factory=dict)

    def graph(self):
        """The network."""
        rng, line = np.random.default_rng(0), Line(self.shape)
        neuron = LIF(0.02, 0.002) if self.kind == "LIF" else IF(max_spikes=1)
        scale = 1 if self.kind == "LIF" else 50
        for number, layer in enumerate(self.layers[:-1]):
            *space, channels = line.last.shape
            if isinstance(layer, int):
                n_in = math.prod(line.last.shape)
                weights = rng.normal(0.1, 2 / np.sqrt(n_in), (n_in, layer)) * scale
                line = line.flatten(f"f{number}") if space else line
                line.dense(f"d{number}", weights, rng.normal(0, 0.1, layer)).neurons(f"n{number}", neuron)
            elif layer[0] == "pool":
                line.pool(f"p{number}", layer[1])
            else:
                window, filters, stride = layer
                shape = (*(window,) * len(space), channels, filters)
                kernel = rng.normal(0.1, 2 / np.sqrt(math.prod(shape[:-1])), shape) * scale
                line.conv(f"c{number}", kernel, rng.normal(0, 0.1, filters), strides=stride)
                line.neurons(f"n{number}", neuron)
        n_in = math.prod(line.last.shape)
        line = line.flatten() if len(line.last.shape) > 1 else line
        return line.dense("out", rng.normal(0, 1, (n_in, self.layers[-1]))).graph()

    def settings(self):
        """How it is exported: 10 steps, and one golden sample."""
        given = dict(self.options, bits=self.bits, golden=1)
        high = 2 if given.get("input_bits") == 1 else None
        rng = np.random.default_rng(1)
        x = rng.integers(0, 2, (1, *self.shape)) if high else rng.random((1, *self.shape))
        return {"x": x, "n_steps": 10, **given}

    def stages(self, family):
        """The circuit's stages for a family of devices, without a file."""
        graph, given = self.graph(), self.settings()
        x, n_steps = given.pop("x"), given.pop("n_steps")
        options = {option.name: given.get(option.name, option.default) for option in OPTIONS}
        inputs = graph.check_inputs(x, "float64", n_steps)
        integers = with_encoder(to_integers(graph, Settings(graph.dt, inputs, n_steps, options)))
        return integers, stages(integers, self.lanes, family.deepest)


SPIKES, WIDE, RATE = {"input_bits": 1}, {"input_bits": 12}, {"code": "rate"}

SEEN = {
    "64-32-10": Recipe("LIF", (64,), (32, 10)),
    "64-32-10 lanes 2": Recipe("LIF", (64,), (32, 10), 8, 2),
    "64-64-32-10 4 bits": Recipe("LIF", (64,), (64, 32, 10), 4),
    "16-8-4": Recipe("LIF", (16,), (8, 4)),
    "64-48-10 IF 6 bits": Recipe("IF", (64,), (48, 10), 6),
    "196-32-10 4 bits lanes 4,1": Recipe("LIF", (196,), (32, 10), 4, (4, 1)),
    "64-32-32-10 IF 4 bits lanes 4,4,2": Recipe("IF", (64,), (32, 32, 10), 4, (4, 4, 2)),
    "100-40-5 IF 5 bits lanes 8,1": Recipe("IF", (100,), (40, 5), 5, (8, 1)),
    "784-32-10 4 bits": Recipe("LIF", (784,), (32, 10), 4),
    "64-64-10 lanes 16,1": Recipe("LIF", (64,), (64, 10), 8, (16, 1)),
    "8x8 conv 3x3x4 10 6 bits": Recipe("LIF", (8, 8, 1), ((3, 4, 1), 10), 6),
    "12x12 conv 3x3x8 pool 10 IF 4 bits lanes 4,1,2": Recipe(
        "IF", (12, 12, 1), ((3, 8, 1), ("pool", 2), 10), 4, (4, 1, 2)
    ),
    "64-128-64-10 lanes 8": Recipe("LIF", (64,), (128, 64, 10), 8, 8),
    "784-128-10 4 bits lanes 8": Recipe("LIF", (784,), (128, 10), 4, 8),
    "128-32-10 4 bits spikes": Recipe("LIF", (128,), (32, 10), 4, 1, SPIKES),
    "32-16-3 12 bits wide inputs": Recipe("LIF", (32,), (16, 3), 12, 1, WIDE),
    "36-24-6 IF 5 bits rate code": Recipe("IF", (36,), (24, 6), 5, 1, RATE),
    "10-64-2 lanes 4,2": Recipe("LIF", (10,), (64, 2), 8, (4, 2)),
    "256-16-4 3 bits lanes 16,4": Recipe("LIF", (256,), (16, 4), 3, (16, 4)),
    "40-20-20-20-5 IF": Recipe("IF", (40,), (20, 20, 20, 5)),
}

UNSEEN = {
    "64-40-10 6 bits lanes 2": Recipe("LIF", (64,), (40, 10), 6, 2),
    "32-24-24-4": Recipe("LIF", (32,), (24, 24, 4)),
    "144-32-10 IF 4 bits lanes 4,1": Recipe("IF", (144,), (32, 10), 4, (4, 1)),
    "49-64-10 4 bits lanes 8,2": Recipe("LIF", (49,), (64, 10), 4, (8, 2)),
    "81-30-7 5 bits lanes 3,1": Recipe("LIF", (81,), (30, 7), 5, (3, 1)),
    "784-64-10 IF 4 bits lanes 8,2": Recipe("IF", (784,), (64, 10), 4, (8, 2)),
    "10x10 conv 3x3x6 8 5 bits lanes 2,1": Recipe("LIF", (10, 10, 1), ((3, 6, 1), 8), 5, (2, 1)),
    "128-64-32-5 4 bits lanes 4,2,1": Recipe("LIF", (128,), (64, 32, 5), 4, (4, 2, 1)),
    "200-24-8 4 bits lanes 2 spikes": Recipe("LIF", (200,), (24, 8), 4, 2, SPIKES),
    "25-20-5 IF 6 bits rate code": Recipe("IF", (25,), (20, 5), 6, 1, RATE),
    "20-12-3 10 bits wide inputs": Recipe("LIF", (20,), (12, 3), 10, 1, WIDE),
    "14x14 conv 5x5x4 20 10 IF 6 bits": Recipe("IF", (14, 14, 1), ((5, 4, 2), 20, 10), 6),
}

TABLE = {
    "784-256-128-10 4 bits lanes 16,4,1": Recipe("LIF", (784,), (256, 128, 10), 4, (16, 4, 1)),
    "28x28 conv 5x5x6 pool conv 5x5x16 pool 84 10 IF 4 bits lanes 6,1,8,1,4,1": Recipe(
        "IF", (28, 28, 1), ((5, 6, 1), ("pool", 2), (5, 16, 1), ("pool", 2), 84, 10), 4, (6, 1, 8, 1, 4, 1)
    ),
}
