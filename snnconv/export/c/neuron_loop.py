"""The loop over a layer's neurons, one step of each, traced from `snnconv.quantize`."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...neurons import numpy_ops
from ...quantize import IntegerLayer, ReadoutLayer, SpikingLayer
from ...quantize.neurons import leaked
from ...quantize.ranges import Range
from .loops import indented
from .members import Members
from .program import INT32
from .tracer import Store, Trace, Value


def neuron_loop(members: Members, layer: SpikingLayer | ReadoutLayer) -> list[str]:
    """Lines that make of a neuron's sum of weighted inputs its output and its new state.

    Raises
    ------
    ExportError
        If C without a library has no form of the neurons.
    """
    names, new = members.names, {}
    olds: dict[str, Any] = {"value": INT32.literal(0)} if members.has_events(layer) else {}  # they are taken out before
    trace = Trace(f"the neurons of '{layer.name}'", INT32, lambda array: names.array(layer, "constants"))

    def old(member: str, limits: Range) -> Value:
        olds[member] = trace.given(f"{names.state(layer, member)}[j]", f"old_{member}", limits.low >= 0)
        return olds[member]

    def numbers(field: str) -> Value | int:
        found = members.number(layer, field)
        return trace.given(found, f"{field}_j") if isinstance(found, str) else found

    is_summed = members.is_fed_by_held(layer)
    drive = trace.given("total[j]", "total_j")
    if not is_summed:
        drive = drive * (1 << layer.shift) if layer.shift else drive
        for number, branch in enumerate(members.branches(layer), 1):
            drive = drive + trace.given(branch, f"branch_{number}")
    if layer.synapse:
        multiplier: Any = trace.given(names.macro(layer, "SYNAPSE"), is_natural=True)
        current = old("current", layer.ranges["synapse"])
        drive = new["current"] = leaked(current, multiplier, layer.synapse_bits, numpy_ops) + drive
    if layer.synapse or not is_summed:
        drive = drive + numbers("bias")
    about: list[str] = []
    if isinstance(layer, SpikingLayer):
        given: Any = layer.neuron
        neuron: Any = given.shortened()
        symbols: dict[str, Any] = {field: numbers(field) for field in neuron.array_fields if field != "start"}
        if neuron is not given:
            about = [f"/* {neuron.rest()} is {given.rest()} */"]
        elif neuron.leak:
            symbols["leak"] = trace.given(names.macro(layer, "LEAK"), is_natural=True)
        state = {member: old(member, layer.ranges[member]) for member in neuron.state}
        spikes, state = dataclasses.replace(neuron, **symbols).step(drive, state, numpy_ops)
        new |= {**state, "value": spikes}
    else:
        new["total"] = old("total", layer.ranges["total"]) + drive
    labels = {member: "spikes" if member == "value" else f"new_{member}" for member in new}
    results = {labels[member]: value for member, value in new.items()}
    stores = {label: (olds.get(member), _store(members, layer, member)) for member, label in labels.items()}
    lines, found = trace.code(results, stores)
    kept = [line for label, text in found.items() for line in stores[label][1](text)]
    n, body = layer.n_neurons, [*about, *lines, *(["", *kept] if kept else [])]
    before: list[str] = []
    behind: list[str] = []
    if members.has_events(layer):
        number, events = members.events(layer)
        clear = f"    {names.state(layer, 'value')}[{events}[j]] = 0;"
        before = [f"for (j = 0; j < {number}; j++) {{", clear, "}"]
        behind = [f"{number} = (int32_t)(event - {events});"]
    if not any("[c]" in line for line in body):
        return [*before, f"for (j = {n}; j-- > 0;) {{", *indented(body), "}", *behind]
    moved = f"c = (c == 0 ? {layer.shape[-1]} : c) - 1;"
    return [*before, f"for (j = {n}, c = 0; j-- > 0;) {{", *indented([moved, *body]), "}", *behind]


def _store(members: Members, layer: IntegerLayer, member: str) -> Store:
    """The lines that keep a member of the struct, for an expression."""
    to, kind = f"{members.names.state(layer, member)}[j]", members.kind(layer, member)

    def keep(text: str) -> list[str]:
        return [f"{to} = {text if text.isdigit() else f'({kind}){wrapped(text)}'};"]

    def wrapped(text: str) -> str:
        return text if text.isidentifier() else f"({text})"

    def send(text: str) -> list[str]:
        lines = [f"{to} = {text};", f"*event++ = ({members.kind(layer, 'events')})j;"]
        is_one = text in ("1", "(-1)")
        return lines if is_one else [f"if (({text}) != 0) {{", *indented(lines), "}"]

    return send if member == "value" and members.has_events(layer) else keep
