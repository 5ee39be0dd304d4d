"""What a diagnosis found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .comparison import Comparison
from .search import Finding, Found

FEW = 0.02  # share of the spikes that rounding may move


@dataclass(frozen=True)
class LayerDiagnosis:
    """One population's spikes.

    Parameters
    ----------
    name : str
    comparison : Comparison
        With the reference; where the axes of what was given fit no plain order, after they were moved.
    is_right : bool
        Whether the layer does what it should with what it gets: with the spikes given of the layers before it.
    agreement : float
        Share of the spikes that are those of a layer without mistakes that gets the same.
    found : Found or None
        What explains its spikes, where they are not right.
    notes : tuple of str
        What to know about the array.
    current, voltage : float or None
        At the first difference, in the reference: the input current at that step, and the voltage before it.
    """

    name: str
    comparison: Comparison
    is_right: bool
    agreement: float = 1.0
    found: Found | None = None
    notes: tuple[str, ...] = ()
    current: float | None = None
    voltage: float | None = None

    @property
    def is_equal(self) -> bool:
        """Whether the spikes are the reference's, as they were given."""
        return self.comparison.is_equal and self.found is None


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found, layer by layer; it prints as text.

    Parameters
    ----------
    layers : tuple of LayerDiagnosis
        In execution order.
    n_samples, n_steps : int
    dt : float
        Length of a step, in seconds.
    """

    layers: tuple[LayerDiagnosis, ...]
    n_samples: int
    n_steps: int
    dt: float

    @property
    def equal(self) -> bool:
        """Whether all spikes are those of the reference."""
        return all(layer.is_equal for layer in self.layers)

    @property
    def first(self) -> LayerDiagnosis | None:
        """The first layer whose spikes differ."""
        return next((layer for layer in self.layers if not layer.is_equal), None)

    @property
    def matches(self) -> tuple[Finding, ...]:
        """The findings whose spikes equal those of the first layer that differs; several where the data fit several."""
        found = None if self.first is None else self.first.found
        return () if found is None else found.exact

    @property
    def mistakes(self) -> tuple[tuple[str, ...], ...]:
        """The names of the mistakes of each match."""
        return tuple(tuple(mistake.name for mistake in finding.mistakes) for finding in self.matches)

    @property
    def nearly(self) -> Finding | None:
        """Where nothing matches: the finding that leaves a few spikes, such as rounding moves by a step."""
        best = self.closest[0] if self.closest else None
        if best is None or self.first is None or 1 - best.comparison.agreement > FEW * (1 - self.first.agreement):
            return None
        return best if best.comparison.agreement >= 1 - FEW else None

    @property
    def closest(self) -> tuple[Finding, ...]:
        """Where nothing matches, the findings that come closest, best first."""
        found = None if self.first is None else self.first.found
        return () if found is None else found.closest

    def __str__(self) -> str:
        from .text import diagnosis_text

        return diagnosis_text(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "equal": self.equal,
            "n_samples": self.n_samples,
            "n_steps": self.n_steps,
            "dt": self.dt,
            "first": None if self.first is None else self.first.name,
            "layers": [_layer_dict(layer) for layer in self.layers],
        }


def _layer_dict(layer: LayerDiagnosis) -> dict[str, Any]:
    found = layer.found or Found((), ())
    return {
        "name": layer.name,
        **_comparison_dict(layer.comparison),
        "is_right": layer.is_right,
        "agreement_given_inputs": layer.agreement,
        "notes": list(layer.notes),
        "current": layer.current,
        "voltage": layer.voltage,
        "matches": [_finding_dict(finding) for finding in found.exact],
        "closest": [_finding_dict(finding) for finding in found.closest],
    }


def _finding_dict(finding: Finding) -> dict[str, Any]:
    voltage = finding.voltage
    return {
        "mistakes": [mistake.name for mistake in finding.mistakes],
        "instead": [mistake.instead for mistake in finding.mistakes],
        "everywhere": finding.everywhere,
        "initial_voltage": voltage.tolist() if isinstance(voltage, np.ndarray) else voltage,
        **_comparison_dict(finding.comparison),
    }


def _comparison_dict(comparison: Comparison) -> dict[str, Any]:
    first = comparison.first
    return {
        "n_entries": comparison.n_entries,
        "n_differing": comparison.n_differing,
        "n_counts": comparison.n_counts,
        "n_counts_differing": comparison.n_counts_differing,
        "n_spikes": comparison.n_received,
        "n_spikes_expected": comparison.n_expected,
        "agreement": comparison.agreement,
        "first_difference": None
        if first is None
        else {
            "sample": first.sample,
            "step": first.step,
            "unit": list(first.unit),
            "received": first.received,
            "expected": first.expected,
        },
    }
