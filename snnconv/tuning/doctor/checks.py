"""Ailments: the thresholds from which on there is one, and a check for each, from an examination to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...neurons import IF, LIF
from ...neurons.base import steps_as
from ...text.advice import argument
from ...text.plain import plural, two_digits
from .errors import layer_errors
from .examination import Examination

SILENT_SHARE = 0.6
"""Share of a layer's neurons that never spike. Up to half are silent in many a trained network; they cost no accuracy,
but most of a layer says that it is fed too little current, or could be smaller."""

SILENT_SAMPLES = 16
"""Samples from which on it says something that a neuron is silent on all of them."""

SURE_SPIKES = 3.0
"""Spikes by the rate equation, below which a neuron may well stay silent while its input sets in."""

SATURATED_RATE = 0.95
"""Share of 1/tau_ref, from which on more current makes no difference to speak of."""

SATURATED_SHARE = 0.02
"""Share of neurons and samples at that rate. A few bright pixels saturate anywhere."""

ABOVE_SHARE = 0.001
"""Share of neurons and samples above the ceiling. It is the largest activations that are cut, and they weigh most;
scaling to the 99.9th percentile (Rueckauer et al. 2017) leaves this share."""

MANY_SPIKES = 4.0
"""Spikes in a step from which on a neuron is far from one. Rates chosen without data come to about 1, and to 3 where
inputs are standardised instead of in 0…1."""

LOST_ACCURACY = 0.01
"""Accuracy that conversion and steps may cost: a point."""

LOST_DEVIATIONS = 2.0
"""Standard deviations of McNemar's test that a loss of accuracy has to be, since few samples differ by chance."""

RANGE_RATIO = 30.0
"""Between the highest rates of layers that feed each other. At 100 steps and a spike per step the slower one then sends
three spikes at most, where the faster one sends a hundred."""

FEWEST_SPIKES = 1.0
"""Spikes of the median neuron among those that should spike. With less than one, it tells 0 and its value apart by
chance alone."""

LARGEST_ERROR = 0.7
"""Error of a layer's rates relative to the rates. Measured on a ResNet8 and a MobileNetV1 with heights from batch
normalisation: with 0.1 in the last layer all of 16 answers are those of the rates, with 0.37 three in four, with 0.82
less than half; with 0.95 there is one answer for all."""

SMALL_ERROR = 0.1
"""Error of all layers below which one answer for all is no fault of spikes: such rates are all but ties."""

EXPLAINED = {
    "large_error": {"silent", "saturated", "above_ceiling", "lost_rate", "dead_output"},
    "one_answer": {"dead_output"},
}
"""Kinds that are left out where one of others is found, which says more."""

STEPS_PER_LAYER = 2
"""Steps for each layer of IF neurons behind each other. Each waits for the one before, and a spike that comes of a
transient cannot be taken back. Measured without calibration, heights from batch normalisation, on 100 images: 28 % of a
ResNet8's answers (7 layers) are those of the rates at 1.1 steps per layer, 52 % at 2.3, 88 % at 4.6 and 96 % at 9; of a
MobileNetV1's (27 layers) 11 %, which is one class for all, up to 1.2, 21 % at 2.4 and 52 % at 4.7."""

FEW_ANSWERS = 16
"""Samples from which on it says something that all get the same answer."""

OTHER_ANSWERS = 0.2
"""Share of them that have another answer in rates."""

LOST_RATE = 0.05
"""Share of a layer's spikes that the time lost behind refractory periods below dt costs."""

NOTABLE = (
    "silent",
    "saturated",
    "above_ceiling",
    "many_spikes",
    "lost_rate",
    "unscaled",
    "lost_accuracy",
    "large_error",
    "few_steps",
    "one_answer",
    "dead_output",
)
"""Kinds that `convert` and `snnconv simulate` warn of. Few spikes are wanted in runs of few steps, and negative ones
come of the activations that were trained."""

REMEDY = (
    "Calibrate with some hundred samples, which gives neurons signed spikes that take back what was sent too early, or "
    "run longer; snnconv.tune measures both."
)

