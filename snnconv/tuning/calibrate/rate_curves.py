"""The fit of one neuron's rate curve to another's, by gain and bias."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from ...neurons import Neuron

N_CURRENTS = 512  # per channel: order statistics of the data, which stand for its distribution
STEPS = tuple(sorted(product((-1.0, -0.5, 0.0, 0.5, 1.0), repeat=2), key=lambda step: abs(step[0]) + abs(step[1])))
ROUNDS, SHRINK = 20, 0.6  # the last grid is 4e-5 as wide as the first
HIGHEST_START = 0.9  # of 1/tau_ref: above it the curve is flat, and has no slope to search along


def fit_gain_bias(neuron: Neuron, currents: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain g and bias b of each channel that minimise the mean of ``(neuron.rate(g J + b) - output)²``.

    Searched are the current at which the neuron starts to fire and its rate at the largest current, which decide g and
    b and hardly depend on each other, on grids that get finer. The infinite slope of a LIF at its threshold rules out
    derivatives.

    Parameters
    ----------
    neuron : Neuron
        The one to fit, with its amplitude.
    currents : (n, channels) array
        Currents J that occur.
    outputs : (n, channels) array
        What is wanted at each.

    Returns
    -------
    gain, bias : (channels,) arrays
    """
    currents, outputs = _order_statistics(currents, outputs)
    unit = neuron.with_amplitude(1.0)
    limit = 1 / getattr(neuron, "tau_ref", 0.0) if getattr(neuron, "tau_ref", 0.0) else math.inf
    (_, threshold) = unit.max_rates_intercepts(np.ones(()), np.zeros(()))
    highest = currents.max(0)
    highest = np.where(highest > threshold, highest, max(float(highest.max()), float(threshold) + 1))
    span = highest - threshold
    at_highest = outputs.max(0) / neuron.amplitude
    ordinary = unit.rate(highest)
    rate = np.minimum(np.where(at_highest > 0, at_highest, ordinary), HIGHEST_START * limit)

    def tuned(at_span: np.ndarray, at_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gain and bias where the neuron starts to fire `at_span` below the highest current, and fires `at_rate` there.

        In x = (J - highest)/at_span + 1 that is a neuron with the intercept 0.
        """
        gain, bias = neuron.gain_bias(at_rate, 0.0)
        return gain / at_span, bias + gain * (1 - highest / at_span)

    def moved(step: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        wider = span * np.exp(width * step[0])
        if math.isinf(limit):
            return wider, rate * np.exp(width * step[1])
        odds = rate / (limit - rate) * np.exp(width * step[1])
        return wider, limit * odds / (1 + odds)

    width = 1.0
    for _ in range(ROUNDS):
        least = np.full(len(highest), np.inf)
        best = span, rate
        for step in STEPS:
            tried = moved(step)
            gain, bias = tuned(*tried)
            error = ((neuron.rate(gain * currents + bias) - outputs) ** 2).mean(0)
            is_better = error < least
            least = np.where(is_better, error, least)
            best = np.where(is_better, tried[0], best[0]), np.where(is_better, tried[1], best[1])
        span, rate = best
        width *= SHRINK
    return tuned(span, rate)


def _order_statistics(currents: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced order statistics of each channel's currents, the largest among them, and the outputs there."""
    order = np.argsort(currents, 0)
    picked = order[np.unique(np.linspace(0, len(order) - 1, N_CURRENTS).round().astype(int))]
    return np.take_along_axis(currents, picked, 0), np.take_along_axis(outputs, picked, 0)
