"""An estimate of a circuit on a device: cells, clock, time and energy of a sample, and these in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ....errors import ParameterError
from ....text.plain import joules
from ..stages import Stage
from .cells import Cells
from .devices import COUNTS, DEVICES, Device

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
    devices : tuple of Device
        Those that could take its place.
    """

    device: Device
    seconds: float
    hertz: float | None = None
    devices: tuple[Device, ...] = tuple(DEVICES.values())

    def is_met(self, found: Estimate) -> bool:
        """Whether a circuit fits, is in time, and can run at that clock where one is estimated."""
        return found.is_possible and found.seconds <= self.seconds


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
        return [f"{wanted:,} of {there:,} {name}" for name, wanted, there in self._counts() if wanted > there]

    @property
    def is_too_fast(self) -> bool:
        """Whether the clock is above the highest that is estimated."""
        return self.cells.hertz is not None and self.hertz > self.cells.hertz

    @property
    def is_possible(self) -> bool:
        """Whether it fits and can run at its clock."""
        return self.cells.fits(self.device) and not self.is_too_fast

    def to_dict(self) -> dict[str, object]:
        """It as plain data."""
        counts = {what: getattr(self.cells, what) for what in COUNTS}
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
            f"{joules(self.joules)} in its logic"
        )

    def _counts(self) -> list[tuple[str, int, int]]:
        names = (self.device.family.cell, "registers", "block RAMs", "multipliers")
        found = [
            (name, getattr(self.cells, what), getattr(self.device, what))
            for name, what in zip(names, COUNTS, strict=True)
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