MEANINGS = {
    "clipping": "clipped, above what spikes can carry",
    "rounding": "rounding to whole spikes",
    "silent": "spikes of neurons that should be silent",
    "time": "a matter of time",
}
"""Shares of a layer's error, in words."""

WEIGHED = ("saturated", "above_ceiling", "lost_rate")
"""Kinds that are no ailment of a population that was calibrated, or trained, for its ceiling: what is cut was weighed
against what few steps can tell apart. Where that went wrong there is a large error."""


@dataclass(frozen=True)
class Finding:
    """An ailment of a network.

    Parameters
    ----------
    kind : str
        "silent", "saturated", "above_ceiling", "many_spikes", "lost_rate", "unscaled", "few_spikes", "negative_spikes",
        "large_error", "few_steps", "one_answer", "dead_output" or "lost_accuracy".
    layer : str or None
        The population; None where it is about the whole network.
    what : str
        A sentence with the numbers in it.
    numbers : mapping of str to number
    remedy : str
        What to do.
    """

    kind: str
    layer: str | None
    what: str
    numbers: Mapping[str, float]
    remedy: str

    def __str__(self) -> str:
        where = "network" if self.layer is None else self.layer
        return f"{where}: {self.what} {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {**vars(self), "numbers": dict(self.numbers)}


def silent(found: Examination) -> Iterator[Finding]:
    """Layers most of whose neurons never spike."""
    for layer in found.layers:
        n = len(layer.measured)
        share = float((layer.measured == 0).all(0).mean())
        if n < SILENT_SAMPLES or share <= SILENT_SHARE:
            continue
        in_rates = float((layer.expected == 0).all(0).mean())
        if in_rates > SILENT_SHARE:
            remedy = "They are silent in rates too: train with fewer units, more bias or a lower learning rate."
        elif float((np.abs(layer.expected) * found.duration < SURE_SPIKES).all(0).mean()) > SILENT_SHARE:
            remedy = f"Their rates are too low for these steps: run longer, or raise {argument('scale_firing_rates')}."
        else:
            remedy = "Their rates say that they should spike: look at the layers before, or try a synapse."
        numbers = {"silent": share, "silent_in_rates": in_rates, "n_samples": n}
        yield Finding(
            "silent", layer.name, f"{share:.0%} of the neurons spike on none of {n} samples.", numbers, remedy
        )


def too_fast(found: Examination) -> Iterator[Finding]:
    """Layers whose rates reach what their neurons can fire, or exceed it."""
    for layer in found.layers:
        step_ceiling, ceiling = layer.step_ceiling(found.dt), layer.ceiling(found.dt)
        above = float((np.abs(layer.expected) > step_ceiling * (1 + 1e-6)).mean())
        # up to a spike at every step rates grow with the current; where neurons rest, less and less
        full = SATURATED_RATE * ceiling if ceiling < step_ceiling else ceiling - 0.5 / found.duration
        saturated = float((np.abs(layer.measured) >= full).mean())
        highest = float(np.abs(layer.expected).max())
        numbers = {"ceiling": ceiling, "highest_rate": highest, "above": above, "saturated": saturated}
        if above > ABOVE_SHARE:
            slower = argument("scale_firing_rates", {layer.name: two_digits(step_ceiling / highest)})
            yield Finding(
                "above_ceiling",
                layer.name,
                f"{above:.1%} of the activations need more than the {step_ceiling:g} Hz that its spikes can carry, up "
                f"to {highest:.0f} Hz; they are cut.",
                numbers,
                f"Slow it down with {slower}, or halve dt.",
            )
        elif saturated > SATURATED_SHARE:
            yield Finding(
                "saturated",
                layer.name,
                f"{saturated:.1%} of the rates are above {full:.4g} Hz, at the ceiling of {ceiling:g} Hz, where more "
                f"current makes no difference.",
                numbers,
                "Train with lower max_rates or a shorter tau_ref, or with a penalty on large activations.",
            )


