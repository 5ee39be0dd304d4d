"""A graph as a model of the NeuroBench harness, which then measures it with metrics of its own.

The harness looks at PyTorch modules through hooks. `KerasModel` runs the graph in the Simulator, and shows the run to
stand-ins that the harness takes for layers and spiking neurons: they hold the weights and the voltages, and get the
recorded values. PyTorch and the harness are imported when a `KerasModel` is made, and nowhere else in snnconv.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...errors import InputError, SnnconvError
from ...graph import Conv, ConvTranspose, Population, SpikingGraph, Weighted
from ...runtime.arguments import check_graph
from .arrivals import Connections


class KerasModel:
    """A converted Keras model for ``neurobench.benchmarks.Benchmark``.

    Its call takes a batch (n, n_steps, *input), a PyTorch tensor with channels last as in Keras, and gives the output
    at every step, (n, n_steps, *output). A batch (n, *input) is held for `n_steps`.

    Parameters
    ----------
    graph : SpikingGraph
        With one input and one output.
    n_steps : int or None
        Steps of inputs that are held. None: batches bring their steps.
    dt : float or None
        Length of a step, in seconds. None: that of the graph.

    Raises
    ------
    SnnconvError
        If PyTorch or the harness is not installed.
    InputError
        In a call: if the batch does not fit.

    Examples
    --------
    >>> model = snnconv.neurobench.KerasModel(graph, n_steps=32)
    >>> Benchmark(model, loader, [], [ChooseMaxCount()], [[Footprint], [SynapticOperations]]).run()
    """

    def __init__(self, graph: SpikingGraph, n_steps: int | None = None, dt: float | None = None):
        check_graph(graph, "KerasModel")
        for what, several in (("inputs", graph.inputs), ("outputs", graph.outputs)):
            if len(several) != 1:
                raise InputError(f"KerasModel: the harness takes one array, the network has {len(several)} {what}.")
        try:
            from neurobench.models import TorchModel
        except ModuleNotFoundError as error:
            raise SnnconvError(
                f"KerasModel needs PyTorch, snnTorch and the harness; {error.name} is missing: pip install neurobench."
            ) from error
        from ...runtime.simulator import Simulator

        self.graph, self.n_steps = graph, n_steps
        dt = graph.dt if dt is None else dt
        self._connections = Connections(graph, dt)
        self._simulator = Simulator(graph, dt, progress=False)
        self._net = _stand_ins(self._connections)
        self._model = TorchModel(self._net)
        self._model.add_activation_module(_neurons_class())

    def __getattr__(self, name: str) -> Any:
        """Hooks and lists of layers are the harness's own."""
        return getattr(self.__dict__["_model"], name)

    def __call__(self, batch: Any) -> Any:
        """Run a batch; see the class."""
        import torch

        x = batch.detach().cpu().numpy()
        varies = x.ndim == len(self.graph.inputs[0].shape) + 2
        n_steps = x.shape[1] if varies else self.n_steps
        if n_steps is None:
            raise InputError(
                f"KerasModel: the batch {x.shape} has no steps. Pass KerasModel(graph, n_steps=…), or batches "
                f"(n, n_steps, *{self.graph.inputs[0].shape})."
            )
        watched = bool(self._model.activation_hooks or self._model.connection_hooks)
        record = [f"{name}.{kind}" for name in self.graph.populations for kind in ("spikes", "voltages") if watched]
        result = self._simulator.run(x, n_steps, record=record)
        if watched:
            with torch.no_grad():
                self._show(self.graph.check_inputs(x, "float32", n_steps), result, n_steps)
        return torch.from_numpy(np.ascontiguousarray(result.output))

    def _show(self, xs: Any, result: Any, n_steps: int) -> None:
        """Call each stand-in at every step with what the layer got there."""
        import torch

        for layer, signal in self._connections.arrivals(xs, result.spikes, n_steps):
            values = np.broadcast_to(signal.values, (xs.n, n_steps, *signal.values.shape[2:]))
            module = self._net.get_submodule(_module_name(layer.name))
            for step in range(n_steps):
                module(torch.tensor(values[:, step], dtype=torch.float32))
        for name in self.graph.populations:
            module = self._net.get_submodule(_module_name(name))
            module.mem = torch.zeros((xs.n, *self.graph[name].shape))
            for step in range(n_steps):
                voltages = torch.tensor(result.voltages[name][:, step])
                module(torch.tensor(result.spikes[name][:, step], dtype=torch.float32), voltages)


def _module_name(name: str) -> str:
    return name.replace(".", "_dot_")


def _stand_ins(connections: Connections) -> Any:
    """A module with a layer for each kernel and neurons for each population, and all other arrays as buffers."""
    import torch

    net = torch.nn.Module()
    for node in connections.graph.nodes:
        if isinstance(node, Weighted):
            module = _connection_class()(node)
        else:
            module = _neurons_class()() if isinstance(node, Population) else torch.nn.Module()
            arrays = {name: array for name, array in node.arrays().items() if name != "gain"}
            parameters = node.neuron.parameters() if isinstance(node, Population) else {}
            numbers = {name: value for name, value in parameters.items() if np.asarray(value).dtype.kind in "if"}
            for name, value in {**arrays, **numbers}.items():
                module.register_buffer(name, torch.tensor(np.asarray(value), dtype=torch.float32))
        net.add_module(_module_name(node.name), module)
    return net


@cache
def _connection_class() -> Any:
    """A layer that computes as a graph's does, channels last; the harness knows Linear as one with weights."""
    import torch
    from torch.nn import functional

    class Connection(torch.nn.Linear):
        def __init__(self, node: Weighted):
            torch.nn.Module.__init__(self)
            self.node = node.map_arrays(lambda _: None)
            self.weight = torch.nn.Parameter(torch.tensor(node.kernel, dtype=torch.float32))
            bias = None if node.bias is None else torch.nn.Parameter(torch.tensor(node.bias, dtype=torch.float32))
            self.register_parameter("bias", bias)

        def forward(self, input: Any) -> Any:
            node: Any = self.node
            if not isinstance(node, (Conv, ConvTranspose)):
                y = input @ self.weight
                return y if self.bias is None else y + self.bias
            rank = len(node.strides)
            x = input.movedim(-1, 1)
            pads = [number for pair in reversed(node.padding) for number in pair]
            if isinstance(node, Conv):
                convolve = getattr(functional, f"conv{rank}d")
                weight = self.weight.movedim((-1, -2), (0, 1))
                x = functional.pad(x, pads)
                y = convolve(x, weight, self.bias, node.strides, 0, node.dilation, node.groups)
            else:
                convolve = getattr(functional, f"conv_transpose{rank}d")
                weight = self.weight.movedim((-2, -1), (0, 1))
                y = convolve(x, weight, self.bias, node.strides, 0, 0, 1, node.dilation)
                y = functional.pad(y, [-number for number in pads])
            return y.movedim(1, -1)

    return Connection


@cache
def _neurons_class() -> Any:
    """Neurons that say what they are told: spikes, and voltages as their memory."""
    import snntorch
    import torch

    class Neurons(snntorch.SpikingNeuron):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)  # its own would store a threshold that no graph has
            self.init_hidden = self.output = False

        def forward(self, spikes: Any, voltages: Any) -> Any:
            self.mem = voltages
            return spikes, voltages

    return Neurons
