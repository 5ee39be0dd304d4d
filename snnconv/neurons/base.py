"""The base class of neuron models, their words, and checks of their parameters.

Writing a neuron takes one file: a frozen dataclass with its parameters, the names of its `state`, and the five
abstract methods of `Neuron`. It then trains in `snnconv.layers.Rate`, converts, and runs in every runtime. It should
have words of its own too, `equations` and `meanings`.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeGuard, TypeVar

import numpy as np

from ..errors import ParameterError

Array = Any  # numpy.ndarray, tf.Tensor or whatever the namespace `xp` works on
State = dict[str, Array]
N = TypeVar("N", bound="Neuron")
T = TypeVar("T")

NEURONS: dict[str, type[Neuron]] = {}

# What a file says of a population beside the parameters of its neuron.
TAKEN = {
    *("kind", "neuron", "name", "inputs", "input", "shape", "folded", "trained", "connection", "kernel", "dense_bias"),
    *("neuron_bias", "gain", "initial_voltage"),
}


@dataclass(frozen=True)
class Equations:
    """A neuron in words, with the numbers of its parameters in them.

    Parameters
    ----------
    rate : str
        The firing rate at a constant current J.
    step : str
        The effect of a step on the voltage v.
    threshold : str
        The condition for a spike.
    reset : str
        The effect of a spike on the voltage.
    unit : str
        Unit of the current, or "no unit".
    arithmetic : str
        The step as it is computed, where it takes another form: a sentence without its subject, and lines of code.
    """

    rate: str
    step: str
    threshold: str
    reset: str
    unit: str
    arithmetic: str = ""


class SpikeTrain(Protocol):
    """The spikes of neurons under a constant current, in closed form; `LIFSpikeTrain` is one."""

    def phases(self) -> tuple[Array, Array]:
        """Spikes per step, and the first spike's time in periods; both 0 where the neuron is silent."""
        ...

    def state_after(self, n_steps: Array) -> State:
        """State after that many steps."""
        ...