def many_spikes(found: Examination) -> Iterator[Finding]:
    """Layers whose neurons may spike several times in a step, and do so very often."""
    for layer in found.layers:
        highest = float(np.percentile(np.abs(layer.expected), 100 * (1 - ABOVE_SHARE)))
        if highest * found.dt <= MANY_SPIKES or highest >= layer.step_ceiling(found.dt):
            continue
        slower = argument("scale_firing_rates", {layer.name: two_digits(1 / (highest * found.dt))})
        yield Finding(
            "many_spikes",
            layer.name,
            f"its busiest neurons need {highest * found.dt:.0f} spikes in a step. Here they send them; hardware sends "
            f"one, and so do quantized networks.",
            {"spikes_per_step": highest * found.dt},
            f"Calibrate with some hundred samples, or slow it down with {slower}.",
        )


def lost_rate(found: Examination) -> Iterator[Finding]:
    """LIF layers whose refractory period is below dt, at rates where that counts."""
    for layer in found.layers:
        neuron = layer.view.neuron
        if not steps_as(neuron, LIF) or neuron.max_spikes > 1 or neuron.keeps_time(found.dt):
            continue
        if not layer.expected.any():
            continue
        weight = layer.expected / layer.expected.sum()
        lost = float((weight * np.minimum(layer.expected * neuron.lost_time(found.dt), 1)).sum())
        if lost > LOST_RATE:
            yield Finding(
                "lost_rate",
                layer.name,
                f"tau_ref of {neuron.tau_ref * 1e3:.3g} ms is below dt, and what is left of a step after it is lost: "
                f"some {lost:.0%} of the spikes.",
                {"tau_ref": neuron.tau_ref, "dt": found.dt, "lost": lost},
                f"Scale the rates less, take a dt of at most {max(neuron.tau_ref, found.dt / 4) * 1e3:.2g} ms, or let "
                f"neurons spike more often in a step: snnconv.passes.allow_several_spikes(graph, dt={found.dt:g}).",
            )


def unscaled(found: Examination) -> Iterator[Finding]:
    """Layers that are much slower or faster than those that feed them."""
    for source, layer in found.neighbours:
        rates = source.peak, layer.peak
        if min(rates) <= 0 or max(rates) / min(rates) <= RANGE_RATIO:
            continue
        slow = source if rates[0] < rates[1] else layer
        ratio = max(rates) / min(rates)
        scale = argument("scale_firing_rates", {slow.name: two_digits(ratio)})
        yield Finding(
            "unscaled",
            layer.name,
            f"its rates go up to {rates[1]:.3g} Hz, those of {source.name} before it up to {rates[0]:.3g} Hz: "
            f"{ratio:.0f} times {'as much' if slow is source else 'less'}.",
            {"peak": rates[1], "peak_before": rates[0], "ratio": ratio},
            f"Bring them together: {slow.name} up with {scale}, or the other down.",
        )


def few_spikes(found: Examination) -> Iterator[Finding]:
    """Layers whose active neurons have no time to spike."""
    for layer in found.layers:
        active = layer.expected != 0
        if not active.any():
            continue
        median = float(np.median(np.abs(layer.measured[active]))) * found.duration
        if median >= FEWEST_SPIKES:
            continue
        needed = float(np.median(np.abs(layer.expected[active])))
        steps = int(np.ceil(FEWEST_SPIKES / max(needed, 1e-9) / found.dt))
        yield Finding(
            "few_spikes",
            layer.name,
            f"of the neurons that should spike, the median one spikes {median:.2g} times in {found.steps}.",
            {"median_spikes": median, "median_rate": needed, "steps_for_one": steps},
            f"Its rate needs {steps} steps for a spike: run longer, or raise {argument('scale_firing_rates')}.",
        )


def negative_spikes(found: Examination) -> Iterator[Finding]:
    """Layers that send spikes below 0."""
    for layer in found.layers:
        share = float((layer.measured < 0).mean())
        if share == 0:
            continue
        yield Finding(
            "negative_spikes",
            layer.name,
            f"{share:.1%} of its rates are negative; {layer.view.neuron.kind} neurons send spikes that take away.",
            {"negative": share},
            f"Hardware whose spikes have no sign cannot hold it: train with relu, or {argument('swap_activations')}.",
        )


