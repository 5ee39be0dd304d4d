"""Runs networks in the NeuroBench harness and writes what it counts; started by tests/tuning/test_neurobench.py.

It runs in an environment of its own, with tests/requirements-neurobench.txt. The network is read from a description:
torch's own layers with the same weights, and neurons that are written here once more. With "keras_model" the harness
runs `snnconv.neurobench.KerasModel` of the saved graph instead, and with "nir" what snnTorch makes of a NIR file.
``python harness.py torch|keras_model|nir BATCH_SIZE N_STEPS DT FOLDER...``
"""

import contextlib
import io
import json
import math
import sys
from pathlib import Path

import nir
import numpy as np
import snntorch
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
from neurobench.models import SNNTorchModel
from snntorch.import_nir import import_from_nir
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Neurons(snntorch.SpikingNeuron):
    """IF and LIF neurons with a bias for each channel, channels last."""

    def __init__(self, parameters, bias, dt):
        nn.Module.__init__(self)
        self.init_hidden = self.output = False
        self.parameters_of, self.dt = parameters, dt
        self.register_buffer("bias", torch.tensor(bias))
        for name, value in parameters.items():
            if isinstance(value, (int, float)):
                self.register_buffer(name, torch.tensor(value, dtype=torch.float32))

    def start(self, shape):
        self.mem, self.refractory = torch.zeros(shape), torch.zeros(shape)

    def forward(self, current):
        J = current + self.bias
        p, dt = self.parameters_of, self.dt
        if "tau_rc" not in p:
            v = self.mem + (J * dt if p["min_voltage"] is not None else torch.clamp(J * dt, min=0))
            spikes = torch.clamp(torch.floor(v), min=0)
            if p["max_spikes"] is not None:
                spikes = torch.clamp(spikes, max=p["max_spikes"])
            self.mem = v - spikes
            return spikes, self.mem
        tau, ref = p["tau_rc"], p["tau_ref"]
        share = -math.expm1(-dt / tau) - math.exp(-dt / tau) * self.refractory
        v = self.mem + (J - self.mem) * torch.clamp(share, min=0)
        spiked = v > 1
        after = math.expm1(ref / tau) - math.exp(ref / tau) * (v - 1) / torch.where(spiked, J - 1, torch.ones_like(J))
        self.refractory = torch.clamp(torch.where(spiked, after, -share), min=0)
        self.mem = torch.where(spiked, torch.zeros_like(v), torch.clamp(v, min=p["min_voltage"]))
        return spiked.float(), self.mem


class RunningMax(nn.Module):
    """Max pooling of spikes: the growth of the largest sum in each window."""

    def __init__(self, size):
        super().__init__()
        self.pool = nn.MaxPool2d(size)

    def start(self, shape):
        self.total, self.last = 0, 0

    def forward(self, x):
        self.total = self.total + x
        highest = self.pool(self.total.movedim(-1, 1)).movedim(1, -1)
        y, self.last = highest - self.last, highest
        return y


class Convolution(nn.Module):
    """A torch convolution between arrays with channels last."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.movedim(-1, 1)).movedim(1, -1)


def module_of(node, arrays, dt):
    """The torch module of a node of the description."""
    kernel, bias = arrays.get("kernel"), arrays.get("bias")
    kind = node["kind"]
    if kind == "Dense":
        layer = nn.Linear(*kernel.shape, bias=bias is not None)
        layer.weight.data = torch.tensor(kernel.T.copy())
    elif kind == "Conv":
        channels, filters = kernel.shape[-2] * node["groups"], kernel.shape[-1]
        options = {"stride": node["strides"], "dilation": node["dilation"], "groups": node["groups"]}
        padding = [before for before, _ in node["padding"]]
        layer = nn.Conv2d(channels, filters, kernel.shape[:2], padding=padding, bias=bias is not None, **options)
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
    elif kind == "AveragePool":
        return Convolution(nn.AvgPool2d(node["size"]))
    elif kind == "Population":
        return Neurons(node["parameters"], arrays["neuron_bias"], dt)
    elif kind == "RunningSum":
        return RunningMax(2)
    else:
        return None
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return layer if kind == "Dense" else Convolution(layer)


class Network(nn.Module):
    """The network of a description, run step by step."""

    def __init__(self, folder, dt):
        super().__init__()
        self.nodes = json.loads((folder / "network.json").read_text())
        with np.load(folder / "arrays.npz") as stored:
            arrays = {name: stored[name] for name in stored}
        self.layers = nn.ModuleDict()
        for node in self.nodes:
            own = {key.split("/")[1]: value for key, value in arrays.items() if key.split("/")[0] == node["name"]}
            module = module_of(node, own, dt)
            if module is not None:
                self.layers[node["name"]] = module

    def forward(self, data):
        for node in self.nodes:
            if node["kind"] in ("Population", "RunningSum"):
                self.layers[node["name"]].start((len(data), *node["shape"]))
        outputs = []
        for step in range(data.shape[1]):
            values = {}
            for node in self.nodes:
                xs = [values[name] for name in node["inputs"]]
                if node["kind"] == "Input":
                    y = data[:, step]
                elif node["name"] in self.layers:
                    y = self.layers[node["name"]](xs[0])
                elif node["kind"] == "Reshape":
                    y = xs[0].reshape(len(data), *node["shape"])
                elif node["kind"] == "Add":
                    y = xs[0] + xs[1]
                else:  # MaxPool and Difference, which RunningMax does
                    y = xs[0]
                values[node["name"]] = y[0] if isinstance(y, tuple) else y
            outputs.append(values[self.nodes[-1]["name"]])
        return torch.stack(outputs)


class Carried(nn.Module):
    """The network that snnTorch reads from a NIR file, channels first, run step by step."""

    def __init__(self, path):
        super().__init__()
        with contextlib.redirect_stdout(io.StringIO()):
            self.network = import_from_nir(nir.read(path))

    def forward(self, data):
        for layer in self.network.modules():
            if isinstance(layer, snntorch.SpikingNeuron):
                layer.reset_mem()
        data = data.movedim(-1, 2) if data.ndim == 5 else data
        return torch.stack([self.network(data[:, step])[0] for step in range(data.shape[1])])


def measured(kind, folder, batch_size, n_steps, dt):
    """The harness's results for the network in a folder."""
    x = torch.tensor(np.load(folder / "x.npy"))
    if kind == "keras_model":
        import snnconv

        model = snnconv.neurobench.KerasModel(snnconv.load(folder / "graph.snn.h5"), n_steps, dt)
    else:
        network = Carried(folder / "network.nir") if kind == "nir" else Network(folder, dt)
        model = SNNTorchModel(network, custom_forward=True)
    loader = DataLoader(TensorDataset(x, torch.zeros(len(x))), batch_size=batch_size)
    metrics = [[Footprint, ConnectionSparsity], [ActivationSparsity, SynapticOperations, MembraneUpdates]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), torch.no_grad():
        found = Benchmark(model, loader, [], [], metrics).run()
    if "Error running" in said.getvalue():
        sys.exit(said.getvalue())
    return found


def main(kind, batch_size, n_steps, dt, *folders):
    """Print the results for each folder as JSON."""
    found = [measured(kind, Path(folder), int(batch_size), int(n_steps), float(dt)) for folder in folders]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
