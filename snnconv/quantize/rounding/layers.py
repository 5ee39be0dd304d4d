"""Integer layers of float ones: everything rounded once, at the finest scale at which int32 holds it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..nodes import FloatOrigin, ReadoutLayer, SpikingLayer
from ..proofs import drives, prove, too_wide, too_wide_error
from ..ranges import Range, span
from ..scales import (
    Settings,
    bits_below_one,
    choose_scaling,
    common_scale,
    largest_weights,
    multiplier,
    precisions,
    rounded,
)
from .chains import Chain
from .forms import Form

# A readout adds its bias at every step, and a weight only where there is a spike: with 4 bits below a weight's the
# rounding of the bias weighs no more than that of a weight whose neuron fires at one step in 16.
READOUT_BITS = 4
FEWEST_BITS = 4  # of a weight, where int32 does not leave it more


def spiking_layer(chain: Chain, form: Form, unit: float, source: Range) -> tuple[SpikingLayer, int]:
    """The integer form of a population, and how many of its channels got smaller scales than their weights allow.

    Parameters
    ----------
    form : Form
        Of the neurons.
    unit : float
        What an integer 1 of the source stands for.
    source : Range
        What the source sends.

    Raises
    ------
    ConversionError
        If int32 does not hold an integer of the layer.
    """
    population, settings = form.population, form.settings
    weights = chain.linear.kernel * (unit * chain.factor * form.step)
    biases = chain.per_neuron(chain.linear.bias * form.step) + population.neuron_bias * form.step
    largest_weight = largest_weights(weights, settings.weight_bits, settings.scale)
    fewest = 1 << (min(FEWEST_BITS, settings.weight_bits) - 2)
    wide: dict[str, Range] = {"threshold": Range(0, 1 << (form.threshold_bits + 1))}
    share = _synapse_share(chain, settings, population.name)
    for precision in precisions(form.threshold_bits, form.largest_threshold, settings.fraction_bits, share):
        filtered, end = weights * precision.synapse_step, largest_weight * precision.synapse_step
        scaling = choose_scaling(end, settings.weight_bits, precision.threshold_bits, precision.most, settings.scale)
        kernel = rounded(filtered, scaling.scale, settings.weight_bits)
        scale = chain.per_neuron(scaling.scale)
        threshold, bias = np.rint(scale * 2.0**scaling.shift), np.rint(biases * (scale * 2.0**scaling.shift))
        wide = too_wide({"threshold": span(threshold), "bias": span(bias)})
        layer = None
        if not wide:
            fields = _linear_fields(
                chain,
                settings,
                name=population.name,
                kernel=kernel,
                bias=bias,
                shift=scaling.shift,
                synapse=precision.synapse,
                synapse_bits=precision.synapse_bits,
                origin=_origin(chain, settings, filtered, biases, scale, unit),
            )
            layer, wide = _with_neurons(fields, chain, form, threshold, precision.threshold_bits, source)
        largest = np.abs(kernel).max()
        if largest < fewest and np.any(weights):
            needed = int(scaling.scale.max() * 2.0**scaling.shift * fewest / max(largest, 0.5))
            wide = wide or {"leak_product" if form.leak else "threshold": Range(0, needed * max(form.leak, 1))}
            break
        if layer is not None:
            return layer, scaling.n_reduced
    raise too_wide_error(population.name, wide)


def _with_neurons(
    fields: dict[str, Any], chain: Chain, form: Form, threshold: np.ndarray, threshold_bits: int, source: Range
) -> tuple[SpikingLayer | None, dict[str, Range]]:
    """A linear layer with its neurons, or None and what int32 does not hold."""
    low, high = drives(ReadoutLayer(**fields), source)
    threshold = _compact(chain, threshold).astype("int32")
    floor, ceiling = form.bounds(threshold.astype("int64"), low, high)
    wide = too_wide({"floor": span(floor)})
    if wide:
        return None, wide
    neuron = form.integer_neuron(threshold, *(_compact(chain, array).astype("int32") for array in (floor, ceiling)))
    layer = SpikingLayer(**fields, neuron=neuron, float_neuron=form.float_neuron(threshold_bits))
    wide = too_wide(prove(layer, source, form.settings.n_steps))
    return (None, wide) if wide else (layer, wide)


def readout_layer(name: str, chain: Chain, unit: float, source: Range, settings: Settings) -> ReadoutLayer:
    """The integer form of an output, with the finest shift and scale at which a run of `n_steps` fits int32.

    Raises
    ------
    ConversionError
        If there are none.
    """
    share = _synapse_share(chain, settings, name)
    synapse = round(share * (1 << settings.fraction_bits))
    synapse_step = synapse / (1 << settings.fraction_bits) if synapse else 1.0
    weights = chain.linear.kernel * (unit * chain.factor * synapse_step)
    biases = chain.per_neuron(chain.linear.bias)
    whole = common_scale(weights, settings.weight_bits, settings.scale)
    finest = READOUT_BITS + bits_below_one(synapse_step)
    coarser = [(whole, shift) for shift in range(finest, -1, -1)]
    coarser += [(whole / 2**halvings, 0) for halvings in range(1, settings.weight_bits - FEWEST_BITS + 1)]
    wide: dict[str, Range] = {}
    for scale, shift in coarser:
        bias = np.rint(biases * (scale * 2.0**shift))
        wide = too_wide({"bias": span(bias)})
        if wide:
            continue
        fields = _linear_fields(
            chain,
            settings,
            name=name,
            kernel=rounded(weights, scale, settings.weight_bits),
            bias=bias,
            shift=shift,
            synapse=synapse,
            synapse_bits=settings.fraction_bits,
            origin=_origin(chain, settings, weights, biases, np.full(chain.shape, scale), unit),
        )
        layer = ReadoutLayer(**fields, activation=chain.activation)
        wide = too_wide(prove(layer, source, settings.n_steps))
        if not wide:
            return layer
    raise too_wide_error(name, wide)


def _origin(
    chain: Chain, settings: Settings, weights: np.ndarray, biases: np.ndarray, scale: np.ndarray, unit: float
) -> FloatOrigin:
    return FloatOrigin(
        scale=_compact(chain, scale),
        weights=np.asarray(weights, "float64"),
        biases=_compact(chain, biases),
        input_unit=unit * chain.factor,
        fraction_bits=settings.fraction_bits,
        synapse_tau=chain.synapse_tau,
    )


def _linear_fields(
    chain: Chain, settings: Settings, *, kernel: np.ndarray, bias: np.ndarray, **fields: Any
) -> dict[str, Any]:
    """The fields that spiking layers and readouts share, with whole numbers of any type in `kernel` and `bias`."""
    return {
        **fields,
        "inputs": (chain.source,),
        "shape": chain.shape,
        "input_shape": chain.linear.input_shape,
        "kernel": kernel.astype("int8" if settings.weight_bits <= 8 else "int16"),
        "bias": _compact(chain, bias).astype("int32"),
        "strides": chain.linear.strides,
        "padding": chain.linear.padding,
        "dilation": chain.linear.dilation,
        "groups": chain.linear.groups,
    }


def _synapse_share(chain: Chain, settings: Settings, name: str) -> float:
    """``1 - exp(-dt/tau)`` of the lowpass on a chain; 0 without one."""
    if not chain.synapse_tau:
        return 0.0
    multiplier(
        chain.synapse_tau, settings.dt, settings.fraction_bits, f"layer '{name}': the time constant of its synapse"
    )
    return -math.expm1(-settings.dt / chain.synapse_tau)


def _compact(chain: Chain, array: np.ndarray) -> np.ndarray:
    """An array per neuron as one number per channel, where all places have the same."""
    if chain.shape != chain.linear.output_shape:
        return array
    full = np.broadcast_to(array, chain.shape)
    per_channel = full.reshape(-1, chain.shape[-1])
    return per_channel[0] if (per_channel == per_channel[0]).all() else full
