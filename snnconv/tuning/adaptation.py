"""Adaptation: a converted network fitted to its run, by rate scale, refit, synapses and calibration."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ConversionWarning, ParameterError
from ..graph import SpikingGraph
from ..graph.passes import add_synapses, allow_several_spikes, fold_affine, scale_firing_rates, set_window
from ..graph.passes.spikes import factors_of
from ..neurons import LIF
from ..neurons.base import steps_as
from ..neurons.synapses import Synapse

Spikes = Literal["binary", "signed"]

# Time constants without a refit, and a refit without anything to refit for, in the words of each way to ask for them.
CALIBRATE_STEPS = 32

_REFUSALS = {
    "arguments": (
        "with other time constants than trained, gains and biases must be refit: pass refit=x, some samples.",
        "refit=x is for scale_firing_rates, tau_rc or tau_ref. Pass one of them.",
        "calibrate_steps and spikes say how to calibrate. Pass the samples to do it with: calibrate=x.",
    ),
    "keys": (
        "{tau} needs refit: a file of inputs, or true for training data.",
        "refit is for scale_firing_rates, tau_rc or tau_ref. Give one of them.",
        "calibrate_steps and spikes say how to calibrate, which needs calibrate: a file of inputs, or true.",
    ),
    "options": (
        "--tau-rc and --tau-ref need --refit FILE, with inputs to refit gains and biases to.",
        "--refit is for --scale-firing-rates, --tau-rc or --tau-ref. Give one of them.",
        "--calibrate-steps and --spikes say how to calibrate. Name the samples to do it with: --calibrate FILE.",
    ),
}


@dataclass(frozen=True, eq=False)
class Adaptation:
    """Changes to a converted network: the options of `snnconv.convert` that need no Keras model.

    Parameters
    ----------
    scale : float, mapping of population name to float, or None
        Fire this many times as fast, for the same output. None: 1, or as calibration chooses.
    synapse : Synapse, float, mapping of population name to one of these, or None
        Filter behind the populations; a number is the time constant of a lowpass, in seconds. None: no synapse, or,
        without `scale` and `refit`, as calibration chooses.
    refit : samples or None
        Inputs to refit gains and biases to, so that `scale` keeps time constants; or where they come from.
    tau_rc, tau_ref : float or None
        Time constants of all LIF neurons, in seconds. None: as trained. They need `refit`.
    calibrate : samples or None
        Inputs to calibrate with, or where they come from.
    calibrate_steps : int or None
        Steps that answers will be read after. None: `CALIBRATE_STEPS`.
    spikes : str or None
        "signed", as None, or "binary": whether calibrated neurons can take spikes back.
    window : float or None
        After so many seconds functions of means forget, so that outputs follow inputs that change. None: never.
    """

    scale: float | Mapping[str, float] | None = None
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None
    refit: Any = None
    tau_rc: float | None = None
    tau_ref: float | None = None
    calibrate: Any = None
    calibrate_steps: int | None = None
    spikes: Spikes | None = None
    window: float | None = None

    def check(self, given_as: Literal["arguments", "keys", "options"] = "arguments") -> None:
        """Check that there is something to refit for, and samples for what refits or calibrates.

        Parameters
        ----------
        given_as : str
            The words of the message: arguments of a function, keys of a config, or options of a command.

        Raises
        ------
        ParameterError
            If one is there without the other.
        """
        without_refit, without_change, without_samples = _REFUSALS[given_as]
        taus = [name for name in ("tau_rc", "tau_ref") if getattr(self, name) is not None]
        if self.refit is None and taus:
            raise ParameterError(without_refit.format(tau=taus[0]))
        if self.refit is not None and not taus and self.scale is None:
            raise ParameterError(without_change)
        if self.calibrate is None and (self.calibrate_steps, self.spikes) != (None, None):
            raise ParameterError(without_samples)

    def apply(self, graph: SpikingGraph, dt: float) -> SpikingGraph:
        """Scale rates, or refit for them; set a window; add synapses; calibrate.

        LIF neurons whose refractory period the scale brings below `dt` may spike several times in a step, unless they
        are calibrated, which is for one spike in a step.

        Parameters
        ----------
        dt : float
            Length of a step, in seconds.

        Raises
        ------
        ConversionError, ParameterError, InputError
            If the graph cannot be changed like this.
        """
        if self.refit is not None:
            from .calibrate import refit  # imports TensorFlow, as calibrate does

            scale = 1.0 if self.scale is None else self.scale
            graph = refit(graph, self.refit, scale, tau_rc=self.tau_rc, tau_ref=self.tau_ref).graph
        elif self.scale is not None and self.scale != 1:
            graph = fold_affine(scale_firing_rates(graph, self.scale))
            if self.calibrate is None:
                graph = allow_several_spikes(graph, dt, scaled(graph, self.scale))
        if self.window is not None:
            graph = set_window(graph, self.window)
        if self.synapse is not None:
            graph = add_synapses(graph, self.synapse)
        if self.calibrate is None:
            return graph
        from .calibrate import calibrate

        is_chosen = any(each is not None for each in (self.scale, self.synapse, self.refit))
        speed: dict[str, Any] = {"scales": (1.0,), "synapses": (None,)} if is_chosen else {}
        return calibrate(graph, self.calibrate, self.n_steps, dt=dt, spikes=self.spikes or "signed", **speed)

    @property
    def n_steps(self) -> int:
        """Time steps that calibration is for."""
        return CALIBRATE_STEPS if self.calibrate_steps is None else self.calibrate_steps


def scaled(graph: SpikingGraph, scale: float | Mapping[str, float]) -> list[str]:
    """Names of the populations whose rates a scale changes."""
    return [name for name, factor in factors_of(graph, scale).items() if factor != 1]


def warn_of_several_spikes(
    graph: SpikingGraph, scale: float | Mapping[str, float] | None, dt: float, *, stacklevel: int = 1
) -> None:
    """Warn of LIF populations that spike several times in a step, since their rates were scaled so far.

    Parameters
    ----------
    scale : float, mapping of population name to float, or None
        Factor on the rates.
    dt : float
        Length of a step, in seconds.
    stacklevel : int
        1: the warning points to the caller of this function; 2: to its caller.

    Warns
    -----
    ConversionWarning
    """
    for name, factor in ({} if scale is None else factors_of(graph, scale)).items():
        neuron = graph.populations[name].neuron
        if factor == 1 or not steps_as(neuron, LIF) or neuron.max_spikes == 1:
            continue
        unscaled = neuron.tau_ref * factor
        remedies = [f"scale by at most {unscaled / dt:.3g}"] if unscaled > dt else []
        if neuron.tau_ref:
            remedies.append(f"run in steps of at most {neuron.tau_ref * 1e3:.2g} ms (dt of Simulator)")
        ends = "" if neuron.keeps_time(dt) else f", which bounds their rates by {neuron.max_spikes / dt:g} Hz"
        warnings.warn(
            f"population '{name}': scaled by {factor:g}, LIF neurons have a refractory period of "
            f"{neuron.tau_ref * 1e3:.2g} ms, below the step of {dt * 1e3:g} ms, and may spike up to "
            f"{neuron.max_spikes} times in a step{ends}. For hardware with one spike in a step: "
            f"{', or '.join(remedies) or 'scale less'}.",
            ConversionWarning,
            stacklevel=stacklevel + 1,
        )
