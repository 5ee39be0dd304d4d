"""The program of a float network, in doubles: the operations of the NumPy loop, in its order."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..._version import __version__
from ...errors import ExportError
from ...graph import (
    Affine,
    AveragePool,
    Conv,
    Dense,
    Filter,
    Input,
    Linear,
    Node,
    Population,
    Readout,
    Reshape,
    RunningMean,
    SpikingGraph,
)
from ...graph import Function as MeansFunction
from ...neurons import numpy_ops
from ...neurons.integrate import RELU
from ...neurons.synapses import Lowpass
from ...quantize.linear import of_conv, of_dense
from ...runtime.result import Result
from ...text.advice import argument
from ..integers import comment, identifiers
from ..params.texts import c_array
from ..target import FUNCTIONS, Inputs, Limit
from .compiling import Recorded, run_samples
from .loops import Code, Connection, loop, window_sums
from .program import DOUBLE, Field, Function, Names, Program
from .tracer import Trace

MOST_STEPS = 1 << 30  # that an int32 counts
_GUARDS = (
    "#include <float.h>",
    "",
    "#if defined(__FAST_MATH__)",
    '#error "compile without -ffast-math: it changes the order of sums"',
    "#endif",
    "#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1",
    '#error "doubles are computed with more than 64 bits here: compile with -msse2 -mfpmath=sse, or the like"',
    "#endif",
    "#if defined(__clang__)",
    "#pragma STDC FP_CONTRACT OFF",
    "#endif",
    "",
)


class DoubleWriter:
    """The nodes of a float network in C.

    Parameters
    ----------
    graph : SpikingGraph
        Without paddings and scales of their own; see `graph.passes.fold`.
    dt : float
        Length of a step, in seconds.
    """

    def __init__(self, graph: SpikingGraph, dt: float) -> None:
        self.graph = graph
        self.dt = dt
        self.names = Names(graph)
        at_steps = [node for node in graph.nodes if isinstance(node, (Population, Filter))]
        self.read_at_steps = {self.source(node).name for node in at_steps} | {
            self.output(x).name for x in graph.outputs
        }

    def program(self) -> Program:
        """The whole program."""
        names, graph = self.names, self.graph
        described = [(_described(node), self.fields(node)) for node in graph.nodes]
        outputs = {label: self.n_outputs(label) for label in graph.outputs}
        totals = [
            Field("double", names.total(label), n, f"sum of output {comment(label)} over time", "0.0")
            for label, n in outputs.items()
        ]
        usage = [f"A step is {self.dt!r} s. Inputs are row-major, channels last. Outputs:"]
        usage += [f"{comment(x)}: {names.total(x)}[{n}]; mean output = total / steps" for x, n in outputs.items()]
        sums = [
            loop("j", n, [f"net->{names.total(label)}[j] += {names.state(self.output(label), 'value')}[j];"])
            for label, n in outputs.items()
        ]
        first = next(iter(graph.outputs))
        return Program(
            title=f"network {comment(graph.name)} in doubles",
            numbers=DOUBLE,
            input_kind="double",
            n_input=math.prod(graph.inputs[0].shape),
            params=self.params(),
            usage=usage,
            source_note="Compile with -ffp-contract=off: then it rounds as NumPy does, where doubles are those of "
            "IEEE 754.",
            guards=_GUARDS,
            fields=[*((about, fields) for about, fields in described if fields), ("", totals)],
            functions=[self.function(node) for node in graph.nodes if self.fields(node)],
            output=f"net->{self.names.total(first)}, {self.n_outputs(first)}",
            max_steps=MOST_STEPS,
            after_step=[line for lines in sums for line in lines],
        )

    def params(self) -> str:
        """params.h: every number of the network but those of the neurons' equations, as a macro or a constant array."""
        lines = [
            f"/* Numbers of the network {comment(self.graph.name)} for steps of {self.dt!r} s, written by snnconv",
            f"   {__version__}. Gains are in the kernels. Arrays are row-major: kernel[input][output], or",
            "   kernel[row][column][channel][filter] for convolutions, channels last. */",
            "#ifndef SNN_PARAMS_H",
            "#define SNN_PARAMS_H",
        ]
        for node in self.graph.nodes:
            own = [
                f"#define {self.names.macro(node, key)} {DOUBLE.literal(x)}" for key, x in self.constants(node).items()
            ]
            for name, array in self.arrays(node).items():
                own += c_array(f"static const double {self.names.array(node, name)}", array)
            if own:
                lines += ["", f"/* {_described(node)} */", *own]
        return "\n".join([*lines, "", "#endif", ""])

    def source(self, node: Node) -> Node:
        """The node whose value a node reads: nodes that only give values another shape have none of their own."""
        before = self.graph[node.inputs[0]]
        return self.source(before) if isinstance(before, (Reshape, Readout)) else before

    def output(self, label: str) -> Node:
        """The node whose value an output is."""
        node = self.graph[self.graph.outputs[label]]
        return self.source(node) if isinstance(node, (Reshape, Readout)) else node

    def n_outputs(self, label: str) -> int:
        """Count of the numbers of an output."""
        return math.prod(self.output(label).shape)

    def is_held(self, node: Node) -> bool:
        """Whether a value stays for as long as the caller gives no other input."""
        return isinstance(node, Input) or (isinstance(node, Linear) and self.is_held(self.source(node)))

    def fields(self, node: Node) -> list[Field]:
        """Members of the struct for a node."""
        n, name = math.prod(node.shape), self.names.field(node, "value")
        if isinstance(node, (Reshape, Readout)) or (isinstance(node, Input) and node.name not in self.read_at_steps):
            return []
        if isinstance(node, Filter):
            return [Field("double", name, n, "filtered input", "0.0")]
        if not isinstance(node, Population):
            what = "the input" if isinstance(node, Input) else "what it gives"
            return [Field("double", name, n, f"{what}{', which stays' if self.is_held(node) else ''}", None)]
        starts = {key: self.number(node, name, array) for (key, (name, array)) in self.starts(node).items()}
        state = [
            Field("double", self.names.field(node, plain), n, "state of the neurons", starts[key])
            for key, plain in _variables(node).items()
        ]
        return [*state, Field("double", name, n, "spikes at this step, times HEIGHT", "0.0")]

    def constants(self, node: Node) -> dict[str, float]:
        """The single numbers of a node in params.h, by their names in capitals."""
        if isinstance(node, Filter):
            return {"GAIN": -math.expm1(-self.dt / node.synapse.tau)}
        if isinstance(node, AveragePool):
            return {"WINDOW": float(math.prod(node.size))}
        return {"HEIGHT": node.neuron.amplitude / self.dt} if isinstance(node, Population) else {}

    def arrays(self, node: Node) -> dict[str, np.ndarray]:
        """The arrays of a node in params.h, one number per channel or per neuron but for kernels."""
        if isinstance(node, (Dense, Conv)):
            kernel = {"kernel": np.asarray(node.kernel, "float64")}
            return kernel if node.bias is None else kernel | _stored(node, bias=node.bias)
        if isinstance(node, Affine):
            return _stored(node, scale=node.scale) | ({} if node.offset is None else _stored(node, offset=node.offset))
        if isinstance(node, Population):
            starts = dict(self.starts(node).values())
            return _stored(node, neuron_bias=node.neuron_bias, **starts, **self.neurons(node)[1])
        return {}

    @staticmethod
    def starts(node: Population) -> dict[str, tuple[str, np.ndarray]]:
        """The name in params.h and the values of each state variable before the first step; one where all are alike."""
        state = node.initial_state(1, node.initial_voltage, "float64", numpy_ops)
        plain = _variables(node)
        return {
            key: (f"start_{plain[key]}", array[0] if np.any(array != array.flat[0]) else array.flat[0])
            for key, array in state.items()
        }

    def number(self, node: Node, name: str, array: Any) -> str:
        """A number, at the index j, of an array that broadcasts against the node's shape."""
        array = np.asarray(array)
        if array.size == 1:
            return DOUBLE.literal(array.item())
        is_per_channel = _is_per_channel(node, array) and array.size < math.prod(node.shape)
        return f"{self.names.array(node, name)}[{f'j % {array.size}' if is_per_channel else 'j'}]"

    def function(self, node: Node) -> Function:
        """The function that computes a node's value."""
        names, is_held = self.names, self.is_held(node)
        before = node if isinstance(node, Input) else self.source(node)
        is_fed = isinstance(before, Input) and is_held
        lines, indices = self.code(node)
        declared = [f"const double *x = {'input' if is_fed else names.state(before, 'value')};"]
        declared.append(f"int32_t {', '.join(sorted(indices))};")
        if isinstance(node, (Dense, Conv)):
            declared.append(f"double *total = {names.state(node, 'value')};")
        verb = "present" if is_held else "step"
        return Function(verb, names.plain[node.name], _described(node), declared, lines, is_fed)

    def code(self, node: Node) -> Code:
        """Lines that compute a node's value from x, the value of its input; and the indices that they use."""
        value, n = self.names.state(node, "value"), math.prod(node.shape)
        if isinstance(node, (Dense, Conv)):
            return self.connection(node)
        if isinstance(node, AveragePool):
            shape = self.graph[node.inputs[0]].shape
            lines, indices = window_sums(shape, node.size, node.strides, "double", "0.0", value)
            mean = loop("j", n, [f"{value}[j] /= {self.names.macro(node, 'WINDOW')};"])
            return [*lines, *mean], indices | {"j"}
        y = f"{value}[j]"
        if isinstance(node, Input):
            body = [f"{y} = x[j];"]
        elif isinstance(node, Affine):
            offset = "" if node.offset is None else f" + {self.number(node, 'offset', node.offset)}"
            body = [f"{y} = x[j] * {self.number(node, 'scale', node.scale)}{offset};"]
        elif isinstance(node, Filter):
            body = [f"{y} = {y} + (x[j] - {y}) * {self.names.macro(node, 'GAIN')};"]
        elif isinstance(node, Population):
            body = self.neurons(node)[0]
        else:
            raise ExportError(f"layer '{node.name}' ({node.kind}) has no form in C with doubles.")
        return loop("j", n, body), {"j"}

    def connection(self, node: Dense | Conv) -> Code:
        """Code that sums up weighted inputs."""
        shape = self.graph[node.inputs[0]].shape
        layer = of_dense(node, shape) if isinstance(node, Dense) else of_conv(node, shape)
        lines, indices = Connection(
            tuple(layer.kernel.shape),
            layer.input_shape,
            layer.strides,
            layer.padding,
            layer.dilation,
            layer.groups,
            layer.output_shape,
            weights=self.names.array(node, "kernel"),
            weight_type="double",
            input_type="double",
            sum_type="double",
            product="{x} * {w}",
        ).code()
        n = math.prod(node.shape)
        biased = [] if node.bias is None else loop("j", n, [f"total[j] += {self.number(node, 'bias', node.bias)};"])
        return [*loop("j", n, ["total[j] = 0.0;"]), *lines, *biased], indices | {"j"}

    def neurons(self, node: Population) -> tuple[list[str], dict[str, np.ndarray]]:
        """The step of neuron j for the current J, written from `Neuron.step`; and the arrays of constants in it.

        Raises
        ------
        ExportError
            If C without a library has no form of it.
        """
        neuron, names, plain = node.neuron, self.names, _variables(node)
        arrays: dict[str, np.ndarray] = {}

        def constant(array: np.ndarray) -> str:
            name = f"constant_{len(arrays) + 1}"
            arrays[name] = array
            return self.number(node, name, array)

        trace = Trace(f"the {neuron.kind} neurons of '{node.name}'", DOUBLE, constant)
        current = trace.given(f"x[j] + {self.number(node, 'neuron_bias', node.neuron_bias)}", "J")
        before = {key: trace.given(f"{names.state(node, name)}[j]", f"old_{name}") for key, name in plain.items()}
        try:
            spikes, after = neuron.step(current, before, self.dt, numpy_ops)
        except (AttributeError, TypeError) as error:  # what is no operation of arrays, or none that NumPy has
            raise trace.refusal(str(error)) from error
        lines, found = trace.code({"spikes": spikes} | {f"new_{name}": after[key] for key, name in plain.items()})
        stores = [f"{names.state(node, name)}[j] = {found[f'new_{name}']};" for name in plain.values()]
        sent = f"{names.state(node, 'value')}[j] = {found['spikes']} * {names.macro(node, 'HEIGHT')};"
        return [*lines, "", *stores, sent], arrays


