"""From one float layer to one integer layer: ILIF-1, with everything rounded once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ..errors import ConversionError
from ..graph import Population
from ..neurons import IF, LIF, SteppedLIF
from .chains import Chain
from .nodes import IntegerLayer, IntegerNode, ReadoutLayer, SpikingLayer, with_ranges
from .proofs import drives, half, prove, settled
from .ranges import Range, span
from .scales import (
    Scaling,
    Settings,
    bits_below_one,
    choose_scaling,
    common_scale,
    largest_weights,
    multiplier,
    precisions,
    rounded,
)

Node = TypeVar("Node", bound=IntegerNode)
Layer = TypeVar("Layer", bound=IntegerLayer)

INT32_MAX = (1 << 31) - 1
FARTHEST = 1 << 30  # where voltages that have no bound end: a drive of as much still fits an int32
MOST_IF = 1 << 24  # largest threshold of an IF, so that voltages have room for 64 of them

# A readout adds its bias at every step, and a weight only where there is a spike: with 4 bits below a weight's the
# rounding of the bias weighs no more than that of a weight whose neuron fires at one step in 16.
READOUT_BITS = 4
FEWEST_BITS = 4  # of a weight, where int32 does not leave it more


def spiking_layer(
    chain: Chain, population: Population, unit: float, source: Range, settings: Settings
) -> tuple[SpikingLayer, int]:
    """The integer form of a population, and how many of its channels got smaller scales than their weights allow.

    Parameters
    ----------
    unit : float
        What an integer 1 of the source stands for.
    source : Range
        What the source sends.
    """
    name, neuron, K, dt = population.name, population.neuron, settings.fraction_bits, settings.dt
    min_voltage = getattr(neuron, "min_voltage", None)
    min_voltage = math.nan if min_voltage is None else min_voltage
    if isinstance(neuron, (LIF, SteppedLIF)):
        tau_rc = neuron.smooth().tau_rc if isinstance(neuron, SteppedLIF) else neuron.tau_rc
        leak = multiplier(tau_rc, dt, K, f"layer '{name}': tau_rc")
        step, times = leak / (1 << K), {"tau_rc": neuron.tau_rc, "tau_ref": neuron.tau_ref}
        F, most = bits_below_one(step) + settings.threshold_bits, (INT32_MAX - half(K)) // leak
    elif isinstance(neuron, IF):
        leak, step, times = 0, dt, {"tau_rc": 0.0, "tau_ref": 0.0}
        F, most = K, MOST_IF
    else:
        raise ConversionError(f"population '{name}' ({neuron.kind}) has no integer form.")
    if not 0 <= population.initial_voltage < 1:
        raise ConversionError(
            f"population '{name}' starts at a voltage of {population.initial_voltage:g}; integer neurons start between "
            f"0 and their threshold. Give it an initial_voltage of 0 or more, and below 1."
        )
    weights = chain.linear.kernel * (unit * chain.factor * step)
    biases = chain.linear.bias * step, population.neuron_bias * step
    largest_weight = largest_weights(weights, settings.weight_bits, settings.scale)
    wide: dict[str, Range] = {"threshold": Range(0, 1 << (F + 1))}
    for precision in precisions(F, min(most, FARTHEST), K, _synapse_share(chain, settings, name)):
        filtered = weights * precision.synapse_step
        end = largest_weight * precision.synapse_step
        scaling = choose_scaling(end, settings.weight_bits, precision.threshold_bits, precision.most, settings.scale)
        plain = SpikingLayer(
            **_connection(chain, settings, filtered, scaling.scale, scaling.shift),
            name=name,
            shape=chain.shape,
            input_unit=unit * chain.factor,
            synapse=precision.synapse,
            synapse_bits=precision.synapse_bits,
            neuron="IF" if isinstance(neuron, IF) else "LIF",
            leak=leak,
            refractory_steps=round(times["tau_ref"] / dt),
            is_rectified=math.isnan(min_voltage),
            threshold_bits=precision.threshold_bits,
            **times,
            min_voltage=min_voltage,
            amplitude=neuron.amplitude,
            initial_voltage=population.initial_voltage,
            **dict.fromkeys(("scale", "bias", "biases", "threshold", "floor", "ceiling"), np.zeros(1)),
        )
        layer, wide = _rounded(plain, scaling, biases, source, settings.n_steps)
        largest, fewest = np.abs(plain.kernel).max(), 1 << (min(FEWEST_BITS, settings.weight_bits) - 2)
        if largest < fewest and np.any(weights):
            needed = scaling.scale.max() * 2.0**scaling.shift * fewest / max(largest, 0.5)
            wide = wide or {"leak_product" if leak else "threshold": Range(0, int(needed) * max(leak, 1))}
            break
        if layer is not None:
            return layer, scaling.n_reduced
    raise _too_wide_error(name, wide)


def _rounded(
    plain: SpikingLayer, scaling: Scaling, biases: tuple[np.ndarray, np.ndarray], source: Range, n_steps: int
) -> tuple[SpikingLayer | None, dict[str, Range]]:
    """The layer with its arrays per neuron, or None and what int32 does not hold."""
    scale = plain.from_channels(scaling.scale)
    fine = scale * 2.0**scaling.shift
    exact = plain.from_channels(biases[0]) + biases[1]
    threshold, bias = np.rint(fine), np.rint(exact * fine)
    wide = _too_wide({"threshold": span(threshold), "bias": span(bias)})
    if wide:
        return None, wide
    layer = _with_arrays(plain, scale=scale, biases=exact, threshold=threshold, bias=bias)
    floor, ceiling = _bounds(layer, source, n_steps)
    wide = _too_wide({"floor": span(floor)})
    if wide:
        return None, wide
    layer = _with_arrays(layer, floor=floor, ceiling=ceiling)
    wide = _too_wide(prove(layer, source, n_steps))
    return (None, wide) if wide else (layer, wide)


def readout_layer(name: str, chain: Chain, unit: float, source: Range, settings: Settings) -> ReadoutLayer:
    """The integer form of an output, with the finest shift and scale at which a run of `n_steps` fits int32."""
    linear = chain.linear
    share = _synapse_share(chain, settings, name)
    synapse = round(share * (1 << settings.fraction_bits))
    synapse_step = synapse / (1 << settings.fraction_bits) if synapse else 1.0
    weights = linear.kernel * (unit * chain.factor * synapse_step)
    whole = common_scale(weights, settings.weight_bits, settings.scale)
    finest = READOUT_BITS + bits_below_one(synapse_step)
    coarser = [(whole, shift) for shift in range(finest, -1, -1)]
    coarser += [(whole / 2**halvings, 0) for halvings in range(1, settings.weight_bits - FEWEST_BITS + 1)]
    wide: dict[str, Range] = {}
    for scale, shift in coarser:
        plain = ReadoutLayer(
            **_connection(chain, settings, weights, np.full(weights.shape[-1], scale), shift),
            name=name,
            shape=chain.shape,
            input_unit=unit * chain.factor,
            synapse=synapse,
            synapse_bits=settings.fraction_bits,
            activation=chain.activation,
            **dict.fromkeys(("scale", "bias", "biases"), np.zeros(1)),
        )
        biases = plain.from_channels(linear.bias)
        bias = np.rint(biases * (scale * 2.0**shift))
        wide = _too_wide({"bias": span(bias)})
        if wide:
            continue
        layer = _with_arrays(plain, scale=np.full(chain.shape, scale), biases=biases, bias=bias)
        wide = _too_wide(prove(layer, source, settings.n_steps))
        if not wide:
            return layer
    raise _too_wide_error(name, wide)


def proven(node: Node, source: Range, n_steps: int) -> Node:
    """The node with the ranges of its integers.

    Raises
    ------
    ConversionError
        If an int32 does not hold one.
    """
    ranges = prove(node, source, n_steps)
    wide = _too_wide(ranges)
    if wide:
        raise _too_wide_error(node.name, wide)
    return with_ranges(node, ranges)


def _too_wide_error(name: str, wide: Mapping[str, Range]) -> ConversionError:
    (what, found), *_ = wide.items()
    return ConversionError(
        f"layer '{name}': its {what.replace('_', ' ')} reaches {found} and needs {found.bits + (not found.is_signed)} "
        f"bits with its sign; int32 has 32. {_ADVICE.get(what, 'Lower threshold_bits or weight_bits')}."
    )


_ADVICE = {
    "floor": "Give the neurons a min_voltage nearer to 0, or lower threshold_bits",
    "total": "Lower n_steps or weight_bits",
    "leak_product": "Lower fraction_bits, threshold_bits or the bits of the input, or give the neurons a min_voltage "
    "nearer to 0",
    "synapse_product": "Lower fraction_bits or threshold_bits",
}


def _too_wide(ranges: Mapping[str, Range]) -> dict[str, Range]:
    return {what: found for what, found in ranges.items() if not found.is_int32}


def _synapse_share(chain: Chain, settings: Settings, name: str) -> float:
    """``1 - exp(-dt/tau)`` of the lowpass on a chain; 0 without one."""
    if not chain.synapse_tau:
        return 0.0
    multiplier(
        chain.synapse_tau, settings.dt, settings.fraction_bits, f"layer '{name}': the time constant of its synapse"
    )
    return -math.expm1(-settings.dt / chain.synapse_tau)


def _connection(chain: Chain, settings: Settings, weights: np.ndarray, scale: np.ndarray, shift: int) -> dict[str, Any]:
    """The fields that spiking layers and readouts share."""
    linear, bits = chain.linear, settings.weight_bits
    return {
        "inputs": (chain.source,),
        "synapse_tau": chain.synapse_tau,
        "input_shape": linear.input_shape,
        "kernel": rounded(weights, scale, bits).astype("int8" if bits <= 8 else "int16"),
        "weights": np.asarray(weights, "float64"),
        "shift": shift,
        "fraction_bits": settings.fraction_bits,
        "strides": linear.strides,
        "padding": linear.padding,
        "dilation": linear.dilation,
        "groups": linear.groups,
    }


def _bounds(layer: SpikingLayer, source: Range, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest voltage of each neuron, as floats that hold whole numbers."""
    threshold = layer.threshold.astype("int64")
    if layer.neuron == "LIF":
        if math.isinf(layer.min_voltage):
            low, high = drives(layer, source)
            return settled(low, high, layer.leak, layer.fraction_bits)[0], threshold
        return np.rint(layer.min_voltage * threshold), threshold
    low, high = drives(layer, source)
    if layer.is_rectified:
        floor = np.zeros_like(low)
    elif math.isinf(layer.min_voltage):
        floor = np.maximum(n_steps * np.minimum(low, 0), -FARTHEST)
    else:
        floor = np.rint(layer.min_voltage * threshold)
    return floor, np.minimum(threshold - 1 + n_steps * np.maximum(high - threshold, 0), FARTHEST)


def _with_arrays(layer: Layer, **arrays: np.ndarray) -> Layer:
    """The layer with arrays per neuron, one number per channel where all places have the same."""
    found = {}
    for name, array in arrays.items():
        if layer.shape == layer.connection_shape:
            per_channel = np.broadcast_to(array, layer.shape).reshape(-1, layer.shape[-1])
            array = per_channel[0] if (per_channel == per_channel[0]).all() else np.broadcast_to(array, layer.shape)
        if name in layer.integer_fields:
            array = array.astype("int32")
        found[name] = array
    return dataclasses.replace(layer, **found)
