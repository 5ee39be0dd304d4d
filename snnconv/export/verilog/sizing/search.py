"""Lanes for each layer, as few as a device has place for and a time asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..stages import Stage
from ..timing import longest, sample_clocks, sources
from .cells import estimate
from .devices import DEVICES
from .estimates import Aim, Estimate


@dataclass(frozen=True, eq=False)
class Search:
    """A network whose lanes are to be chosen.

    Parameters
    ----------
    build : function (lanes) -> stages
    clocks : function (stages) -> (n_layers, n, n_steps) int array
        Of the golden samples.
    n_layers, n_steps : int
    varies : bool
        Whether every step has inputs of its own.
    """

    build: Callable[[Sequence[int]], tuple[Stage, ...]]
    clocks: Callable[[Sequence[Stage]], np.ndarray]
    n_layers: int
    n_steps: int
    varies: bool

    def estimate(self, stages: tuple[Stage, ...], aim: Aim) -> Estimate:
        """The estimate for a circuit at the clock of the aim."""
        cells = estimate(stages, aim.device.family)
        hertz = aim.hertz or cells.hertz
        if hertz is None:
            raise ValueError(f"{aim.device.name} needs a clock.")
        clocks = self.clocks(stages)
        more = self.n_steps - clocks.shape[-1]  # golden vectors of large networks are short: go on with the last step
        clocks = np.pad(clocks, ((0, 0), (0, 0), (0, more)), mode="edge")
        fed_by = sources(stages)
        mean = float(np.mean([sample_clocks(clocks[:, sample], fed_by) for sample in range(clocks.shape[1])]))
        return Estimate(aim.device, stages, cells, hertz, mean, longest(stages, self.n_steps, self.varies))

    def lanes(self, aim: Aim) -> Estimate:
        """The estimate with as few lanes as are in time, or with those that are fastest of what fits."""
        found = self.estimate(self.build([1] * self.n_layers), aim)
        while found.seconds > aim.seconds:
            wider = [self.estimate(stages, aim) for stages in self._wider(found.stages)]
            better = [each for each in wider if not each.too_much and each.seconds < found.seconds]
            if not better:
                break
            found = max(better, key=lambda each: _gain(found, each))
        return found

    def _wider(self, stages: tuple[Stage, ...]) -> list[tuple[Stage, ...]]:
        """Circuits in which one layer has more lanes, whose number divides that of its filters."""
        lanes, found = [stage.lanes for stage in stages], []
        for layer, stage in enumerate(stages):
            filters = int(stage.parameters["FILTERS"]) // int(stage.parameters["GROUPS"])
            for more in range(stage.lanes + 1, min(filters, stage.n_inputs) + 1):
                if filters % more == 0:
                    found.append(self.build([*lanes[:layer], more, *lanes[layer + 1 :]]))
        return found

    def elsewhere(self, aim: Aim) -> list[Estimate]:
        """Estimates for the other devices that meet the aim; where no clock is estimated, the aim must name one."""
        found = []
        for device in DEVICES.values():
            if device is not aim.device and (device.family.is_routed or aim.hertz):
                other = dataclasses.replace(aim, device=device)
                each = self.lanes(other)
                if other.is_met(each):
                    found.append(each)
        return found


def _gain(before: Estimate, after: Estimate) -> float:
    """Time that is gained for each cell more."""
    return (before.seconds - after.seconds) / max(after.cells.cells - before.cells.cells, 1)
