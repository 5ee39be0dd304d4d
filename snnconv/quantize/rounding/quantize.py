"""The function that turns a spiking graph into an integer graph."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...errors import ConversionError, ParameterError
from ...graph import AveragePool, Population, SpikingGraph
from ...runtime.arguments import check_dt, check_graph
from ...text.plain import first_of, plural
from ..codes import Analog, Code
from ..integer_graph import IntegerGraph
from ..nodes import EncodedInput, IntegerNode, MaxPool, Node, SumPool
from ..proofs import proven
from ..scales import Settings
from .chains import Chain, chains, prepare
from .forms import form_of
from .layers import BranchSource, Layer, Rounded, readout_layer, spiking_layer
from .support import of_input, of_linear, of_scales, unsupported_nodes


def quantize(
    graph: SpikingGraph,
    weight_bits: int = 8,
    *,
    dt: float | None = None,
    fraction_bits: int = 12,
    threshold_bits: int = 8,
    scale: str = "neuron",
    input: Code | None = None,
    n_steps: int = 1000,
    refractory_bits: int = 0,
) -> IntegerGraph:
    """Turn a spiking graph into integers that fit int32, whatever the inputs.

    With ``δ = round((1 - exp(-dt/tau_rc))·2^K)/2^K`` for LIF neurons and ``δ = dt`` for IF, the effective weights
    ``w = δ·kernel·amplitude_before/dt`` and biases ``b = δ·(dense_bias + neuron_bias)`` become::

        S = (2^(weight_bits - 1) - 1) / c             for each neuron, with c = max|w|
        W = round(w·S)    B = round(b·S·2^s)    θ = round(S·2^s)    R = round(tau_ref/dt)

    with the smallest s of 0 or more that makes every θ at least 2^F. Where branches are added up, c is that of all
    their weights, and each has a shift of its own, with the same ``S·2^s``. Below 8 bits, where a neuron has 16
    weights or more, c is the size with the smallest squared error, and weights beyond it are cut off. F is
    threshold_bits more than ``ceil(log2(1/δ))``, so that the current at threshold has threshold_bits bits; for IF
    neurons it is K. With δ rounded before it is folded, the gain for constant currents and the firing threshold stay
    those of the float network, and the time constant moves. A lowpass filters the sum of weighted inputs, with its own
    rounded δ in w; F has ``ceil(log2(1/δ))`` more bits behind one. Where int32 does not hold that, F or the multiplier
    gets fewer; where it does not hold weights of all their bits, these get fewer, which `approximations` says.

    Parameters
    ----------
    weight_bits : int
        Bits of a weight, its sign included; 2 to 16.
    dt : float or None
        Length of a step, in seconds, which is part of the integers. None: that of the graph, `SpikingGraph.dt`.
    fraction_bits : int
        K: fractional bits of the multipliers of leaks and synapses.
    threshold_bits : int
        Bits of the current at threshold; see above.
    scale : str
        "neuron": one S per neuron, or per channel of a convolution. "layer": one per layer. "power_of_two": one power
        of two per layer. Readouts always have one.
    input : Code or None
        Code of the inputs, `Analog`, `RateCode` or `LatencyCode`, with their range. None: ``Analog(bits=8, low=0,
        high=1)``.
    n_steps : int
        Longest run for which sums over time, in readouts and in voltages without a bound, are proven to fit.
    refractory_bits : int
        Fractional bits of the steps that LIF neurons rest, 0 to 4: with 0 they rest whole steps behind that of the
        spike, else from the crossing of the threshold inside a step on.

    Returns
    -------
    IntegerGraph

    Raises
    ------
    ConversionError
        If there are nodes without an integer form, all of which are listed; or int32 does not hold an integer of a
        layer, which is named.
    ParameterError
        If a parameter is out of its range.
    """
    check_graph(graph, "quantize")
    settings = Settings(
        weight_bits=weight_bits,
        dt=graph.dt if dt is None else dt,
        fraction_bits=fraction_bits,
        threshold_bits=threshold_bits,
        scale=scale,
        n_steps=n_steps,
        refractory_bits=refractory_bits,
    )
    code = Analog() if input is None else input
    if not isinstance(code, Code):
        raise ParameterError(f"input must be an Analog, a RateCode or a LatencyCode. Received {code!r}.")
    check_dt(graph, settings.dt)
    problems = unsupported_nodes(graph)
    prepared, more = prepare(graph)
    found, most = chains(prepared, problems)
    lines = [*filter(None, problems.values()), *more, *most]
    if lines:
        listed = first_of([f"({number}) {line}" for number, line in enumerate(lines, 1)], "; ")
        verb = "has" if len(lines) == 1 else "have"
        raise ConversionError(
            f"{plural(len(lines), 'part')} of the network '{graph.name}' {verb} no integer form: {listed}."
        )
    code = dataclasses.replace(code, factor=prepared.factor, offset=prepared.offset)
    return _Builder(graph, prepared.graph, code, settings).build(found)


class _Builder:
    """Nodes in execution order under construction, each with the number that a value of 1 from it stands for."""

    def __init__(self, graph: SpikingGraph, prepared: SpikingGraph, code: Code, settings: Settings):
        self._graph, self._prepared, self._settings = graph, prepared, settings
        self._nodes: dict[str, IntegerNode] = {}
        self._units: dict[str, float] = {}
        self._lines: list[str] = []
        self._code = code
        (source,) = prepared.inputs
        node = EncodedInput(name=source.name, shape=source.shape, code=code)
        self._add(proven(node, [], settings.n_steps), code.unit)
        self._lines += of_input(node)

    def build(self, found: list[Chain]) -> IntegerGraph:
        """The graph of all chains."""
        outputs: dict[str, str] = {}
        for chain in found:
            self._add_pools(chain)
            sources = [self._source(branch.source) for branch in chain.branches]
            kind, sink = chain.sink
            population = self._prepared[sink] if kind == "population" else None
            if isinstance(population, Population):
                form = form_of(population, self._settings)
                made = spiking_layer(chain, form, sources)
                layer = self._add_layer(made, population.neuron.amplitude / self._settings.dt)
                self._lines += of_scales(made, self._settings)
                self._lines += form.approximations(layer)
            else:
                outputs[sink] = f"{sink}.readout" if sink in self._nodes else sink
                made = readout_layer(outputs[sink], chain, sources, self._settings)
                self._add_layer(made, made.layer.output_scale)
        return IntegerGraph(tuple(self._nodes.values()), outputs, self._settings, tuple(self._lines), self._graph.name)

    def _source(self, name: str) -> BranchSource:
        return BranchSource(self._units[name], self._nodes[name].ranges["value"])

    def _add_layer(self, made: Rounded[Layer], unit: float) -> Layer:
        """The layer with its ranges, behind the branches that it adds."""
        for branch in made.branches:
            self._add(branch, unit)
        sources = [self._nodes[name].ranges["value"] for name in made.layer.inputs]
        self._lines += of_linear(made, self._settings)
        return self._add(proven(made.layer, sources, self._settings.n_steps), unit)

    def _add_pools(self, chain: Chain) -> None:
        for pool in (pool for branch in chain.branches for pool in branch.pools):
            if pool.name not in self._nodes:
                source = self._nodes[pool.source]
                windows: dict[str, Any] = {
                    "name": pool.name,
                    "inputs": (pool.source,),
                    "shape": pool.node.shape,
                    "input_shape": pool.input_shape,
                    "size": pool.node.size,
                    "strides": pool.node.strides,
                }
                if isinstance(pool.node, AveragePool):
                    node = SumPool(**windows)
                else:  # spikes of a code stand for means as those of neurons do; the float network has numbers there
                    is_running = pool.is_running or not self._code.is_constant
                    node = MaxPool(**windows, padding=pool.node.padding, is_running=is_running)
                node = proven(node, [source.ranges["value"]], self._settings.n_steps)
                self._add(node, self._units[pool.source] * pool.factor)

    def _add(self, node: Node, unit: float) -> Node:
        """The node, after taking note of it; `unit` is what a value of 1 that it sends stands for."""
        if node.name in self._nodes:
            raise ConversionError(f"two nodes of the integer network are called '{node.name}'. Rename the layer.")
        self._nodes[node.name], self._units[node.name] = node, unit
        return node