class Neuron(ABC):
    """A neuron model: frozen parameters, a rate function, one time step, and the words for them.

    A subclass is a frozen dataclass in a file of its own. It is written once against an array namespace `xp`:
    `numpy` itself, `keras.ops`, or `snnconv.runtime.tensorflow_ops`. Subclassing registers the model under its class
    name.

    `state` names its variables, "voltage" among them. `meanings` has the unit or the meaning of each parameter, and
    `time_constants` the names of those in seconds that can be trained: `step` and `rate` take tensors for them.
    `uniform` has the variables of the state that are the same for all neurons of a sample, and `derived` those that no
    later step reads: loops then carry less, and `step` gets the first with a length of 1 along the axes of the neurons.
    `rate_only` names the parameters, with defaults, that no step uses. A class with a step of its own says these anew.
    """

    amplitude: float
    state: ClassVar[tuple[str, ...]]
    meanings: ClassVar[Mapping[str, str]] = {"amplitude": "output per Hz; a spike has the height amplitude/dt"}
    time_constants: ClassVar[tuple[str, ...]] = ()
    uniform: ClassVar[tuple[str, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()
    rate_only: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, abstract: bool = False) -> None:
        own = vars(cls)
        if "step" in own:  # what another step says of its variables does not hold for this one
            cls.uniform, cls.derived = own.get("uniform", ()), own.get("derived", ())
            cls.rate_only = own.get("rate_only", ())
        taken = sorted(TAKEN & set(own.get("__annotations__", ())))
        if taken:
            raise ParameterError(
                f"{cls.__name__}: a parameter cannot be named '{taken[0]}', which a population has itself. Rename it."
            )
        if "equations" not in own and ("rate" in own or "step" in own):
            type.__setattr__(cls, "equations", Neuron.equations)  # the words of a parent would describe another neuron
        if not abstract:
            NEURONS[cls.__name__] = cls

    @property
    def kind(self) -> str:
        """Name of the model, as files and tables show it."""
        return type(self).__name__

    @property
    def equations(self) -> Equations:
        """The neuron in words; those here only point to the code that defines it."""
        kind, module = self.kind, type(self).__module__
        values = ", ".join(f"{name}={value}" for name, value in self.parameters().items())
        return Equations(
            rate=f"F(J) Hz of {kind}({values}), defined by {kind}.rate in {module}",
            step=f"{', '.join(self.state)} change as defined by {kind}.step in {module}",
            threshold=f"as in {kind}.step",
            reset=f"as in {kind}.step",
            unit=f"the unit of {kind}.rate",
        )

    @property
    def max_spikes_per_step(self) -> int | None:
        """Most spikes of one sign in one step, or None if there is no bound."""
        return 1

    @property
    def is_binary(self) -> bool:
        """Whether a neuron sends nothing or one spike in a step."""
        return self.max_spikes_per_step == 1 and not self.fires_negative

    @property
    def fires_negative(self) -> bool:
        """Whether spikes can be negative."""
        return False

    @property
    def only_dt(self) -> float | None:
        """The one length of a step that the model runs in, in seconds; None: any."""
        return None

    def check_dt(self, dt: float) -> None:
        """Raise ParameterError unless the model runs in steps of `dt` seconds."""
        only = self.only_dt
        if only is not None and not math.isclose(dt, only, rel_tol=1e-9):
            raise ParameterError(
                f"{self.kind} neurons run in the steps that they were made for, dt={only:g} s. Received dt={dt:g} s."
            )

    @abstractmethod
    def rate(self, J: Array, xp: Any = np) -> Array:
        """Output at constant input current `J`: amplitude times the firing rate in Hz."""

    @abstractmethod
    def step(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, State]:
        """Advance one step of `dt` seconds.

        Returns
        -------
        spikes : array shaped like J
            Number of spikes in the step, in the dtype of `J`; below 0 for negative spikes. The output of the neuron
            is ``spikes * amplitude / dt``.
        state : dict
            The state after the step.
        """

    def distances(self, J: Array, state: State, dt: float, xp: Any = np) -> tuple[Array, ...]:
        """Distances of a step's voltage above its thresholds, before spikes are taken off it.

        Networks that train in spikes use them: the slope of a surrogate depends on how near the voltage comes to a
        spike. Each threshold that the voltage grows past adds one to the count of the step.

        Raises
        ------
        ParameterError
            If the model does not say them.
        """
        raise ParameterError(
            f"{self.kind} neurons do not say how far a voltage is from its threshold ({self.kind}.distances). Train "
            f"them with the slope of their rate: surrogate='rate'."
        )

    def smooth_rate(self, J: Array, smoothing: float, xp: Any = np) -> Array:
        """`rate` with a finite slope everywhere, where `smoothing` is the width of the current that is smoothed."""
        return self.rate(J, xp)

    @abstractmethod
    def gain_bias(self, max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
        """Gain and bias of neurons that start to fire at `intercepts` and reach `max_rates` at 1.

        Parameters
        ----------
        max_rates : array_like
            Firing rate at an input of 1, in Hz.
        intercepts : array_like
            Input at which the neuron starts to fire; below 1.

        Raises
        ------
        ParameterError
            If a value is out of its range.
        """

    @abstractmethod
    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
        """Inverse of `gain_bias`: rates at an input of 1 in Hz, and inputs at which firing starts."""

    @abstractmethod
    def scale_rates(self, factor: float) -> tuple[Self, float]:
        """The neuron that fires `factor` times as fast for the same output, and the factor its current then needs."""

    def initial_state(
        self, shape: tuple[int, ...], voltage: Array = 0.0, dtype: Any = "float64", xp: Any = np
    ) -> State:
        """State before the first step: every variable 0, the voltage at `voltage` (broadcast to `shape`)."""
        state = {name: xp.zeros(shape, dtype) for name in self.state}
        if isinstance(voltage, (np.ndarray, np.generic)):
            voltage = voltage.astype(dtype)  # NumPy would promote a float32 state to the float64 of its voltages
        state["voltage"] = state["voltage"] + voltage
        return state

    def has_spike_train(self, dt: float) -> bool:
        """Whether `spike_train` is there for steps of `dt` seconds."""
        return False

    def spike_train(self, J: Array, state: State, dt: float, xp: Any = np) -> SpikeTrain:
        """The spikes under the constant current `J` in closed form, without a loop over time.

        Rounding differs from that of the loop, so the runtime uses it in float32 alone.
        """
        raise NotImplementedError(f"{self.kind} neurons need a loop over time; see has_spike_train().")

    def with_amplitude(self, amplitude: float) -> Self:
        """The same neuron with another amplitude."""
        return dataclasses.replace(self, amplitude=amplitude)  # pyright: ignore[reportType, reportArgumentType]

    def of_steps(self, dt: float) -> Self:
        """A neuron with the same steps of `dt` seconds and spikes of height 1, whatever its rates: one for many."""
        fields: Any = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        usual = {each.name: each.default for each in fields if each.name in self.rate_only}
        return dataclasses.replace(self, amplitude=dt, **usual)  # pyright: ignore[reportType, reportArgumentType]

    def parameters(self) -> dict[str, Any]:
        """The model's parameters by name: what a file has to hold besides the kind."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # pyright: ignore[reportArgumentType]


def with_tensors(owner: T, tensors: Mapping[str, Array]) -> T:
    """A neuron or synapse with tensors in the place of parameters, which nothing checks: for gradients by them."""
    found = copy.copy(owner)
    for name, value in tensors.items():
        object.__setattr__(found, name, value)
    return found


def exponentials(time_constant: Array, xp: Any) -> Any:
    """The namespace of exp and expm1 for a time constant: `math`, as in every export, where it is a number."""
    return math if is_number(time_constant) else xp


def check_tuning(max_rates: Array, intercepts: Array, rate_limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 arrays, after checking 0 < max_rates < rate_limit and intercepts < 1."""
    max_rates = np.asarray(max_rates, "float64")
    intercepts = np.asarray(intercepts, "float64")
    if not np.all(max_rates > 0):
        raise ParameterError(f"max_rates must be above 0 Hz. Received {_worst(max_rates, np.min)} Hz.")
    if not np.all(max_rates < rate_limit):
        raise ParameterError(
            f"max_rates must be below 1/tau_ref = {rate_limit:g} Hz, since a neuron is silent for tau_ref after each "
            f"spike. Received {_worst(max_rates, np.max)} Hz. Lower max_rates or shorten tau_ref."
        )
    if not np.all(intercepts < 1):
        raise ParameterError(
            f"intercepts must be below 1, the input at which max_rates is reached. Received "
            f"{_worst(intercepts, np.max)}."
        )
    return max_rates, intercepts


def as_tuples(value: Any) -> Any:
    """Nested lists as nested tuples: parameters per unit that a frozen neuron can hold."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


def linear_gain_bias(max_rates: Array, intercepts: Array) -> tuple[np.ndarray, np.ndarray]:
    """`Neuron.gain_bias` where the rate in Hz is the current."""
    max_rates, intercepts = check_tuning(max_rates, intercepts, math.inf)
    gain = max_rates / (1 - intercepts)
    return gain, -gain * intercepts


def linear_max_rates_intercepts(neuron: Neuron, gain: Array, bias: Array) -> tuple[np.ndarray, np.ndarray]:
    """`Neuron.max_rates_intercepts` where the rate in Hz is the current, up to a ceiling."""
    gain, bias = np.asarray(gain, "float64"), np.asarray(bias, "float64")
    return neuron.with_amplitude(1.0).rate(gain + bias), -bias / gain


def steps_as(neuron: Neuron, kind: type[N]) -> TypeGuard[N]:
    """Whether a neuron has the rate and the step of `kind`; one that inherits from it may have its own."""
    own: Any = type(neuron)
    return isinstance(neuron, kind) and own.step is kind.step and own.rate is kind.rate


def is_number(value: Any) -> bool:
    """Whether the value is one real number."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_whole(value: Any, least: int = 1) -> bool:
    """Whether the value is a whole number, of Python or NumPy, and not below `least`."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def check_numbers(owner: str, **values: Any) -> None:
    """Raise ParameterError unless every value is a number."""
    for name, value in values.items():
        if not is_number(value):
            raise ParameterError(f"{owner}: {name} must be a number. Received {value!r}.")


def check_positive(owner: str, **values: Any) -> None:
    """Raise ParameterError unless every value is a finite number above 0."""
    check_numbers(owner, **values)
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"{owner}: {name} must be a finite number above 0. Received {value!r}.")


def check_most(owner: str, max_spikes: Any, *, may_be_none: bool = True) -> None:
    """Raise ParameterError unless the most spikes of a step is a whole number above 0, or None for no end."""
    fine = may_be_none if max_spikes is None else is_number(max_spikes) and max_spikes >= 1 and max_spikes % 1 == 0
    if not fine:
        allowed = "None or a whole number" if may_be_none else "a whole number"
        raise ParameterError(f"{owner}: max_spikes must be {allowed} above 0. Received {max_spikes!r}.")


def _worst(values: np.ndarray, pick: Any) -> str:
    return "nan" if np.isnan(values).any() else f"{pick(values):g}"
