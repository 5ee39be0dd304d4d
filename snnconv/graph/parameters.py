"""The parameters of neurons in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .summary import value_range

if TYPE_CHECKING:
    from .views import PopulationView

MEANINGS = {
    "tau_rc": "s, membrane time constant",
    "tau_ref": "s, refractory period",
    "amplitude": "output per Hz; a spike has the height amplitude/dt",
    "min_voltage": "floor of the voltage; the threshold is 1",
    "smoothing": "width of the soft threshold in training",
    "max_spikes": "most spikes in one step",
    "rate_limit": "Hz, where the rate function ends",
    "max_rate": "Hz, highest rate",
    "unit_rate": "Hz, by which J is scaled to a rate",
    "threshold": "Hz, current that has to be exceeded",
    "negative_slope": "slope below the threshold",
    "dt": "s, the step that the neuron is for",
    "leak_bits": "fractional bits of the leak",
}


def parameter_rows(view: PopulationView) -> list[tuple[str, str, str]]:
    """Name, value, and unit or meaning of every parameter of a population, with what its gain and biases mean."""
    rows = [
        (name, "none" if value is None else _text(value), MEANINGS.get(name, ""))
        for name, value in view.neuron.parameters().items()
    ]
    max_rates, intercepts = view.neuron.max_rates_intercepts(view.gain, view.neuron_bias)
    return [
        *rows,
        ("max_rates", _text(max_rates), "Hz, rates at an input of 1, after training"),
        ("intercepts", _text(intercepts), "inputs at which firing starts, after training"),
    ]


def _text(value: object) -> str:
    return value_range(np.asarray(value)).replace("\n", "")
