"""The stepper: compiled functions that take a chunk of time steps through all layers.

Inside a chunk, everything linear handles all steps at once, as (steps · samples, *shape) arrays; neurons and filters
scan over the steps, compiled by XLA. What depends on constant inputs alone is computed once per run, down to the times
of the spikes that constant currents cause.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from ...graph import Affine, Filter, Function, Input, Linear, Node, Population, Readout, RunningMean, Stateful
from ...neurons import Neuron
from ...neurons.base import State
from ...neurons.spike_train import spikes_between
from .. import tensorflow_ops
from ..result import spike_dtype
from .model import Model, Program
from .scan import Arrays, Scan, Settled, compile_scan, compiled, shared, together, traced

Flat = tuple[tf.Tensor, ...]
Tensors = dict[str, tf.Tensor]
States = dict[str, State]
Phases = dict[str, tuple[tf.Tensor, tf.Tensor]]
COUNTS = tf.int32  # float32 counts to 2^24 alone


class Stepper:
    """The compiled functions of one `Program`, for models of the same settings: arrays are their first argument.

    `before` computes, once per run, what constant inputs alone decide. `chunk` advances up to chunk_steps steps.
    `after` gives, from what is `kept`, the state that `chunk` leaves out. Values are (n, *shape) tensors where they are
    the same at every step, and (steps, n, *shape) where they vary.
    """

    def __init__(self, model: Model, program: Program):
        self._model, self._program = model.without_arrays(), program
        self._varies = self._find_varying()
        self._trains = self._find_trains()
        make = compiled if model.is_one_program else traced
        self.before = Settled(make(self._before))
        self.chunk = Settled(make(self._chunk))
        self.after = traced(self._after)
        self._spikes_between = {name: shared(_spikes_between, self._dtype(node)) for name, node in self._trains.items()}
        self._chains = self._find_chains()
        self._scans = {name: self._scan(chain) for name, chain in self._chains.items()}

    def _find_varying(self) -> frozenset[str]:
        varies = set(self._program.varying)
        for node in self._model.nodes:
            if isinstance(node, Stateful) or any(name in varies for name in node.inputs):
                varies.add(node.name)
        return frozenset(varies)

    def _find_trains(self) -> dict[str, Population]:
        """Populations whose spikes are known without a loop: their current is constant."""
        return {
            node.name: node
            for node in self._model.stateful
            if isinstance(node, Population)
            and self._model.dtype == tf.float32
            and node.inputs[0] not in self._varies
            and not self._program.records("voltages", node.name)
            and node.neuron.has_spike_train(self._model.dt)
        }

    def _find_chains(self) -> dict[str, tuple[Linear | Stateful, ...]]:
        """Nodes that share one scan, keyed by the last: a population, and what feeds it alone on the way from one node.

        These are filters, running means and functions of them. Without a population they stand alone.
        """
        chains: dict[str, tuple[Linear | Stateful, ...]] = {}
        joined: set[str] = set()
        for node in reversed(self._model.stateful):
            if node.name in self._trains or node.name in joined:
                continue
            chain: tuple[Any, ...] = (node,)
            while isinstance(node, Population) and self._joins(source := chain[0].inputs[0]):
                chain = (self._model[source], *chain)
            chains[node.name] = chain
            joined.update(each.name for each in chain)
        return chains

    def _joins(self, name: str) -> bool:
        """Whether a node in front of a population can share its scan."""
        node, is_own = self._model[name], self._model.n_uses(name) == 1 and name in self._varies
        return is_own and (
            isinstance(node, (Affine, Filter, RunningMean)) or (isinstance(node, Function) and len(node.inputs) == 1)
        )

    def _scan(self, chain: tuple[Linear | Stateful, ...]) -> Scan:
        return compile_scan(
            chain,
            self._program.chunk_steps,
            self._model.dt,
            varies=chain[0].inputs[0] in self._varies,
            keep_voltages=self._program.records("voltages", chain[-1].name),
            keep_derived=self._program.keeps_state,
            dtype=self._dtype(self._model[chain[-1].name]),
            together=together(self._program.chunk_steps) if self._model.platform == "gpu" else 1,
        )

    def _dtype(self, node: Node) -> tf.DType:
        """Type of the values that a node gives."""
        return tf.bool if isinstance(node, Population) and self._model.fits_bool(node) else self._model.dtype

    def _nodes(self, arrays: Arrays) -> list[Any]:
        return [dataclasses.replace(node, **arrays[node.name]) for node in self._model.nodes]

    def _before(self, flat: Flat, inputs: Tensors, start: States | None) -> tuple[Tensors, Phases, States]:
        """Compute what constant inputs alone decide, before the first step.

        Parameters
        ----------
        flat : arrays of the model
        inputs : the constant ones
        start : state of all nodes, or None for the one at rest

        Returns
        -------
        constant : values of the nodes that constant inputs alone decide
        trains : phases of the spikes they cause
        state : of the other populations and filters
        """
        arrays, values = self._model.by_name(flat), dict(inputs)
        for node in self._nodes(arrays):
            if isinstance(node, Linear) and node.name not in self._varies:
                values[node.name] = self._apply(node, [values[name] for name in node.inputs])
        trains = {
            name: shared(_phases, node.neuron, self._model.dt)(
                *self._train(node, arrays, values[node.inputs[0]], start)
            )
            for name, node in self._trains.items()
        }
        scanned = [node for node in self._model.stateful if node.name not in self._trains]
        state = {node.name: start[node.name] if start else self._at_rest(node) for node in scanned}
        used = {name for node in self._model.nodes if node.name in self._varies for name in node.inputs}
        used |= set(self._model.outputs.values())
        return {name: value for name, value in values.items() if name in used}, trains, state

    def _at_rest(self, node: Stateful) -> State:
        zero = tf.zeros((), self._model.dtype)
        return node.initial_state(self._program.batch_size, zero, self._model.dtype, tensorflow_ops)

    def _train(self, node: Population, arrays: Arrays, x: tf.Tensor, start: States | None) -> tuple[tf.Tensor, State]:
        """Current and first state of a population whose spikes are known without a loop."""
        return x + arrays[node.name]["neuron_bias"], self._at_rest(node) if start is None else start[node.name]

    def _chunk(
        self,
        flat: Flat,
        constant: Tensors,
        trains: Phases,
        varying: Tensors,
        state: States,
        begin: tf.Tensor,
        n_valid: tf.Tensor,
        weights: tf.Tensor | None,
    ) -> tuple[Tensors, dict[str, Tensors], States]:
        """Advance `n_valid` steps.

        Parameters
        ----------
        flat : arrays of the model
        constant, trains, state : what `before` gave; then the state of the chunk before
        varying : inputs by name, as (chunk_steps, batch_size, *shape)
        begin : steps before this chunk
        n_valid : how many of the chunk's steps count; the others are padding
        weights : (chunk_steps,) of the steps in a sum of the outputs, 0 for padding; None where they are not summed

        Returns
        -------
        outputs : by label, (chunk_steps, batch_size, *shape), or reduced to (batch_size, *shape)
        records : by kind and population
        state : after the last step that counts; without the populations under constant current
        """
        arrays, values = self._model.by_name(flat), {**constant, **varying}
        records: dict[str, Tensors] = {"spikes": {}, "voltages": {}, "rates": {}}
        state = dict(state)
        times = begin + tf.minimum(tf.range(self._program.chunk_steps + 1), n_valid)
        on_the_way = {node.name for chain in self._chains.values() for node in chain[:-1]}
        for node in self._nodes(arrays):
            if isinstance(node, Input) or node.name not in self._varies or node.name in on_the_way:
                continue
            if isinstance(node, Linear):
                values[node.name] = self._apply_over_time(node, [values[name] for name in node.inputs])
                continue
            voltages = None
            if node.name in self._trains:
                value = self._spikes_between[node.name](tf.cast(times, self._model.dtype), *trains[node.name])
            else:
                chain = self._chains[node.name]
                before = {each.name: state[each.name] for each in chain if each.name in state}
                value, after, voltages = self._scans[node.name](values[chain[0].inputs[0]], before, arrays, n_valid)
                state |= after
            values[node.name] = value
            if isinstance(node, Population):
                self._record(node, value, voltages, records)
        outputs = {
            label: self._reduce(values[name], name, n_valid, weights) for label, name in self._model.outputs.items()
        }
        return outputs, records, state

    def kept(self, constant: Tensors, start: States | None) -> tuple[Tensors, States | None]:
        """Select the inputs of `after` from those of `before`."""
        currents = {name: constant[node.inputs[0]] for name, node in self._trains.items()}
        return currents, start and {name: start[name] for name in self._trains}

    def _after(self, flat: Flat, currents: Tensors, start: States | None, n_steps: tf.Tensor) -> States:
        """The state, `n_steps` steps after `start`, of the populations under constant current."""
        steps, arrays, found = tf.cast(n_steps, self._model.dtype), self._model.by_name(flat), {}
        for name, node in self._trains.items():
            after = shared(_state_after, node.neuron, self._model.dt)
            found[name] = after(*self._train(node, arrays, currents[name], start), steps)
        return found

    def _record(
        self, node: Population, value: tf.Tensor, voltages: tf.Tensor | None, records: dict[str, Tensors]
    ) -> None:
        if self._program.records("spikes", node.name):
            records["spikes"][node.name] = tf.cast(value, spike_dtype(node))
        if voltages is not None:
            records["voltages"][node.name] = voltages
        if self._program.records("rates", node.name):
            records["rates"][node.name] = tf.reduce_sum(tf.cast(value, COUNTS), 0)

    def _reduce(self, value: tf.Tensor, name: str, n_valid: tf.Tensor, weights: Any) -> tf.Tensor:
        if self._program.reduction is None:
            return self._over_time(value, name)
        if self._program.reduction == "last":
            return value[n_valid - 1] if name in self._varies else value
        # float32 would lose digits with every step: 2e-4 of the sum after a million
        value = tf.cast(value, tf.float64)
        return tf.tensordot(weights, value, 1) if name in self._varies else value * tf.reduce_sum(weights)

    def _apply(self, node: Linear, inputs: list[tf.Tensor]) -> tf.Tensor:
        if isinstance(node, Readout):  # its function belongs to whoever reads the average over time
            return inputs[0]
        return node.apply(*inputs, xp=self._model.products(node, node.inputs[0] in self._varies))

    def _apply_over_time(self, node: Any, inputs: list[tf.Tensor]) -> tf.Tensor:
        steps, n = self._program.chunk_steps, self._program.batch_size
        flat = []
        for name, value in zip(node.inputs, inputs, strict=True):
            value = self._over_time(value, name)
            flat.append(tf.reshape(value, (steps * n, *value.shape[2:])))
        return tf.reshape(self._apply(node, flat), (steps, n, *node.shape))

    def _over_time(self, value: tf.Tensor, name: str) -> tf.Tensor:
        """The values of a node with an axis of the steps, where they are the same at all."""
        if name in self._varies:
            return value
        return tf.broadcast_to(value[None], (self._program.chunk_steps, *value.shape))


def _phases(neuron: Neuron, dt: float, J: tf.Tensor, state: State) -> Any:
    return neuron.spike_train(J, state, dt, tensorflow_ops).phases()


def _state_after(neuron: Neuron, dt: float, J: tf.Tensor, state: State, n_steps: tf.Tensor) -> State:
    return neuron.spike_train(J, state, dt, tensorflow_ops).state_after(n_steps)


def _spikes_between(dtype: tf.DType, times: tf.Tensor, *phases: tf.Tensor) -> tf.Tensor:
    return tf.cast(spikes_between(times, *phases, xp=tensorflow_ops), dtype)