def large_error(found: Examination) -> Iterator[Finding]:
    """The first layer on the way whose rates are off by as much as they are."""
    for each in layer_errors(found):
        if each.error > LARGEST_ERROR:
            shares = {"clipping": each.clipping, "rounding": each.rounding, "silent": each.silent, "time": each.time}
            most = max(shares, key=lambda name: shares[name])
            yield Finding(
                "large_error",
                each.layer,
                f"its rates are off by {each.error:.0%} after {found.steps}, and so is what follows; "
                f"{shares[most]:.0%} of it is {MEANINGS[most]}.",
                {"error": each.error, "depth": each.depth, **shares},
                REMEDY,
            )
            return


def few_steps(found: Examination) -> Iterator[Finding]:
    """Fewer steps than layers of IF neurons behind each other take."""
    for layer in reversed(found.layers):
        depth = found.depths[layer.name]
        if depth < max(found.depths.values()) or not isinstance(layer.view.neuron, IF) or depth == 1:
            continue
        needed = STEPS_PER_LAYER * depth
        if found.n_steps < needed:
            yield Finding(
                "few_steps",
                layer.name,
                f"it is the last of {depth} layers in a row, and of {found.steps} there are "
                f"{found.n_steps / depth:.2g} for each.",
                {"depth": depth, "n_steps": found.n_steps, "steps_needed": needed},
                f"Take {needed} or more; {REMEDY[0].lower()}{REMEDY[1:]}",
            )
        return


def one_answer(found: Examination) -> Iterator[Finding]:
    """The same class for all samples, where rates say several."""
    rates, spikes = found.rate_output, found.spiking_output
    if len(found.graph.outputs) > 1 or rates.ndim != 2 or rates.shape[1] < 2 or len(rates) < FEW_ANSWERS:
        return
    answers = spikes.argmax(-1)
    others = float((rates.argmax(-1) != answers[0]).mean())
    if (answers != answers[0]).any() or others < OTHER_ANSWERS:
        return
    errors = layer_errors(found)
    worst = next((each for each in errors if each.error > LARGEST_ERROR), max(errors, key=lambda each: each.error))
    if worst.error < SMALL_ERROR:
        return
    yield Finding(
        "one_answer",
        None,
        f"all {len(answers)} samples get the class {answers[0]} after {found.steps}, and {others:.0%} of them "
        f"another one in rates. Rates are off by {worst.error:.0%} from {worst.layer} on.",
        {"class": int(answers[0]), "others": others, "n_samples": len(answers), "error": worst.error},
        REMEDY,
    )


def dead_output(found: Examination) -> Iterator[Finding]:
    """An output that is the same for all samples, behind a layer without any spike where rates say some."""
    n, n_steps = len(found.spiking_output), found.n_steps
    if (found.spiking_output != found.spiking_output[:1]).any():
        return
    if n > 1 and (found.rate_output == found.rate_output[:1]).all():
        return
    for layer in found.layers:
        highest = float(np.abs(layer.expected).max())
        if layer.measured.any() or highest == 0:
            continue
        yield Finding(
            "dead_output",
            layer.name,
            f"no neuron spikes in {plural(n_steps, 'step')} of {plural(n, 'sample')}, and the output says nothing; by "
            f"their rates, up to {highest:.3g} Hz, some should.",
            {"highest_rate": highest, "n_steps": n_steps, "n_samples": n},
            f"Run longer, raise {argument('scale_firing_rates')}, or calibrate with some hundred samples.",
        )
        return


CHECKS: tuple[Callable[[Examination], Iterator[Finding]], ...] = (
    silent,
    too_fast,
    many_spikes,
    lost_rate,
    unscaled,
    few_spikes,
    negative_spikes,
    large_error,
    few_steps,
    one_answer,
    dead_output,
)
