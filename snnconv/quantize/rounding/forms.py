"""Integer forms of float neurons: the multiplier that is folded into weights, the bounds, and the sentences on both."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConversionError
from ...graph import Population
from ...neurons import IF, LIF, SignedIF, SteppedLIF
from ...neurons.base import Neuron
from ...text.plain import milliseconds
from ..neurons import IntegerIF, IntegerLIF, IntegerNeuron, IntegerSignedIF, half, start_voltage
from ..nodes import SpikingLayer
from ..origins import FloatNeuron
from ..proofs import settled
from ..scales import Settings, bits_below_one, multiplier

INT32_MAX = (1 << 31) - 1
FARTHEST = 1 << 30  # where voltages that have no bound end: a drive of as much still fits an int32
ONE_SPIKE = "at most one spike per step; the float network allows several, a calibrated one does not."
MOST_IF = 1 << 24  # largest threshold of an IF, so that voltages have room for 64 of them


@dataclass(frozen=True, kw_only=True)
class Form(ABC):
    """The integer form of a population's neurons, as far as it does not depend on weights.

    Parameters
    ----------
    population : Population
    settings : Settings
    step : float
        δ: the share of a constant current that the voltage takes in at the first step.
    threshold_bits : int
        F: every threshold is made at least 2^F, up to rounding.
    largest_threshold : int
        The largest at which int32 holds every integer of a step.
    leak : int
        D; 0 without leak.
    """

    population: Population
    settings: Settings
    step: float
    threshold_bits: int
    largest_threshold: int
    leak: int = 0

    @property
    def neuron(self) -> Any:
        """The float neuron."""
        return self.population.neuron

    @property
    def min_voltage(self) -> float:
        """Floor of the float voltage; nan for neurons that ignore negative current."""
        return math.nan if self.neuron.min_voltage is None else self.neuron.min_voltage

    @abstractmethod
    def bounds(self, threshold: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest voltage of each neuron, as whole numbers, for drives from `low` to `high`."""

    @abstractmethod
    def integer_neuron(self, threshold: np.ndarray, floor: np.ndarray, ceiling: np.ndarray) -> IntegerNeuron:
        """The neurons with these int32 arrays."""

    @abstractmethod
    def approximations(self, layer: SpikingLayer) -> list[str]:
        """Sentences on what the neurons of a layer do not do as the float ones do."""

    def float_neuron(self, threshold_bits: int) -> FloatNeuron:
        """The float numbers that the neurons are made of, with the bits that their thresholds got."""
        return FloatNeuron(
            threshold_bits=threshold_bits,
            tau_rc=getattr(self.neuron, "tau_rc", 0.0),
            tau_ref=getattr(self.neuron, "tau_ref", 0.0),
            min_voltage=self.min_voltage,
            amplitude=self.neuron.amplitude,
            initial_voltage=self.population.initial_voltage,
        )


