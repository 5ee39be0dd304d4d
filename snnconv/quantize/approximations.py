"""What an integer network does not do as the float network does, in sentences that name the layer."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Population
from ..neurons import SteppedLIF
from .layers import FARTHEST
from .nodes import EncodedInput, IntegerLayer, SpikingLayer, effective_tau
from .scales import most_level
from .settings import Settings


def of_input(node: EncodedInput) -> list[str]:
    """Of the input."""
    return [f"{node.name}: {node.code.approximation()}."]


def of_linear(layer: IntegerLayer, settings: Settings) -> list[str]:
    """Of weights, biases and a synapse."""
    most = most_level(settings.weight_bits)
    cut = float(np.mean(np.abs(layer.weights * layer.of_channels(layer.scale)) > most + 0.5))
    found = [
        f"{layer.name}: weights are rounded to {settings.weight_bits} bits, which changes them by "
        f"{layer.weight_error:.2%} (root mean square)"
        + (f" and cuts off the {cut:.2%} that are largest." if cut else ".")
    ]
    if _used_bits(layer) < settings.weight_bits and np.ptp(np.abs(layer.weights)):
        found.append(f"{layer.name}: int32 leaves its weights {_used_bits(layer)} of {settings.weight_bits} bits.")
    if layer.synapse:
        tau = effective_tau(layer.synapse, layer.synapse_bits, settings.dt)
        found.append(
            f"{layer.name}: the lowpass of its input has a time constant of {_ms(tau)} in place of "
            f"{_ms(layer.synapse_tau)}, and its current is rounded at every step."
        )
    return found


def of_neurons(layer: SpikingLayer, population: Population, n_reduced: int, settings: Settings) -> list[str]:
    """Of a layer of neurons."""
    found = of_linear(layer, settings)
    if n_reduced and _used_bits(layer) == settings.weight_bits:
        found.append(
            f"{layer.name}: the weights of {n_reduced} of its {layer.kernel.shape[-1]} channels, which are small, use "
            f"fewer bits."
        )
    if layer.neuron == "LIF":
        tau, neuron = layer.effective_tau_rc(settings.dt), population.neuron
        is_stepped = isinstance(neuron, SteppedLIF)
        wanted = neuron.smooth().tau_rc if is_stepped else layer.tau_rc
        if _ms(tau) != _ms(wanted):
            found.append(f"{layer.name}: tau_rc is {_ms(tau)} in place of {_ms(wanted)}.")
        if layer.tau_ref and not is_stepped:
            found.append(
                f"{layer.name}: the refractory period is {layer.refractory_steps} whole steps behind that of the "
                f"spike; in the float network it lasts {_ms(layer.tau_ref)} from the crossing inside a step."
            )
        return found
    if population.neuron.max_spikes_per_step != 1:
        found.append(f"{layer.name}: at most one spike per step; the float network allows several.")
    if math.isinf(layer.min_voltage) and int(layer.floor.min()) == -FARTHEST:
        found.append(f"{layer.name}: voltages end at -{FARTHEST:,}; in the float network they have no floor.")
    if int(layer.ceiling.max()) == FARTHEST:
        found.append(f"{layer.name}: voltages end at {FARTHEST:,}, where spikes that are due are lost.")
    return found


def _used_bits(layer: IntegerLayer) -> int:
    """Bits that the largest weight needs, its sign included."""
    return int(np.abs(layer.kernel.astype("int32")).max()).bit_length() + 1


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.4g} ms"
