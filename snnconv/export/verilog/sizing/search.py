"""Lanes for each layer, as few as a device has place for and a time asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..stages import Stage
from ..timing import longest, mean_clocks
from .cells import estimate
from .estimates import Aim, Estimate

FEWER_BITS = (6, 4, 3, 2)


@dataclass(frozen=True, eq=False)
class Search:
    """A network whose lanes are to be chosen.

    Parameters
    ----------
    build : function (lanes, deepest) -> stages
        `deepest` is the most rows of a block of memory.
    clocks : function (stages) -> (n_layers, n, n_steps) int array
        Of the golden samples.
    n_layers, n_steps : int
    varies : bool
        Whether every step has inputs of its own.
    bits : int
        Of a weight.
    with_bits : function (bits) -> Search
        The same network with other weights.
    """

    build: Callable[[Sequence[int], int], tuple[Stage, ...]]
    clocks: Callable[[Sequence[Stage]], np.ndarray]
    n_layers: int
    n_steps: int
    varies: bool
    bits: int
    with_bits: Callable[[int], Search]

    def estimate(self, stages: tuple[Stage, ...], aim: Aim) -> Estimate:
        """The estimate for a circuit at the clock of the aim."""
        cells = estimate(stages, aim.device.family)
        hertz = aim.hertz or cells.hertz
        if hertz is None:
            raise ValueError(f"{aim.device.name} needs a clock.")
        clocks = self.clocks(stages)
        more = self.n_steps - clocks.shape[-1]  # golden vectors of large networks are short: go on with the last step
        clocks = np.pad(clocks, ((0, 0), (0, 0), (0, more)), mode="edge")
        return Estimate(
            aim.device, stages, cells, hertz, mean_clocks(clocks, stages), longest(stages, self.n_steps, self.varies)
        )

    def lanes(self, aim: Aim) -> Estimate:
        """The estimate with as few lanes as are in time, or with those that are fastest of what fits."""
        found = self.estimate(self.build([1] * self.n_layers, aim.device.family.deepest), aim)
        while found.seconds > aim.seconds:
            wider = [self.estimate(stages, aim) for stages in self._wider(found.stages, aim)]
            better = [each for each in wider if each.is_possible and each.seconds < found.seconds]
            if not better:
                break
            found = max(better, key=lambda each: _gain(found, each))
        return found

    def _wider(self, stages: tuple[Stage, ...], aim: Aim) -> list[tuple[Stage, ...]]:
        """Circuits in which one layer has more lanes, whose number divides that of its filters."""
        lanes, found = [stage.lanes for stage in stages], []
        for layer, stage in enumerate(stages):
            filters = int(stage.parameters["FILTERS"]) // int(stage.parameters["GROUPS"])
            for more in range(stage.lanes + 1, min(filters, stage.n_inputs) + 1):
                if filters % more == 0:
                    wider = [*lanes[:layer], more, *lanes[layer + 1 :]]
                    found.append(self.build(wider, aim.device.family.deepest))
        return found

    def elsewhere(self, aim: Aim) -> list[Estimate]:
        """Estimates for other devices that meet the aim, the smallest of each family.

        Where the clock of a device is not estimated, the aim must name one.
        """
        found: dict[str, Estimate] = {}
        for device in aim.devices:
            if device is not aim.device and device.family.name not in found and (device.family.is_routed or aim.hertz):
                other = dataclasses.replace(aim, device=device)
                each = self.lanes(other)
                if other.is_met(each):
                    found[device.family.name] = each
        return list(found.values())

    def bits_that_do(self, aim: Aim) -> int | None:
        """The most bits of a weight below its own with which the aim is met."""
        fewer = [bits for bits in FEWER_BITS if bits < self.bits]
        return next((bits for bits in fewer if aim.is_met(self.with_bits(bits).lanes(aim))), None)


def _gain(before: Estimate, after: Estimate) -> float:
    """Time that is gained for each cell more."""
    return (before.seconds - after.seconds) / max(after.cells.cells - before.cells.cells, 1)
