"""Integer layers of float ones: everything rounded once, at the finest scale at which int32 holds it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..nodes import ReadoutLayer, SpikingLayer, WeightedSums, with_ranges
from ..origins import FloatOrigin
from ..proofs import drives, prove, too_wide, too_wide_error
from ..ranges import Range, span
from ..scales import (
    Settings,
    bits_below_one,
    choose_scaling,
    common_scale,
    largest_weights,
    most_level,
    multiplier,
    precisions,
    rounded,
)
from .chains import Chain
from .forms import Form

Layer = TypeVar("Layer", SpikingLayer, ReadoutLayer)

# A readout adds its bias at every step, and a weight only where there is a spike: with 4 bits below a weight's the
# rounding of the bias weighs no more than that of a weight whose neuron fires at one step in 16.
READOUT_BITS = 4
FEWEST_BITS = 4  # of a weight, where int32 does not leave it more
MOST_SHIFT = 30


@dataclass(frozen=True, eq=False)
class BranchSource:
    """The node that feeds a branch.

    Parameters
    ----------
    unit : float
        What an integer 1 of it stands for.
    values : Range
        What it sends.
    """

    unit: float
    values: Range


@dataclass(frozen=True, eq=False)
class Rounded(Generic[Layer]):
    """A layer in integers.

    Parameters
    ----------
    layer : SpikingLayer or ReadoutLayer
    branches : tuple of WeightedSums
        What it adds to its own sums.
    n_channels : int
        Channels that can have scales of their own.
    n_reduced : int
        Those of them that got smaller scales than their weights allow.
    """

    layer: Layer
    branches: tuple[WeightedSums, ...]
    n_channels: int = 1
    n_reduced: int = 0


def spiking_layer(chain: Chain, form: Form, sources: Sequence[BranchSource]) -> Rounded[SpikingLayer]:
    """The integer form of a population.

    Parameters
    ----------
    form : Form
        Of the neurons.
    sources : sequence of BranchSource
        Of the chain's branches.

    Raises
    ------
    ConversionError
        If int32 does not hold an integer of the layer.
    """
    population, settings = form.population, form.settings
    weights = _weights(chain, sources, form.step)
    biases = chain.biases * form.step + population.neuron_bias * form.step
    columns, units = _columns(chain, weights)
    largest_weight = largest_weights(columns, settings.weight_bits, settings.scale, units)
    fewest = 1 << (min(FEWEST_BITS, settings.weight_bits) - 2)
    wide: dict[str, Range] = {"threshold": Range(0, 1 << (form.threshold_bits + 1))}
    share = _synapse_share(chain, settings, population.name)
    for precision in precisions(form.threshold_bits, form.largest_threshold, settings.fraction_bits, share):
        filtered, end = [each * precision.synapse_step for each in weights], largest_weight * precision.synapse_step
        scaling = choose_scaling(end, settings.weight_bits, precision.threshold_bits, precision.most, settings.scale)
        scale = chain.per_neuron(scaling.scale)
        threshold, bias = np.rint(scale * 2.0**scaling.shift), np.rint(biases * (scale * 2.0**scaling.shift))
        wide = too_wide({"threshold": span(threshold), "bias": span(bias)})
        scales = scaling.scale, scaling.shift
        branches, fields = _branches(chain, settings, population.name, filtered, *scales, sources)
        layer = None
        if not wide:
            fields |= {
                "bias": _compact(chain, bias).astype("int32"),
                "synapse": precision.synapse,
                "synapse_bits": precision.synapse_bits,
                "origin": dataclasses.replace(fields["origin"], biases=_compact(chain, biases)),
            }
            ranges = [sources[0].values, *(branch.ranges["value"] for branch in branches)]
            layer, wide = _with_neurons(fields, chain, form, threshold, precision.threshold_bits, ranges)
        largest = max(np.abs(kernel).max() for kernel in (fields["kernel"], *(each.kernel for each in branches)))
        if largest < fewest and any(map(np.any, weights)):
            needed = int(scaling.scale.max() * 2.0**scaling.shift * fewest / max(largest, 0.5))
            wide = wide or {"leak_product" if form.leak else "threshold": Range(0, needed * max(form.leak, 1))}
            break
        if layer is not None:
            return Rounded(layer, branches, chain.n_channels, scaling.n_reduced)
    raise too_wide_error(population.name, wide)


def _with_neurons(
    fields: dict[str, Any],
    chain: Chain,
    form: Form,
    threshold: np.ndarray,
    threshold_bits: int,
    sources: Sequence[Range],
) -> tuple[SpikingLayer | None, dict[str, Range]]:
    """A linear layer with its neurons, or None and what int32 does not hold."""
    low, high = drives(ReadoutLayer(**fields), sources)
    threshold = _compact(chain, threshold).astype("int32")
    floor, ceiling = form.bounds(threshold.astype("int64"), low, high)
    wide = too_wide({"floor": span(floor)})
    if wide:
        return None, wide
    neuron = form.integer_neuron(threshold, *(_compact(chain, array).astype("int32") for array in (floor, ceiling)))
    layer = SpikingLayer(**fields, neuron=neuron, float_neuron=form.float_neuron(threshold_bits))
    wide = too_wide(prove(layer, sources, form.settings.n_steps))
    return (None, wide) if wide else (layer, wide)


def readout_layer(
    name: str, chain: Chain, sources: Sequence[BranchSource], settings: Settings
) -> Rounded[ReadoutLayer]:
    """The integer form of an output, with the finest shift and scale at which a run of `n_steps` fits int32.

    Raises
    ------
    ConversionError
        If there are none.
    """
    share = _synapse_share(chain, settings, name)
    synapse = round(share * (1 << settings.fraction_bits))
    synapse_step = synapse / (1 << settings.fraction_bits) if synapse else 1.0
    weights, biases = _weights(chain, sources, synapse_step), chain.biases
    columns, units = _columns(chain, weights)
    whole = common_scale(columns, settings.weight_bits, settings.scale, units)
    finest = READOUT_BITS + bits_below_one(synapse_step)
    coarser = [(whole, shift) for shift in range(finest, -1, -1)]
    coarser += [(whole / 2**halvings, 0) for halvings in range(1, settings.weight_bits - FEWEST_BITS + 1)]
    wide: dict[str, Range] = {}
    for scale, shift in coarser:
        bias = np.rint(biases * (scale * 2.0**shift))
        wide = too_wide({"bias": span(bias)})
        if wide:
            continue
        scales = np.full(chain.n_channels, scale), shift
        branches, fields = _branches(chain, settings, name, weights, *scales, sources)
        fields |= {
            "bias": _compact(chain, bias).astype("int32"),
            "synapse": synapse,
            "synapse_bits": settings.fraction_bits,
            "origin": dataclasses.replace(fields["origin"], biases=_compact(chain, biases)),
        }
        layer = ReadoutLayer(**fields, activation=chain.activation)
        ranges = [sources[0].values, *(branch.ranges["value"] for branch in branches)]
        wide = too_wide(prove(layer, ranges, settings.n_steps))
        if not wide:
            return Rounded(layer, branches)
    raise too_wide_error(name, wide)


def _weights(chain: Chain, sources: Sequence[BranchSource], step: float) -> list[np.ndarray]:
    """The weights of each branch, of integers of its source, times `step`."""
    pairs = zip(chain.branches, sources, strict=True)
    return [branch.linear.kernel * (source.unit * branch.factor * step) for branch, source in pairs]


def _columns(chain: Chain, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The weights of all branches as one column per channel of the chain, and the unit of each.

    Weights of a branch with a finer scale are larger by as much as that is, and their unit is smaller.
    """
    pairs = list(zip(weights, _finer(chain, weights), strict=True))
    columns = [each.reshape(-1, chain.n_channels) * 2.0**finer for each, finer in pairs]
    units = [np.full((each.size // chain.n_channels, chain.n_channels), 2.0**-finer) for each, finer in pairs]
    return np.concatenate(columns), np.concatenate(units)


def _finer(chain: Chain, weights: Sequence[np.ndarray]) -> list[int]:
    """Bits by which the weights of each branch are smaller than the largest of all, in every channel."""
    sizes = [np.abs(each.reshape(-1, chain.n_channels)).max(0) for each in weights]
    largest = np.max(sizes, 0)
    ratios = [np.min(largest[own > 0] / own[own > 0], initial=2.0**MOST_SHIFT) for own in sizes]
    return [int(np.log2(ratio)) for ratio in ratios]


def _branches(
    chain: Chain,
    settings: Settings,
    name: str,
    weights: Sequence[np.ndarray],
    scale: np.ndarray,
    shift: int,
    sources: Sequence[BranchSource],
) -> tuple[tuple[WeightedSums, ...], dict[str, Any]]:
    """The sums of all branches but the first, and the first one's fields, for a layer that adds them.

    A branch whose weights are all smaller than those of the others by a power of two has a scale that is larger by it,
    and a shift that is smaller: a spike of one source may stand for much more than a 1 of another. Where that would
    cut off weights, and a smaller one has less error, it has that.
    """
    made = []
    parts = zip(chain.branches, weights, _finer(chain, weights), sources, strict=True)
    for number, (branch, each, bits, source) in enumerate(parts):
        linear = branch.linear
        finer, whole = _least_error(each, scale, min(shift, bits), settings.weight_bits)
        fields = {
            "name": f"{name}.branch{number}" if number else name,
            "inputs": (branch.source,),
            "shape": chain.shape,
            "input_shape": linear.input_shape,
            "kernel": whole.astype("int8" if settings.weight_bits <= 8 else "int16"),
            "shift": shift - finer,
            "strides": linear.strides,
            "padding": linear.padding,
            "dilation": linear.dilation,
            "groups": linear.groups,
            "origin": FloatOrigin(
                scale=_compact(chain, chain.per_neuron(scale * 2.0**finer)),
                weights=np.asarray(each, "float64"),
                biases=np.zeros(chain.shape[-1:]),
                input_unit=source.unit * branch.factor,
                fraction_bits=settings.fraction_bits,
                synapse_tau=chain.synapse_tau,
            ),
        }
        made.append(fields)
    own, *others = made
    branches = [WeightedSums(**fields) for fields in others]
    branches = tuple(
        with_ranges(branch, prove(branch, [source.values], settings.n_steps))
        for branch, source in zip(branches, sources[1:], strict=True)
    )
    return branches, own | {"inputs": (*own["inputs"], *(branch.name for branch in branches))}


def _least_error(weights: np.ndarray, scale: np.ndarray, most: int, weight_bits: int) -> tuple[int, np.ndarray]:
    """Bits by which a branch's scale is finer, `most` or those of fewer that cut off less, and its whole weights."""
    found, least = (most, weights), math.inf
    for finer in range(most, -1, -1):
        scales = np.tile(scale * 2.0**finer, weights.shape[-1] // scale.size)
        whole = rounded(weights, scales, weight_bits)
        error = float(((whole / scales - weights) ** 2).sum())
        if error >= least:
            break
        found, least = (finer, whole), error
        if np.abs(weights * scales).max() <= most_level(weight_bits) + 0.5:
            break
    return found


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
    full = np.broadcast_to(array, chain.shape)
    per_channel = full.reshape(-1, chain.shape[-1])
    return per_channel[0] if (per_channel == per_channel[0]).all() else full
