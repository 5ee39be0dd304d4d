"""The kinds of nodes of a graph as Keras layers over all time steps; `node_layer` says what passes between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ...errors import ParameterError
from ...graph import Filter, Linear, Node, Population, Reading, Stateful
from ...layers import keras_ops
from ...neurons.base import State, with_tensors
from .fused import fused
from .node_layer import NodeLayer, Signal, constant, number, ops, time_constants, valued
from .surrogates import SLOPES, SMOOTHING


@keras.saving.register_keras_serializable(package="snnconv")
class InputNode(NodeLayer):
    """An input, held at every step or with a value of its own at each.

    Parameters
    ----------
    varies : bool
    """

    def __init__(self, node: Node | str, unrolling: Any, units: Any = None, varies: bool = False, **kwargs: Any):
        super().__init__(node, unrolling, units, **kwargs)
        self.varies = varies

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "varies": self.varies}

    def call(self, inputs: Any) -> Signal:
        series = inputs if self.varies else inputs[:, None]
        if not self.unrolling.by_rates:
            return [series]
        return [ops.stop_gradient(series), ops.mean(series, 1) if self.varies else inputs]


@keras.saving.register_keras_serializable(package="snnconv")
class LinearNode(NodeLayer):
    """A node without a memory, applied to all steps at once."""

    node: Linear

    def call(self, inputs: Sequence[Signal]) -> Signal:
        node = self.tensors()
        if not self.unrolling.by_rates:
            return [self._over_time(node, [signal[0] for signal in inputs])]
        series = self._over_time(self.gradient_free(node), [signal[0] for signal in inputs])
        return [series, node.apply(*(signal[1] for signal in inputs), xp=keras_ops)]

    def _over_time(self, node: Linear, series: Sequence[Any]) -> Any:
        n_steps = max(each.shape[1] for each in series)
        flat = []
        for each in series:
            if each.shape[1] < n_steps:
                each = ops.repeat(each, n_steps, 1)
            flat.append(ops.reshape(each, (-1, *each.shape[2:])))
        return ops.reshape(node.apply(*flat, xp=keras_ops), (-1, n_steps, *node.shape))


class _Stepped(NodeLayer):
    """A node with a state, which takes one step after the other, in the precision of the weights. Abstract.

    Beside the arrays of the node there can be the weights `log_<time constant>`, logarithms of factors.
    """

    node: Any

    def __init__(self, node: Node | str, unrolling: Any, units: Any = None, **kwargs: Any):
        super().__init__(node, unrolling, units, **kwargs)
        trained = "time_constants" in self.unrolling.trainable
        self._starts = time_constants(self.node, self.unrolling.by_rates) if trained else {}
        self._logarithms = {name: self.weight(f"log_{name.split('.')[1]}", "zeros") for name in self._starts}

    def tensors(self) -> Any:
        node = super().tensors()
        times = {name: self._time_constant(name) for name in self._starts}
        return self._with_times(node, times, with_tensors) if times else node

    def trained_node(self, like: Node | None = None) -> Any:
        node = super().trained_node(like)
        changed = [name for name, weight in self._logarithms.items() if number(weight)]
        times = {name: number(self._time_constant(name)) for name in changed}
        return self._with_times(node, times, lambda owner, new: dataclasses.replace(owner, **new)) if times else node

    def _time_constant(self, name: str) -> Any:
        return self._starts[name] * ops.exp(ops.convert_to_tensor(self._logarithms[name]))

    def _with_times(self, node: Any, times: Mapping[str, Any], replace: Callable[[Any, Any], Any]) -> Any:
        (field,) = {name.split(".")[0] for name in times}
        new = {name.split(".")[1]: value for name, value in times.items()}
        return dataclasses.replace(node, **{field: replace(getattr(node, field), new)})

    def steps(self, series: Any) -> list[Any]:
        """The value at each step."""
        return [series[:, 0]] * self.unrolling.n_steps if series.shape[1] == 1 else ops.unstack(series, axis=1)

    def initial_state(self, node: Stateful, x: Any, voltage: Any = 0.0) -> State:
        """The state before the first step for inputs like `x`."""
        one = node.initial_state(1, voltage, self.variable_dtype, keras_ops)
        return {name: ops.zeros_like(x) + value for name, value in one.items()}

    def signal(self, series: Any, mean: Any = None) -> Signal:
        """The signal of the outputs at all steps; `mean` has the gradients, and gets the value."""
        if not self.unrolling.by_rates:
            return [self._compute(series)]
        return [self._compute(ops.stop_gradient(series)), self._compute(mean)]

    def _compute(self, x: Any) -> Any:
        return ops.cast(x, self.compute_dtype)


@keras.saving.register_keras_serializable(package="snnconv")
class StatefulNode(_Stepped):
    """A filter, or a running sum or mean."""

    def call(self, inputs: Sequence[Signal]) -> Signal:
        ((series, *means),) = inputs
        series = ops.cast(series, self.variable_dtype)
        xs = self.steps(ops.stop_gradient(series) if means else series)
        node = self.tensors()
        state, outputs = self.initial_state(node, xs[0]), []
        for x in xs:
            value, state = node.step(x, state, self.unrolling.dt, keras_ops)
            outputs.append(node.output(value, self.unrolling.dt))
        series = ops.stack(outputs, 1)
        if not means:
            return self.signal(series)
        mean = self.node.rate(ops.cast(means[0], self.variable_dtype), keras_ops)
        if isinstance(self.node, Filter):  # a running sum has no mean, and stands for what grows
            mean = valued(mean, ops.mean(series, 1))
        return self.signal(series, mean)


@keras.saving.register_keras_serializable(package="snnconv")
class PopulationNode(_Stepped):
    """Spiking neurons: forward the neuron's own steps, backward a surrogate, with a reset that has no gradient.

    Beside the arrays of the node there can be the weights `log_height`, the logarithm of a factor of the spikes'
    height, and `initial_voltage`.
    """

    node: Any

    def __init__(self, node: Node | str, unrolling: Any, units: Any = None, **kwargs: Any):
        super().__init__(node, unrolling, units, **kwargs)
        trainable = self.unrolling.trainable
        self._log_height = self._initial_voltage = None
        if "heights" in trainable:
            self._log_height = self.weight("log_height", "zeros")
        if "initial_voltages" in trainable:
            self._initial_voltage = self.weight("initial_voltage", constant(self.node.initial_voltage))
        self._fused_step = fused(self._step)

    def trained_node(self, like: Node | None = None) -> Population:
        node: Any = super().trained_node(like)
        if self._log_height is not None:
            node = dataclasses.replace(node, neuron=node.neuron.with_amplitude(number(self._amplitude())))
        if self._initial_voltage is not None:
            voltage: Any = ops.convert_to_numpy(self._initial_voltage)
            if voltage != np.asarray(node.initial_voltage, voltage.dtype):
                node = dataclasses.replace(node, initial_voltage=float(voltage))
        return node

    def call(self, inputs: Sequence[Signal]) -> Signal:
        ((series, *means),) = inputs
        node = self.tensors().map_arrays(lambda array: ops.cast(array, self.variable_dtype))
        signal = self._by_rates(node, series, means[0]) if means else self.signal(self._run(node, series))
        if self.unrolling.spike_penalty:
            spikes = ops.cast(signal[-1], self.variable_dtype) / ops.stop_gradient(self._height() * ops.ones(()))
            # spikes of either sign cost
            self.add_loss(self.unrolling.spike_penalty * ops.mean(ops.maximum(spikes, -spikes)))
        return signal

    def _by_rates(self, node: Population, series: Any, mean: Any) -> Signal:
        outputs = ops.stop_gradient(self._run(self.gradient_free(node), ops.stop_gradient(series)))
        current = ops.cast(mean, self.variable_dtype) + node.neuron_bias
        if self._initial_voltage is not None:
            voltage = ops.convert_to_tensor(self._initial_voltage)
            current = current + (voltage - ops.stop_gradient(voltage)) / self._charge()
        rate = node.neuron.smooth_rate(current, SMOOTHING, keras_ops) * self._factor()
        return self.signal(outputs, valued(rate, ops.mean(outputs, 1)))

    def _run(self, node: Population, series: Any) -> Any:
        """The outputs at all steps."""
        currents = self.steps(ops.cast(series, self.variable_dtype) + node.neuron_bias)
        times = {name: self._time_constant(name) for name in self._starts}
        state, spikes = self.initial_state(node, currents[0], self._voltage()), []
        for J in currents:
            fired, state = self._fused_step(J, state, times)
            spikes.append(fired)
        return ops.stack(spikes, 1) * self._height()

    def _step(self, J: Any, state: State, times: Mapping[str, Any]) -> tuple[Any, State]:
        """One step of the neurons at the current J, whose spikes have the slope of the surrogate."""
        neuron = self._with_times(self.node, times, with_tensors).neuron if times else self.node.neuron
        dt = self.unrolling.dt
        spikes, after = neuron.step(J, state, dt, keras_ops)
        if self.unrolling.by_rates:
            return spikes, after
        slope = SLOPES[self.unrolling.surrogate]
        spikes = ops.stop_gradient(spikes)
        for distance in neuron.distances(J, state, dt, keras_ops):
            fixed = ops.stop_gradient(distance)
            spikes = spikes + slope(fixed, keras_ops) * (distance - fixed)  # which is 0
        if times:  # how long a reset lasts depends on them, and on nothing else that has a gradient
            held = {**state, "voltage": ops.stop_gradient(state["voltage"])}
            reset = neuron.step(ops.stop_gradient(J), held, dt, keras_ops)[1]
        else:
            reset = {name: ops.stop_gradient(each) for name, each in after.items()}
        return spikes, {**reset, "voltage": after["voltage"]}

    def _charge(self) -> float:
        """The sum over all steps of what a current of 1 adds to the voltage, in thresholds."""
        state = self.node.neuron.initial_state((1,))
        after, before = (self.node.neuron.distances(np.array([J]), state, self.unrolling.dt)[0] for J in (1.0, 0.0))
        return float((after - before)[0]) * self.unrolling.n_steps

    def _voltage(self) -> Any:
        if self._initial_voltage is None:
            return self.node.initial_voltage
        voltage = ops.convert_to_tensor(self._initial_voltage)
        return ops.stop_gradient(voltage) if self.unrolling.by_rates else voltage

    def _factor(self) -> Any:
        return 1.0 if self._log_height is None else ops.exp(ops.convert_to_tensor(self._log_height))

    def _amplitude(self) -> Any:
        return self.node.neuron.amplitude * self._factor()

    def _height(self) -> Any:
        return self._amplitude() / self.unrolling.dt


@keras.saving.register_keras_serializable(package="snnconv")
class ReadoutNode(NodeLayer):
    """A function of the output averaged over time, such as softmax."""

    node: Linear

    def call(self, inputs: Any) -> Any:
        return self.node.apply(inputs, xp=keras_ops)


@keras.saving.register_keras_serializable(package="snnconv")
class OverTime(keras.layers.Layer):
    """The answer of an output: its mean over steps, or its value at the last one.

    Parameters
    ----------
    reduce : {"mean", "last"}
    first : int
        First step of the mean, counted from 1.
    record : dict
        The fields of the graph that no node holds.
    fall : float
        In how many steps the weights of the last ones fall; see `snnconv.graph.Reading`.
    """

    def __init__(self, reduce: str, first: int, record: Mapping[str, Any], fall: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.reduce, self.record, self.reading = reduce, dict(record), Reading(first, fall)

    def get_config(self) -> dict[str, Any]:
        read = {"first": self.reading.first, "fall": self.reading.fall}
        return {**super().get_config(), "reduce": self.reduce, "record": self.record, **read}

    def build(self, input_shape: Any) -> None:
        self.built = True

    def call(self, inputs: Signal) -> Any:
        series, *means = inputs
        if self.reduce == "last":
            value = series[:, -1]
        else:
            value = ops.mean(series, 1) if series.shape[1] == 1 else self._weighed(series)
        return valued(means[0], value) if means else value

    def _weighed(self, series: Any) -> Any:
        weights = self.reading.weights(series.shape[1])[self.reading.first - 1 :]
        shares = (weights / weights.sum()).reshape(-1, *(1,) * (len(series.shape) - 2))
        return ops.sum(series[:, self.reading.first - 1 :] * ops.cast(shares, series.dtype), 1)


def layer_of(node: Node) -> type[NodeLayer]:
    """The kind of layer for a node.

    Raises
    ------
    ParameterError
        If nothing is known of its gradient.
    """
    if isinstance(node, Population):
        return PopulationNode
    if isinstance(node, Stateful):
        return StatefulNode
    if isinstance(node, Linear):
        return LinearNode
    raise ParameterError(f"node '{node.name}' ({node.kind}) has no gradient, and cannot train.")
