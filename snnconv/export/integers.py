"""Common parts of the targets in integers: options, the integer graph, and names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConversionError, ExportError, InputError, ParameterError
from ..graph import SpikingGraph
from ..neurons import LIF
from ..neurons.base import steps_as
from ..quantize import Analog, Code, IntegerGraph, LatencyCode, RateCode, load, quantize, run
from ..quantize.file import SUFFIX
from ..runtime.result import Result
from ..text.advice import argument, either
from .target import Inputs, Option, Settings

INTEGERS = f"network{SUFFIX}"  # the file with the integer graph in every such folder
CODES = {"analog": Analog, "rate": RateCode, "latency": LatencyCode}
LONGEST = 60  # letters of an identifier; C compilers may tell apart no more than 63

OPTIONS = (
    Option("bits", int, 8, "bits of a weight, 2 to 16"),
    Option("code", str, "analog", "how inputs come in", tuple(CODES)),
    Option("input_bits", int, 8, "bits of an input, 1 to 16"),
    Option("low", float, 0.0, "smallest input"),
    Option("high", float, 1.0, "largest input"),
    Option("scale", str, "neuron", "one scale of weights per", ("neuron", "layer", "power_of_two")),
    Option("fraction_bits", int, 12, "fractional bits of leaks and synapses"),
    Option("threshold_bits", int, 8, "bits of the current at threshold"),
    Option("refractory_bits", int, 0, "fractional bits of the steps that LIF neurons rest, 0 to 4; 0: whole steps"),
    Option("longest", int, 1000, "steps of a run for which sums over time are proven to fit"),
    Option("golden", int, 4, "samples of the golden vectors, from --data or random"),
)


def to_integers(graph: SpikingGraph, settings: Settings) -> IntegerGraph:
    """The integer graph that the options ask for.

    Raises
    ------
    ParameterError
        As `quantize`.
    ExportError
        If there are parts without an integer form, or the given inputs are outside of the range that the options say.
    """
    options = settings.options
    range_ = {"bits": options["input_bits"], "low": options["low"], "high": options["high"]}
    more = {"window": settings.n_steps} if options["code"] == "latency" else {}
    code: Code = CODES[options["code"]](**range_, **more)
    keys = ("fraction_bits", "threshold_bits", "scale", "refractory_bits")
    numbers = {key: options[key] for key in keys}
    n_steps = max(options["longest"], settings.n_steps)
    try:
        integers = quantize(graph, options["bits"], dt=settings.dt, input=code, n_steps=n_steps, **numbers)
    except (ConversionError, ParameterError) as error:
        own = {"n_steps": "longest" if n_steps > settings.n_steps else "n_steps", "weight_bits": "bits"}
        message = re.sub(r"\b(n_steps|weight_bits)\b", lambda match: argument(own[match[0]]), str(error))
        raise (ParameterError if isinstance(error, ParameterError) else ExportError)(message) from error
    x = samples(integers, settings.inputs)
    try:
        integers.check_inputs(x, settings.n_steps)
    except InputError as error:
        if not code.takes_varying and settings.inputs.varying:
            raise
        low, high = min(0.0, float(x.min())), float(x.max())
        raise ExportError(
            f"inputs reach from {x.min():g} to {x.max():g}, outside of {code.low:g}…{code.high:g}. Name their range: "
            f"{either(f'low={low:g} high={high:g}', f'--low {low:g} --high {high:g}')}."
        ) from error
    return integers


def samples(integers: IntegerGraph, inputs: Inputs) -> np.ndarray:
    """The samples of the one input."""
    return inputs[integers.input.name]


def run_folder(path: Path, inputs: Inputs, n_steps: int) -> Result:
    """Run the integer graph in a folder, with outputs in the units of the float network."""
    integers = load(path / INTEGERS)
    result = run(integers, samples(integers, inputs), n_steps, record="all.spikes")
    return Result(integers.as_float(result.outputs), n_steps, integers.dt, result.spikes)


def changes(graph: SpikingGraph, integers: IntegerGraph) -> tuple[str, ...]:
    """Changes that a verdict names for integers."""
    rests = any(steps_as(view.neuron, LIF) and view.neuron.tau_ref for view in graph.populations.values())
    what = f"weights rounded to {integers.settings.weight_bits} bits, voltages to integers"
    if any(view.neuron.max_spikes_per_step != 1 for view in graph.populations.values()):
        what += ", one spike in a step where the float network has several"
    if not rests:
        return (what,)
    if integers.settings.refractory_bits:
        return (f"{what}, refractory periods to {1 << integers.settings.refractory_bits} parts of a step",)
    effect = "half a step longer on average: most spikes move and high rates fall, so compare the predictions"
    return (f"{what}, refractory periods to whole steps, {effect}",)


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """A name for programs and files for each name: short, lower case, letters, digits and underscores, no two alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower())[:LONGEST].strip("_") or "layer"
        plain = f"layer_{plain}" if plain[0].isdigit() else plain
        number = 2
        candidate = plain
        while candidate in found.values():
            candidate, number = f"{plain}_{number}", number + 1
        found[name] = candidate
    return found


def comment(text: Any) -> str:
    """Text that ends no comment of any language: ASCII without quotes, stars, slashes and the like."""
    return re.sub(r"[^A-Za-z0-9 _.,:;()<>=+-]", "_", str(text))