def limits(writer: DoubleWriter) -> tuple[Limit, ...]:
    """Parts of the network that have no form in C with doubles, each with the names of its nodes."""
    layers: dict[tuple[str, str], list[str]] = {}
    for node in writer.graph.nodes:
        lack = _lack(node, writer)
        if lack is not None:
            layers.setdefault(lack, []).append(node.name)
    found = [Limit(what, tuple(names), advice=advice) for (what, advice), names in layers.items()]
    inputs = tuple(node.name for node in writer.graph.inputs)
    if len(inputs) > 1:
        found.append(Limit("several inputs", inputs, advice="Convert a model with one of them"))
    return tuple(found)


def _lack(node: Node, writer: DoubleWriter) -> tuple[str, str] | None:
    if isinstance(node, Population):
        try:
            writer.neurons(node)
        except ExportError:
            advice = f"Convert the model with {argument('swap_activations', {'…': RELU})}"
            return f"the {node.neuron.kind} neurons", advice
        return None
    if isinstance(node, Filter):
        return None if isinstance(node.synapse, Lowpass) else (f"the {node.synapse.kind} synapse", "Use a Lowpass")
    if isinstance(node, AveragePool) and any(map(any, node.padding)):
        return "the padded pooling", "Use padding='valid', or a size that divides the input's"
    if isinstance(node, (Input, Dense, Conv, AveragePool, Affine, Reshape, Readout)):
        return None
    if isinstance(node, MeansFunction):
        return FUNCTIONS
    if isinstance(node, RunningMean):
        return None  # it comes with a function
    return f"the operation {node.kind}", "Use target 'nengo' for it, or convert the model without it"


