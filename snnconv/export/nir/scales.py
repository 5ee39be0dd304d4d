"""What NIR's neurons make of a time constant and a current.

NIR gives equations in continuous time, and its readers step them by Euler's method,

    v += dt_importer/tau · (r·I - v);    spike where v > 1, and v = 0

while the network decays by exp(-dt/tau_rc) in each step of its own dt. With ``share = 1 - exp(-dt/tau_rc)`` and
``tau = dt_importer/share`` a reader's step does exactly what a step of the network does, whatever its dt_importer:

    v += share · (r·I - v)         r = 1: I is the current J
                                   r = tau/dt_importer = 1/share: I is share · J
"""

from __future__ import annotations

import math

from ...neurons import IF, Neuron

IF_SHARE = 1e-6  # leak per step of the LIF neuron that stands for one without leak


def leak(neuron: Neuron, dt: float) -> float:
    """Share of its voltage that a neuron loses in a step."""
    return -math.expm1(-dt / neuron.tau_rc) if hasattr(neuron, "tau_rc") else IF_SHARE  # pyright: ignore


def lowpass_share(tau: float, dt: float) -> float:
    """Share of the way to its input that a lowpass goes in a step."""
    return -math.expm1(-dt / tau)


def current_scale(neuron: Neuron, dt: float, unit_resistance: bool, synapse: float | None = None) -> float:
    """What a current is multiplied by to become NIR's I.

    Parameters
    ----------
    unit_resistance : bool
        Whether r is 1; else it is tau/dt_importer.
    synapse : float or None
        Time constant of the lowpass in a CubaLIF, whose w_in is tau_syn/dt_importer and r tau_mem/dt_importer.
    """
    share = leak(neuron, dt)
    if synapse is not None:
        return lowpass_share(synapse, dt) * (dt if isinstance(neuron, IF) else share)
    if isinstance(neuron, IF):  # dt · J is added to the voltage in a step
        return dt / share if unit_resistance else dt
    return 1.0 if unit_resistance else share