@dataclass(frozen=True, kw_only=True)
class LIFForm(Form):
    """The form of LIF neurons: an exact decay, rounded, and a refractory period in whole steps.

    Parameters
    ----------
    tau_rc : float
        Time constant that the leak was rounded from, in seconds.
    """

    tau_rc: float

    def bounds(self, threshold: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if math.isinf(self.min_voltage):
            return settled(low, high, self.leak, self.settings.fraction_bits)[0], threshold
        return np.rint(self.min_voltage * threshold), threshold

    def integer_neuron(self, threshold: np.ndarray, floor: np.ndarray, ceiling: np.ndarray) -> IntegerNeuron:
        return IntegerLIF(
            threshold=threshold,
            floor=floor,
            start=start_voltage(self.population.initial_voltage, threshold),
            leak=self.leak,
            fraction_bits=self.settings.fraction_bits,
            refractory_steps=round(self.neuron.tau_ref / self.settings.dt * (1 << self.refractory_bits)),
            refractory_bits=self.refractory_bits,
        )

    @property
    def refractory_bits(self) -> int:
        """Fractional bits of the steps of rest; those of SteppedLIF are whole."""
        return 0 if isinstance(self.neuron, SteppedLIF) else self.settings.refractory_bits

    def approximations(self, layer: SpikingLayer) -> list[str]:
        found = []
        tau, wanted = milliseconds(layer.effective_tau_rc(self.settings.dt)), milliseconds(self.tau_rc)
        if tau != wanted:
            found.append(f"{layer.name}: tau_rc is {tau} in place of {wanted}.")
        if self.neuron.max_spikes_per_step != 1:
            found.append(f"{layer.name}: {ONE_SPIKE}")
        if layer.float_neuron.tau_ref and self.refractory_bits:
            parts = 1 << self.refractory_bits
            steps = f"{layer.neuron.refractory_steps / parts:g} steps"
            found.append(f"{layer.name}: the refractory period is {steps}, in parts of 1/{parts} from the crossing on.")
        elif layer.float_neuron.tau_ref and not isinstance(self.neuron, SteppedLIF):
            found.append(
                f"{layer.name}: the refractory period is {layer.neuron.refractory_steps} whole steps behind that of "
                f"the spike; in the float network it lasts {milliseconds(layer.float_neuron.tau_ref)} from the "
                f"crossing inside a step."
            )
        return found


@dataclass(frozen=True, kw_only=True)
class IFForm(Form):
    """The form of IF neurons: one spike per step at most."""

    def bounds(self, threshold: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_steps = self.settings.n_steps
        if math.isnan(self.min_voltage):
            floor = np.zeros_like(low)
        elif math.isinf(self.min_voltage):
            floor = np.maximum(n_steps * np.minimum(low, 0), -FARTHEST)
        else:
            floor = np.rint(self.min_voltage * threshold)
        return floor, np.minimum(threshold - 1 + n_steps * np.maximum(high - threshold, 0), FARTHEST)

    def integer_neuron(self, threshold: np.ndarray, floor: np.ndarray, ceiling: np.ndarray) -> IntegerNeuron:
        start = start_voltage(self.population.initial_voltage, threshold)
        is_rectified = math.isnan(self.min_voltage)
        return IntegerIF(threshold=threshold, floor=floor, ceiling=ceiling, start=start, is_rectified=is_rectified)

    def approximations(self, layer: SpikingLayer) -> list[str]:
        found = []
        if self.neuron.max_spikes_per_step != 1:
            found.append(f"{layer.name}: {ONE_SPIKE}")
        if math.isinf(self.min_voltage) and int(layer.neuron.floor.min()) == -FARTHEST:
            found.append(f"{layer.name}: voltages end at -{FARTHEST:,}; in the float network they have no floor.")
        if int(layer.neuron.ceiling.max()) == FARTHEST:
            found.append(f"{layer.name}: voltages end at {FARTHEST:,}, where spikes that are due are lost.")
        return found


@dataclass(frozen=True, kw_only=True)
class SignedIFForm(IFForm):
    """The form of IF neurons that take spikes back."""

    @property
    def min_voltage(self) -> float:
        return -math.inf

    def integer_neuron(self, threshold: np.ndarray, floor: np.ndarray, ceiling: np.ndarray) -> IntegerNeuron:
        share = max(round(self.neuron.negative_threshold * 256), 1)
        if share > 256:
            raise ConversionError(
                f"population '{self.population.name}' takes spikes back {self.neuron.negative_threshold:g} thresholds "
                f"below 0; integer neurons at 1 at the most. Lower negative_threshold."
            )
        start = start_voltage(self.population.initial_voltage, threshold)
        return IntegerSignedIF(threshold=threshold, floor=floor, ceiling=ceiling, start=start, negative_threshold=share)


def _lif_form(population: Population, settings: Settings) -> Form:
    neuron: Any = population.neuron
    tau_rc = neuron.smooth().tau_rc if isinstance(neuron, SteppedLIF) else neuron.tau_rc
    K = settings.fraction_bits
    leak = multiplier(tau_rc, settings.dt, K, f"layer '{population.name}': tau_rc")
    step = leak / (1 << K)
    return LIFForm(
        population=population,
        settings=settings,
        step=step,
        threshold_bits=bits_below_one(step) + settings.threshold_bits,
        largest_threshold=min((INT32_MAX - half(K)) // leak, FARTHEST),
        leak=leak,
        tau_rc=tau_rc,
    )


def _if_form(population: Population, settings: Settings) -> Form:
    form = SignedIFForm if isinstance(population.neuron, SignedIF) else IFForm
    return form(
        population=population,
        settings=settings,
        step=settings.dt,
        threshold_bits=settings.fraction_bits,
        largest_threshold=MOST_IF,
    )


FORMS: dict[type[Neuron], Callable[[Population, Settings], Form]] = {
    LIF: _lif_form,
    SteppedLIF: _lif_form,
    IF: _if_form,
    SignedIF: _if_form,
}


def form_of(population: Population, settings: Settings) -> Form:
    """The integer form of a population's neurons.

    Raises
    ------
    ConversionError
        If they have none, or start outside of what it allows.
    """
    make = FORMS.get(type(population.neuron))
    if make is None:
        raise ConversionError(f"population '{population.name}' ({population.neuron.kind}) has no integer form.")
    form = make(population, settings)
    if not 0 <= population.initial_voltage < 1:
        raise ConversionError(
            f"population '{population.name}' starts at a voltage of {population.initial_voltage:g}; integer neurons "
            f"start between 0 and their threshold. Give it an initial_voltage of 0 or more, and below 1."
        )
    return form
