"""The text of a Nengo script around the lines that build the network."""

from __future__ import annotations

import re
from typing import Any

from ..._version import __version__
from ...graph import Population, SpikingGraph
from .writer import Writer, indented

IF_CLASS = '''

class IF(nengo.neurons.NeuronType):
    """Integrate-and-fire without leak whose voltage negative currents lower, down to a floor.

    It runs in Nengo itself; other backends may not know it.
    """

    negative = False
    spiking = True
    state = {"voltage": nengo.dists.Choice([0.0])}

    def __init__(self, amplitude, min_voltage, max_spikes, initial_state=None):
        super().__init__(initial_state=initial_state)
        self.amplitude, self.min_voltage, self.max_spikes = amplitude, min_voltage, max_spikes

    def max_rates_intercepts(self, gain, bias):
        return None, None

    def step(self, dt, J, output, voltage):
        voltage += np.maximum(J * dt, 0.0 if self.min_voltage is None else -np.inf)
        n_spikes = np.maximum(np.floor(voltage), 0.0)
        if self.max_spikes is not None:
            n_spikes = np.minimum(n_spikes, self.max_spikes)
        voltage -= n_spikes
        if self.min_voltage is not None:
            voltage[:] = np.maximum(voltage, self.min_voltage)
        output[:] = n_spikes * (self.amplitude / dt)
'''

TEMPLATE = '''"""The spiking network '{plain_name}' in Nengo, for steps of {milliseconds:g} ms.

Written by snnconv {version}.

    python network.py                    # a run on random inputs
    python network.py x.npy --steps 200  # on inputs (n, {shape})

    from network import build, run       # a nengo.Network for any backend; spikes and outputs

The weights are in weights.npz beside this file.
"""

import argparse
import warnings
from pathlib import Path

import nengo
import numpy as np

# Nengo looks for the rates at an input of 1, which is nothing special here
warnings.filterwarnings("ignore", message="Non-finite values detected in `max_rates`")
warnings.filterwarnings("ignore", category=RuntimeWarning, module="nengo.neurons")

DT = {dt!r}  # length of a step, in seconds
INPUTS = {inputs!r}  # shapes of one sample
OUTPUTS = {outputs!r}  # the function that a reader applies to the mean output
POPULATIONS = {populations!r}  # shape, and output per Hz: a spike has the height amplitude / DT
{classes}

def build(inputs):
    """The network with one sample at its inputs.

    Parameters
    ----------
    inputs : dict of name to array or function
        Of the shape in INPUTS, held; or with an axis of steps in front; or a function of the time in seconds.

    Returns
    -------
    network : nengo.Network
    layers : dict of name to its Node or Ensemble; outputs are "output.<name>"
    """
    W = np.load(Path(__file__).with_name("weights.npz"))
    at_rest = {{"voltage": nengo.dists.Choice([0.0])}}
    with nengo.Network(label={name}, seed=0) as network:
        network.config[nengo.Connection].synapse = None  # spikes arrive in the step in which they are sent

{lines}
        layers = {{
{layers}
        }}
    return network, layers


def presented(values, shape):
    """What a Node gives: the values as they are, or one step's after the other."""
    if callable(values):
        return values
    values = np.asarray(values, float)
    if values.shape == shape:
        return values.reshape(-1)
    return lambda t: values[max(round(t / DT) - 1, 0)].reshape(-1)


def run(inputs, n_steps):
    """Spikes of every population and all outputs, for many samples.

    Parameters
    ----------
    inputs : dict of name to (n, *shape) or (n, n_steps, *shape) array

    Returns
    -------
    spikes : dict of population to (n, n_steps, *shape) array of counts
    outputs : dict of output to (n, n_steps, *shape) array
    """
    sample = 0

    def at(name):
        values = np.asarray(inputs[name], float)
        varies = values.ndim > len(INPUTS[name]) + 1
        return lambda t: (values[sample, max(round(t / DT) - 1, 0)] if varies else values[sample]).reshape(-1)

    network, layers = build({{name: at(name) for name in INPUTS}})
    with network:
        probes = {{name: nengo.Probe(layers[name].neurons) for name in POPULATIONS}}
        probes |= {{f"output.{{name}}": nengo.Probe(layers[f"output.{{name}}"]) for name in OUTPUTS}}
    kept = {{name: [] for name in probes}}
    with nengo.Simulator(network, dt=DT, progress_bar=False) as simulator:
        for sample in range(len(next(iter(inputs.values())))):
            simulator.reset()
            simulator.run_steps(n_steps, progress_bar=False)
            for name, probe in probes.items():
                kept[name].append(simulator.data[probe].copy())
    spikes = {{
        name: np.rint(np.stack(kept[name]) * (DT / amplitude)).astype(int).reshape(-1, n_steps, *shape)
        for name, (shape, amplitude) in POPULATIONS.items()
    }}
    return spikes, {{name: np.stack(kept[f"output.{{name}}"]) for name in OUTPUTS}}


def main():
    parser = argparse.ArgumentParser(description="Run the network and print firing rates and mean outputs.")
    parser.add_argument("x", nargs="?", help="inputs (n, ...) in an .npy file; several inputs in an .npz file by name")
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.x is None:
        rng = np.random.default_rng(0)
        inputs = {{name: rng.random((1, *shape)) for name, shape in INPUTS.items()}}
    else:
        loaded = np.load(arguments.x)
        inputs = {{next(iter(INPUTS)): loaded}} if isinstance(loaded, np.ndarray) else dict(loaded)
    spikes, outputs = run(inputs, arguments.steps)
    for name, counts in spikes.items():
        print(f"{{name}}: {{counts.mean() / DT:.1f}} Hz, {{counts.sum():,}} spikes")
    for name, output in outputs.items():
        print(f"{{name}}: {{np.array2string(output.mean(1), precision=4)}}")


if __name__ == "__main__":
    main()
'''


def script(graph: SpikingGraph, write: Writer, dt: float) -> str:
    """The whole script."""
    populations: dict[str, Any] = {
        node.name: (node.shape, node.neuron.amplitude) for node in graph.nodes if isinstance(node, Population)
    }
    inputs = {node.name: node.shape for node in graph.inputs}
    return TEMPLATE.format(
        name=repr(graph.name),
        plain_name=re.sub(r"[^\w .-]", "_", graph.name),  # in a docstring, which a name must not end
        version=__version__,
        milliseconds=dt * 1e3,
        shape=", ".join(map(str, next(iter(inputs.values())))),
        dt=dt,
        inputs=inputs,
        outputs={label: view.activation for label, view in graph.readouts.items()},
        populations=populations,
        classes=IF_CLASS if write.needs_if else "",
        lines=indented(write.lines, 8),
        layers=indented((f"{layer!r}: {name}," for layer, name in write.layers.items()), 12),
    )
