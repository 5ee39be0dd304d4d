"""The program of an integer network: the integers of `snnconv.quantize.run`, in the smallest types that are proven."""

from __future__ import annotations

import math
import re

import numpy as np

from ..._version import __version__
from ...errors import ExportError
from ...quantize import (
    EncodedInput,
    IntegerLayer,
    IntegerNode,
    LatencyCode,
    MaxPool,
    RateCode,
    ReadoutLayer,
    SpikingLayer,
    SumPool,
    WeightedNode,
    WeightedSums,
)
from ...quantize.ranges import Range, span
from ..golden import Golden
from ..integers import comment
from ..params.numbers import c_type, describe
from ..params.texts import c_header
from .loops import Code, Connection, indented, loop, window_maxima, window_sums
from .members import Members, is_given
from .neuron_loop import neuron_loop
from .program import INT32, Check, Field, Function, Program, Vectors


class IntegerWriter(Members):
    """The functions of an integer network's nodes."""

    def program(self) -> Program:
        """The whole program."""
        graph, code = self.graph, self.graph.input.code
        first = next(iter(graph.readouts.values()))
        described = [(comment(describe(node)), self.fields(node)) for node in graph.nodes]
        shared: list[Field] = []
        layers = [
            node
            for node in graph.nodes
            if isinstance(node, IntegerLayer) and not self.is_fed_by_held(node) and not self.adds_up(node)
        ]
        if layers:
            most = max(layer.n_neurons for layer in layers)
            shared.append(Field("int32_t", "total", most, "sums of weighted inputs, of one layer at a time", None))
        if isinstance(code, LatencyCode):
            shared.append(Field("int32_t", "step", None, "of the window"))
        usage = [
            f"A step is {graph.dt!r} s; sums over time are proven to fit for {graph.settings.n_steps} steps.",
            f"Inputs, row-major, channels last: {_rounding(code)},",
            f"half to even, for x in {code.low!r} to {code.high!r}.",
            "Outputs:",
        ]
        usage += [
            f"{comment(label)}: {self.names.field(node, 'total')}[{node.n_neurons}]; mean output = total * "
            f"{node.output_scale!r} / steps{_activation(node)}"
            for label, node in graph.readouts.items()
        ]
        return Program(
            title=f"integer network {comment(graph.name)}",
            numbers=INT32,
            input_kind=c_type(code.codes),
            n_input=math.prod(graph.input.shape),
            params=c_header(graph),
            usage=usage,
            source_note="No sum here overflows, whatever the inputs: the widths are proven.",
            guards=(),
            fields=[*((about, fields) for about, fields in described if fields), ("", shared)],
            functions=[function for node in graph.nodes for function in self.functions(node)],
            output=f"{self.names.state(first, 'total')}, {first.n_neurons}",
            max_steps=graph.settings.n_steps,
        )

    def vectors(self, golden: Golden) -> Vectors:
        """The golden vectors, and the comparisons with them."""
        graph, names = self.graph, self.names
        n, n_steps = len(golden.codes), golden.n_steps
        about = [
            f"/* What the integer network {comment(graph.name)} gives, for {golden.size};",
            f"   written by snnconv {__version__}. Arrays are [sample][step][number]; spikes are 8 to a byte, highest "
            "bit",
            "   first, each step from a byte of its own. */",
        ]
        arrays, checks = [[(f"{c_type(graph.input.code.codes)} golden_inputs", golden.codes)]], []
        for name, spikes in golden.spikes.items():
            layer, array = graph[name], f"golden_{names.plain[name]}_spikes"
            if spikes.dtype == "int8":  # of both signs
                arrays.append([(f"int8_t {array}", spikes)])
                expected = f"{array}[at * {math.prod(layer.shape)} + j]"
            else:
                packed = np.packbits(spikes.reshape(n, n_steps, -1), axis=-1)
                arrays.append([(f"uint8_t {array}", packed)])
                expected = f"({array}[at * {packed.shape[-1]} + j / 8] >> (7 - j % 8)) & 1"
            found = f"net.{names.field(layer, 'value')}[j]"
            checks.append(Check(f"spike of {comment(name)}", math.prod(layer.shape), found, expected))
        for kind, member, what in (("voltages", "voltage", "voltage"), ("readouts", "total", "sum")):
            for name, values in getattr(golden, kind).items():
                layer, array = graph[name], f"golden_{names.plain[name]}_{kind}"
                units = math.prod(layer.shape)
                arrays.append([(f"{c_type(span(values))} {array}", values)])
                found, expected = f"net.{names.field(layer, member)}[j]", f"{array}[at * {units} + j]"
                checks.append(Check(f"{what} of {comment(name)}", units, found, expected))
        return Vectors(golden.size, n, n_steps, golden.varies, about, "", arrays, checks)

    def functions(self, node: IntegerNode) -> list[Function]:
        """The functions of a node: what it does when an input is given, and at each step."""
        if is_given(node):
            return []
        n = math.prod(node.shape)
        if isinstance(node, EncodedInput):
            code = self.names.state(node, "code")
            keep = loop("i", n, [f"{code}[i] = input[i];"])
            encode = [f"const snn_input *x = {code};"]
            return [
                self.function("present", node, keep, {"i"}, [], True),
                self.function("step", node, self.encoding(node), {"i"}, encode),
            ]
        before = self.source(node)
        is_fed, verb = is_given(before), "present" if self.is_held(before) else "step"
        source = [f"const {self.value_type(before)} *x = {self.value(before)};"]
        if isinstance(node, SumPool):
            to, kind = self.names.state(node, "value"), self.kind(node, "value")
            sums, indices = window_sums(node.input_shape, node.size, node.strides, kind, "0", to)
            return [self.function(verb, node, sums, indices, source, is_fed)]
        if isinstance(node, MaxPool):
            body, indices, source = self.largest(node, source)
            return [self.function(verb, node, body, indices, source, is_fed)]
        if not isinstance(node, (SpikingLayer, ReadoutLayer, WeightedSums)):
            raise ExportError(f"layer '{node.name}' ({node.kind}) has no form in C. Export it with --target params.")
        added, indices = self.connection(node)
        if not any("x[" in line or "x +" in line for line in added):  # places of spikes say it all
            source = []
        if isinstance(node, WeightedSums):
            sums, to = loop("j", node.n_neurons, ["total[j] = 0;"]), f"int32_t *total = {self.value(node)};"
            return [self.function(verb, node, [*sums, *added], indices | {"j"}, [*source, to], is_fed)]
        branches = self.branches(node)
        if self.is_held(before) and not self.is_fed_by_held(node):
            raise ExportError(f"layer '{node.name}': its first input stays, and others do not. Put it behind them.")
        if self.adds_up(node):
            bias = self.number(node, "bias", f"j % {node.shape[-1]}")
            terms = [*branches, *([str(bias)] if np.any(node.bias) else [])]
            # first, so that no sum on the way leaves the range that is proven for the steps
            constant = loop("j", node.n_neurons, [f"total[j] += {' + '.join(terms)};"]) if terms else []
            to = f"int32_t *total = {self.names.state(node, 'total')};"
            return [self.function(verb, node, [*constant, *added], indices | {"j"}, [*source, to])]
        sums = [*loop("j", node.n_neurons, ["total[j] = 0;"]), *added]
        if verb == "step":
            body, declared = [*sums, *neuron_loop(self, node)], [*source, "int32_t *total = net->total;"]
            return [self.function(verb, node, body, indices | {"j"}, declared)]
        total = f"int32_t *total = {self.names.state(node, 'input')};"
        scaled = f"total[j] * {1 << node.shift}" if node.shift else "total[j]"
        bias = [] if node.synapse else [str(self.number(node, "bias", f"j % {node.shape[-1]}"))]
        terms = [scaled, *branches, *bias]
        if len(terms) > 1 or node.shift:
            sums += loop("j", node.n_neurons, [f"total[j] = {' + '.join(terms)};"])
        return [
            self.function("present", node, sums, indices | {"j"}, [*source, total], is_fed),
            self.function("step", node, neuron_loop(self, node), {"j"}, [f"const {total}"]),
        ]

    def largest(self, node: MaxPool, source: list[str]) -> tuple[list[str], set[str], list[str]]:
        """Code of a max pool, its indices, and the declarations in the place of `source`."""
        value, kind = self.names.state(node, "value"), self.kind(node, "value")
        sums, last = self.names.state(node, "total"), self.names.state(node, "most")
        before: list[str] = []
        stores = [f"{value}[at] = ({kind})most;"]
        limits = node.ranges["total" if node.is_running else "value"]
        if node.is_running:
            number = self.kind(node, "total")
            add = f"{sums}[i] = ({number})({sums}[i] + input[i]);"
            before = loop("i", math.prod(node.input_shape), [add])
            stores = [f"{value}[at] = ({kind})(most - {last}[at]);", f"{last}[at] = ({number})most;"]
            source = [source[0].replace("*x =", "*input ="), f"const {number} *x = {sums};"]
        code, indices = window_maxima(
            node.input_shape,
            node.size,
            node.strides,
            node.padding,
            node.shape[:-1],
            INT32.literal(limits.low),
            stores,
        )
        return [*before, *code], indices | ({"i"} if before else set()), source

    def function(
        self, verb: str, node: IntegerNode, body: list[str], indices: set[str], source: list[str], is_fed: bool = False
    ) -> Function:
        """A function of a node, with those of the indices declared that its code has."""
        if any("event++" in line for line in body):
            source = [*source, f"{self.kind(node, 'events')} *event = {self.names.state(node, 'events')};"]
        if any("[c]" in line for line in body):
            indices = indices | {"c"}
        found = sorted(index for index in indices if any(re.search(rf"\b{index}\b", line) for line in body))
        declared = [*source, *([f"int32_t {', '.join(found)};"] if found else [])]
        return Function(verb, self.names.plain[node.name], comment(describe(node)), declared, body, is_fed)

    def connection(self, layer: WeightedNode) -> Code:
        """Code that adds weighted inputs to `total`, which holds zeros."""
        source, limits = self.source(layer), layer.ranges["weight"]
        is_wide = max(-limits.low, limits.high) >= 1 << 7
        return Connection(
            layer.kernel.shape,
            layer.input_shape,
            layer.strides,
            layer.padding,
            layer.dilation,
            layer.groups,
            layer.connection_shape,
            weights=self.names.array(layer, "kernel"),
            weight_type="int16_t" if is_wide else "int8_t",
            input_type=self.value_type(source),
            sum_type="int32_t",
            product=self.product(layer, source),
            events=self.events(source) if self.has_events(source) and not layer.strides else None,
        ).code()

    def product(self, layer: WeightedNode, source: IntegerNode) -> str:
        """The number that is added to a sum: a weight, or its product with what comes in."""
        plain = "{w}" if source.ranges["value"] == Range(0, 1) else "(int32_t){w} * {x}"
        is_last = isinstance(layer, WeightedSums) or self.adds_up(layer)  # nothing shifts the sum behind it
        return f"{plain} * {1 << layer.shift}" if is_last and layer.shift else plain

    def encoding(self, node: EncodedInput) -> list[str]:
        """Lines that compute what the input sends at a step."""
        n, value = math.prod(node.shape), self.names.state(node, "value")
        if isinstance(node.code, RateCode):
            total, kind = self.names.state(node, "sum"), self.kind(node, "sum")
            period = self.names.macro(node, "PERIOD")
            added = [
                f"const int32_t sum = (int32_t){total}[i] + x[i];",
                "",
                f"{value}[i] = sum >= {period};",
                f"{total}[i] = ({kind})(sum >= {period} ? sum - {period} : sum);",
            ]
            return loop("i", n, added)
        if isinstance(node.code, LatencyCode):
            most, window = node.code.codes.high, self.names.macro(node, "WINDOW")
            level = f"{most} - net->step * {most} / {window}"
            above = f"net->step == 0 ? {most + 1} : {most} - (net->step - 1) * {most} / {window}"
            lines = [f"const int32_t low = {level}, high = {above};", ""]
            sent = loop("i", n, [f"{value}[i] = x[i] >= low && x[i] < high;"])
            moved = f"net->step = net->step + 1 == {window} ? 0 : net->step + 1;"
            return ["{", *indented([*lines, *sent]), "}", moved]
        raise ExportError(f"input '{node.name}': the code '{node.code.kind}' has no form in C. Choose another --code.")


def _rounding(code) -> str:
    inner = "x" if code.factor == 1 else f"{code.factor!r} * x"
    inner = f"({inner} + {code.offset!r})" if code.offset else inner
    return f"input = round({inner} / {code.step!r})"


def _activation(node: ReadoutLayer) -> str:
    return "" if node.activation == "linear" else f", before {comment(node.activation)}"
