"""What spiking neurons put out on average over a few time steps under a constant current."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from ..errors import ParameterError
from ..neurons import Neuron
from ..neurons.spike_train import spike_count


def mean_output(neuron: Neuron, J: Any, n_steps: int, dt: float, initial_voltage: Any) -> Any:
    """Mean output over `n_steps` steps of `dt` seconds, without a gradient.

    Parameters
    ----------
    J : (n, *units) tensor
        Input current, constant in time.
    initial_voltage : float, or tensor that broadcasts against J
        Voltage before the first step.

    Returns
    -------
    (n, *units) tensor
        ``amplitude · spikes / (n_steps · dt)``.
    """
    J = ops.stop_gradient(J)  # before the loop too, so that no step is kept for the way back
    zero: Any = ops.zeros_like(J)
    state = {**dict.fromkeys(neuron.state, zero), "voltage": zero + initial_voltage}
    if neuron.has_spike_train(dt):
        spikes = spike_count(n_steps, *neuron.spike_train(J, state, dt, ops).phases(), ops)
    else:
        spikes = zero
        for _ in range(n_steps):
            fired, state = neuron.step(J, state, dt, ops)
            spikes = spikes + fired
    return ops.stop_gradient(spikes * (neuron.amplitude / (n_steps * dt)))


def check_few_steps(n_steps: Any, dt: Any, initial_voltage: Any) -> None:
    """Raise ParameterError unless these describe a run of a few steps."""
    if isinstance(n_steps, bool) or not isinstance(n_steps, (int, np.integer)) or n_steps < 1:
        raise ParameterError(f"n_steps must be a whole number above 0. Received {n_steps!r}.")
    if not (math.isfinite(dt) and dt > 0):
        raise ParameterError(f"dt must be above 0 seconds. Received {dt!r}.")
    is_number = isinstance(initial_voltage, (int, float, np.number))
    if initial_voltage != "uniform" and not (is_number and -math.inf < initial_voltage <= 1):
        raise ParameterError(
            f"initial_voltage must be 'uniform' or a number up to 1, the threshold. Received {initial_voltage!r}."
        )
