"""A network changed for its run, in the order that the changes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...graph import SpikingGraph
from ...graph.passes import add_synapses, fold_affine, scale_firing_rates
from ...neurons.synapses import Synapse
from .calibrate import calibrate as calibrate_graph
from .refit import refit as refit_graph


def adapt(
    graph: SpikingGraph,
    scale: float | Mapping[str, float] | None = None,
    synapse: Synapse | float | Mapping[str, Any] | None = None,
    *,
    refit: Any = None,
    tau_rc: float | None = None,
    tau_ref: float | None = None,
    calibrate: Any = None,
    calibrate_steps: int = 32,
    dt: float = 0.001,
    is_chosen: bool = False,
) -> SpikingGraph:
    """Scale rates, or refit for them; add synapses; calibrate.

    Parameters
    ----------
    scale, synapse, refit, tau_rc, tau_ref, calibrate, calibrate_steps
        As in `snnconv.convert`, where scale is scale_firing_rates; None leaves out the change.
    dt : float
        Length of a step that is calibrated for, in seconds.
    is_chosen : bool
        Whether the speed of LIF neurons is no choice of calibration, even where nothing of it is given here.

    Raises
    ------
    ConversionError, ParameterError, InputError
        If it cannot be changed like this.
    """
    if refit is not None:
        graph = refit_graph(graph, refit, 1.0 if scale is None else scale, tau_rc=tau_rc, tau_ref=tau_ref).graph
    elif scale is not None and scale != 1:
        graph = fold_affine(scale_firing_rates(graph, scale))
    if synapse is not None:
        graph = add_synapses(graph, synapse)
    if calibrate is None:
        return graph
    is_chosen = is_chosen or any(each is not None for each in (scale, synapse, refit))
    speed: dict[str, Any] = {"scales": (1.0,), "synapses": (None,)} if is_chosen else {}
    return calibrate_graph(graph, calibrate, calibrate_steps, dt=dt, **speed)
