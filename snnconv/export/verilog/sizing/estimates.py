"""An estimate of a circuit on a device: cells, clock, time and energy of a sample, and these in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ....errors import ParameterError
from ..stages import Stage
from .cells import Cells
from .devices import Device

PICOJOULES = 5.9 / 8, 1.5, 150.0
"""Of a logic cell in a clock, at these volts and nanometres: 5.9 uW per MHz for a Virtex-II CLB, which has 8 cells.

Shang, Kaviani, Bathala: Dynamic power consumption in Virtex-II FPGA family, FPGA 2002. Scaled with the square of the
voltage and with the size of a feature, as capacitances are.
"""


@dataclass(frozen=True)
class Aim:
    """A device and the time that a sample may take.

    Parameters
    ----------
    device : Device
    seconds : float
        For a sample, on average over the golden ones.
    hertz : float or None
        Clock that it runs at. None: the highest that is estimated.
    """

    device: Device
    seconds: float
    hertz: float | None = None

    def is_met(self, found: Estimate) -> bool:
        """Whether a circuit fits, can run at that clock and is in time."""
        return not found.too_much and found.seconds <= self.seconds


@dataclass(frozen=True, eq=False)
class Estimate:
    """Size and speed of a circuit on a device, before it is made.

    Parameters
    ----------
    device : Device
    stages : tuple of Stage
    cells : Cells
    hertz : float
        The clock that times are counted with.
    clocks : float
        Of a sample, on average over the golden ones.
    most_clocks : int
        Of a sample in which every input spikes at every step.
    """

    device: Device
    stages: tuple[Stage, ...]
    cells: Cells
    hertz: float
    clocks: float
    most_clocks: int

    @property
    def lanes(self) -> str:
        """Lanes as ``--lanes`` takes them."""
        return ",".join(str(stage.lanes) for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Of a sample, on average over the golden ones."""
        return self.clocks / self.hertz

    @property
    def joules(self) -> float:
        """Of the logic for a sample: the device's leakage and its pins are not in it."""
        pico, volts, nanometres = PICOJOULES
        family = self.device.family
        cell = pico * (family.volts / volts) ** 2 * family.nanometres / nanometres
        return 1e-12 * cell * self.cells.cells * self.clocks

    @property
    def too_much(self) -> list[str]:
        """Everything that the device has too little of, in words."""
        found = [f"{wanted:,} of {there:,} {name}" for name, wanted, there in self._counts() if wanted > there]
        if self.cells.hertz is not None and self.hertz > self.cells.hertz:
            found.append(f"{frequency(self.hertz)} of {frequency(self.cells.hertz)}")
        return found

    def to_dict(self) -> dict[str, object]:
        """It as plain data."""
        counts = {what: getattr(self.cells, what) for what in ("cells", "registers", "memories", "multipliers")}
        return {
            "device": self.device.name,
            "lanes": [stage.lanes for stage in self.stages],
            **counts,
            "hertz": self.cells.hertz,
            "clock": self.hertz,
            "clocks": self.clocks,
            "most_clocks": self.most_clocks,
            "seconds": self.seconds,
            "joules": self.joules,
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{wanted:,} of {there:,} {name}" for name, wanted, there in self._counts())
        clock = f", a clock of up to {frequency(self.cells.hertz)}" if self.cells.hertz else ""
        return (
            f"estimate for {self.device.title} with --lanes {self.lanes}: {counts}{clock}; at {frequency(self.hertz)} "
            f"a sample takes {duration(self.seconds)}, at most {duration(self.most_clocks / self.hertz)}, and "
            f"{energy(self.joules)} in its logic"
        )

    def _counts(self) -> list[tuple[str, int, int]]:
        device, cells = self.device, self.cells
        found = [
            (device.family.cell, cells.cells, device.cells),
            ("registers", cells.registers, device.registers),
            ("block RAMs", cells.memories, device.memories),
            ("multipliers", cells.multipliers, device.multipliers),
        ]
        return [each for each in found if any(each[1:])]


def frequency(hertz: float) -> str:
    """A clock rate, to three digits."""
    unit, name = (1e6, "MHz") if hertz >= 1e6 else (1e3, "kHz")
    return f"{hertz / unit:.3g} {name}"


def duration(seconds: float) -> str:
    """A time, to three digits."""
    unit, name = (1, "s") if seconds >= 1 else (1e-3, "ms") if seconds >= 1e-3 else (1e-6, "us")
    return f"{seconds / unit:.3g} {name}"


def energy(joules: float) -> str:
    """An energy, to two digits."""
    unit, name = (1e-3, "mJ") if joules >= 1e-3 else (1e-6, "uJ") if joules >= 1e-6 else (1e-9, "nJ")
    return f"{float(f'{joules / unit:.2g}'):g} {name}"


def quantity(text: str, flag: str, units: Mapping[str, float]) -> float:
    """A number with a unit, such as 1ms or 50MHz; without one it is in the first of the units."""
    for unit, factor in (*units.items(), ("", next(iter(units.values())))):
        if text.lower().endswith(unit.lower()):
            try:
                value = float(text[: len(text) - len(unit)]) * factor
            except ValueError:
                continue
            if value > 0 and math.isfinite(value):
                return value
    raise ParameterError(f"{flag} must be a number above 0 with a unit of {', '.join(units)}. Received {text!r}.")
