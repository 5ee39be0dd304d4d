"""The circuit that the options ask for: lanes that are given or searched for; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....errors import ExportError, ParameterError
from ....text.plain import first_of
from ...target import Settings
from ..boards import BOARDS
from ..stages import Stage
from .devices import DEVICES
from .estimates import Aim, Estimate, duration, frequency, quantity
from .search import Search

TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
RATES = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6}


@dataclass(frozen=True)
class Choice:
    """A circuit, with the estimate for the device that it is chosen for, if there is one, and notes on it."""

    stages: tuple[Stage, ...]
    estimate: Estimate | None = None
    notes: tuple[str, ...] = ()


def aim_of(settings: Settings) -> Aim | None:
    """The device, the time and the clock that the options ask for. None: they name no device.

    Raises
    ------
    ParameterError
        If they contradict each other.
    """
    options = settings.options
    board, name = BOARDS.get(options["board"]), options["device"]
    latency = quantity(options["latency"], "--latency", TIMES) if options["latency"] else None
    hertz = quantity(options["clock"], "--clock", RATES) if options["clock"] else None
    if board is not None:
        if name not in ("none", *board.devices):
            raise ParameterError(f"--board {board.name} has --device {first_of(board.devices, ' or ')}, not {name}.")
        name = board.devices[0] if name == "none" else name
        if hertz not in (None, board.clock):
            raise ParameterError(f"--board {board.name} has a clock of {frequency(board.clock)}. Leave out --clock.")
        hertz = float(board.clock)
    others = tuple(DEVICES.values()) if board is None else tuple(DEVICES[each] for each in board.devices)
    if name == "none":
        if latency or hertz:
            raise ParameterError("--latency and --clock need the --device that they are meant for.")
        return None
    device = DEVICES[name]
    if hertz is None and not device.family.is_routed:
        raise ParameterError(f"there is no estimate of the clock of {device.title}: name one, as in --clock 100MHz.")
    return Aim(device, latency or settings.n_steps * settings.dt, hertz, others)


def choose(search: Search, given: Sequence[int] | None, aim: Aim | None, is_asked: bool, seconds: float) -> Choice:
    """The circuit with the given lanes, or those that the aim needs.

    Parameters
    ----------
    given : sequence of int, or None
        Lanes of each layer. None: the aim decides, and without one there is one lane.
    is_asked : bool
        Whether the time of the aim is to be kept. It is real time otherwise, which a note speaks of.
    seconds : float
        Real time for a sample.

    Raises
    ------
    ExportError
        If the circuit does not fit the device, or is not in time; it says what would be.
    """
    if aim is None:
        return Choice(search.build([1] * search.n_layers if given is None else given, 0))
    found = search.lanes(aim) if given is None else search.estimate(search.build(given, aim.device.family.deepest), aim)
    best = found if given is None or aim.is_met(found) else search.lanes(aim)
    device = aim.device.title
    if found.too_much:
        said = (
            f"the network does not fit {device} with --lanes {found.lanes}, as estimated: {', '.join(found.too_much)}"
        )
        raise ExportError(f"{said}. {_advice(search, aim, found, best, 'It fits')}")
    if found.is_too_fast and found.cells.hertz is not None:
        raise ExportError(
            f"--clock {frequency(found.hertz)} is above the {frequency(found.cells.hertz)} that are estimated for "
            f"{device} with --lanes {found.lanes}. Lower it, or leave it out."
        )
    if is_asked and found.seconds > aim.seconds:
        said = f"a sample takes {duration(found.seconds)} on {device} with --lanes {found.lanes}, as estimated"
        advice = _advice(search, aim, found, best, "It does")
        raise ExportError(f"{said}, not {duration(aim.seconds)}. {advice}".rstrip())
    notes = [str(found)]
    if found.most_clocks / found.hertz <= seconds:
        notes.append(f"this is real time, {duration(seconds)} for a sample, whatever the input")
    elif found.seconds <= seconds:
        notes.append(f"this is real time, {duration(seconds)} for a sample, but not where every input always spikes")
    else:
        real = replace(aim, seconds=seconds)
        advice = _advice(search, real, found, best if aim.seconds == seconds else search.lanes(real), "it does")
        notes.append(f"this does not reach real time, {duration(seconds)} for a sample: {advice}".rstrip(".: "))
    return Choice(found.stages, found, tuple(notes))


def _advice(search: Search, aim: Aim, found: Estimate, best: Estimate, verb: str) -> str:
    """Lanes, devices and bits that meet the aim, as a sentence; `best` is what this device can do."""
    if aim.is_met(best):
        return f"{verb} with --lanes {best.lanes}."
    ways = [f"--device {each.device.name} --lanes {each.lanes}" for each in search.elsewhere(aim)]
    fewer = search.bits_that_do(aim) if found.too_much else None
    if fewer is not None:
        ways.append(f"--bits {fewer}, whose cost 'snnconv quantize' measures")
    if ways:
        return f"{verb} with {first_of(ways, ' or ')}."
    if best.too_much:
        unknown = "" if aim.hertz else ", of those whose clock is estimated; for the others name a --clock"
        return f"No other device is large enough and in time, and no fewer --bits are enough{unknown}."
    return "" if best is found else f"The fastest here is {duration(best.seconds)}, with --lanes {best.lanes}."
