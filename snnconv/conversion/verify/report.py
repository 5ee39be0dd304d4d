"""The result of `verify`, layer by layer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ...text.plain import plural


@dataclass(frozen=True)
class LayerCheck:
    """The comparisons of one population or output; None for each that there was nothing to make with.

    Parameters
    ----------
    name, kind : str
        `kind` is that of the neurons, or "output".
    keras_difference : float or None
        Largest difference of the layer's rates from Keras', given Keras' inputs: in Hz, or as an output in its own
        unit.
    n_spikes : int or None
        Spikes in the NumPy loop.
    n_moved : int or None
        (sample, step, neuron) triples whose spikes differ between TensorFlow and NumPy; a spike that moved counts
        twice.
    count_difference : int or None
        Largest difference in a neuron's number of spikes over the whole run.
    rate, rate_equation : float or None
        Mean firing rate over samples and neurons, in Hz: measured, and by the rate equation.
    rate_difference : float or None
        Mean absolute difference of the two, in Hz.
    rate_bound : float or None
        Most that a neuron's measured rate may differ, in Hz: one spike in the whole run. None where the input current
        is not constant, or neurons were trained on another rate function.
    failures : tuple of str
        What is wrong.
    note : str
        What to know when reading the numbers.
    changed : bool
        Whether the layer was changed on purpose, so that its rates are not those of Keras.
    """

    name: str
    kind: str
    keras_difference: float | None = None
    n_spikes: int | None = None
    n_moved: int | None = None
    count_difference: int | None = None
    rate: float | None = None
    rate_equation: float | None = None
    rate_difference: float | None = None
    rate_bound: float | None = None
    failures: tuple[str, ...] = ()
    note: str = ""
    changed: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {**vars(self), "failures": list(self.failures), "passed": self.passed}

    def found(self, failure: str | None = None, note: str | None = None, **numbers: Any) -> LayerCheck:
        """The check with what one more comparison gave."""
        failures = (*self.failures, failure) if failure else self.failures
        note = "; ".join(text for text in (self.note, note) if text)
        return dataclasses.replace(self, failures=failures, note=note, **numbers)


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    Parameters
    ----------
    layers : tuple of LayerCheck
        Populations in execution order, then the outputs.
    compared_with_keras : bool
        Whether there was a Keras model to compare with.
    n_samples, n_steps : int
    dt : float
        Length of a step, in seconds.
    dtype : str
        Of both runtimes.
    """

    layers: tuple[LayerCheck, ...]
    compared_with_keras: bool
    n_samples: int
    n_steps: int
    dt: float
    dtype: str

    @property
    def passed(self) -> bool:
        """Whether every layer passed."""
        return all(layer.passed for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        numbers = {key: value for key, value in vars(self).items() if key != "layers"}
        layers = [layer.to_dict() for layer in self.layers]
        return {"passed": self.passed, "verdict": self.verdict, **numbers, "layers": layers}

    @property
    def verdict(self) -> str:
        """One line that says whether, and why."""
        failed = [f"'{layer.name}': {failure}" for layer in self.layers for failure in layer.failures]
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            return f"failed: {failed[0]}{more}."
        moved = sum(layer.n_moved or 0 for layer in self.layers)
        total = sum(layer.n_spikes or 0 for layer in self.layers)
        spikes = "no neuron spiked, which is the same"
        if total:
            spikes = f"all {total:,} spikes are the same" if total > 1 else "the one spike is the same"
        if moved:
            spikes = f"{moved:,} of {total:,} spikes differ, at ties,"
        n_changed = sum(layer.changed for layer in self.layers)
        others = f" but for {plural(n_changed, 'changed layer')}" if n_changed else ""
        rates = f"the rates are those of Keras{others}, and " if self.compared_with_keras else ""
        return f"passed: {rates}{spikes} in TensorFlow and NumPy ({self.dtype})."