def run(writer: DoubleWriter, folder: Path, inputs: Inputs, n_steps: int) -> Result:
    """Compile the network in `folder` and run it: its spikes, and its outputs at each step.

    Raises
    ------
    ExportError
        If it does not compile or run.
    """
    graph, names = writer.graph, writer.names
    (node,) = graph.inputs
    x = np.asarray(inputs[node.name], "float64")
    recorded = []
    for name in graph.populations:
        population = graph[name]
        spikes = f"net.{names.field(population, 'value')}[j] / {DOUBLE.literal(writer.constants(population)['HEIGHT'])}"
        # half away from zero: spikes can be negative
        whole = f"(int32_t)({spikes} < 0 ? {spikes} - 0.5 : {spikes} + 0.5)"
        recorded.append(Recorded("int32_t", "i4", population.shape, whole))
    for label, name in graph.outputs.items():
        value = f"net.{names.field(writer.output(label), 'value')}[j]"
        recorded.append(Recorded("double", "f8", graph[name].shape, value))
    found = run_samples(folder, graph.name, x, n_steps, inputs.varies(node.name), recorded)
    spikes = dict(zip(graph.populations, found, strict=False))
    outputs = dict(zip(graph.outputs, found[len(spikes) :], strict=True))
    return Result(outputs, n_steps, writer.dt, spikes)


def _variables(node: Population) -> dict[str, str]:
    """Names in C of a neuron's state variables; the name of its output is taken."""
    plain = identifiers(["value", *(f"_{key}" for key in node.neuron.state)])
    return {key: plain[f"_{key}"] for key in node.neuron.state}


def _stored(node: Node, **arrays: Any) -> dict[str, np.ndarray]:
    """Arrays that broadcast against a node, as `DoubleWriter.number` reads them: one number per channel, or all."""
    found = {name: np.asarray(array, "float64") for name, array in arrays.items()}
    return {
        name: array.ravel() if _is_per_channel(node, array) else np.broadcast_to(array, node.shape)
        for name, array in found.items()
        if array.size > 1
    }


def _is_per_channel(node: Node, array: np.ndarray) -> bool:
    return array.size == node.shape[-1] and array.shape[-1:] == node.shape[-1:]


def _described(node: Node) -> str:
    shape = " x ".join(map(str, node.shape))
    neuron = getattr(node, "neuron", None)
    kind = node.kind if neuron is None else f"{neuron.kind} neurons"
    source = f" of {', '.join(node.inputs)}" if node.inputs else ""
    return comment(f"{node.name}: {kind}, {shape}{source}")
