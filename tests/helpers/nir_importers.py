"""Runs a .nir file in another framework and writes the spikes of its LIF nodes; started by test_nir_importers.

It runs in an environment of its own, with tests/requirements-torch.txt and without snnconv:
``python nir_importers.py snntorch|norse|spikingjelly FILE.nir INPUTS.npy N_STEPS OUT.npz``
"""

import sys

import nir
import numpy as np
import torch

DT = 1e-4


def imported(framework, path):
    """The network, as a function (x, state) -> (output, state), and its module."""
    graph = nir.read(path)
    if framework == "snntorch":
        from snntorch.import_nir import import_from_nir

        network = import_from_nir(graph)
    elif framework == "norse":
        import norse.torch

        network = norse.torch.from_nir(graph, dt=DT)
    else:
        from spikingjelly.activation_based.nir_exchange import import_from_nir

        network = import_from_nir(graph, dt=DT)
    return graph, network


def main(framework, path, inputs, n_steps, out):
    graph, network = imported(framework, path)
    names = [name for name, node in graph.nodes.items() if isinstance(node, (nir.LIF, nir.CubaLIF))]
    spikes = {name: [] for name in names}

    def keep(name):
        def hook(module, arguments, output):
            value = output[0] if isinstance(output, tuple) else output
            spikes[name].append(value.detach().numpy().astype("uint8"))

        return hook

    modules = dict(network.named_modules())
    for name in names:
        modules[name].register_forward_hook(keep(name))
    x = torch.from_numpy(np.load(inputs).astype("float32"))
    outputs, state = [], None
    with torch.no_grad():
        for _ in range(int(n_steps)):
            output, state = network(x, state)
            outputs.append(output.numpy())
    np.savez(out, output=np.stack(outputs, 1), **{name: np.stack(steps, 1) for name, steps in spikes.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
