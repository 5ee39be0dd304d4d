"""Settings: one way each to convert, run and read a network, and their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from ...files.output import MARK, sealed
from ...files.writing import replacing
from ...graph import Filter, Population, SpikingGraph
from ...neurons import LIF
from ...neurons.base import steps_as
from ...neurons.synapses import Lowpass
from ..adaptation import Adaptation
from .readout import Readout

Synapses = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Setting:
    """One way to convert, run and read a network.

    Parameters
    ----------
    scale_firing_rates : float or None
        How many times as fast the neurons fire, for the same output. None: as calibration chooses.
    synapse : float, mapping of population name to float, or None
        Time constant of the lowpass behind the populations, in seconds; None: no synapse, or as calibration chooses.
    readout : Readout
    n_steps : int
    dt : float
        Length of a step, in seconds.
    calibrate_steps : int or None
        Steps that the network is calibrated for; see `snnconv.calibrate`. None: it is not.
    n_calibrated : int
        Samples, the first ones, that it is calibrated with.
    """

    scale_firing_rates: float | None
    synapse: Synapses
    readout: Readout
    n_steps: int
    dt: float
    calibrate_steps: int | None = None
    n_calibrated: int = 0

    @property
    def scale_text(self) -> str:
        """The rate scale for a table."""
        return "calibrated" if self.scale_firing_rates is None else f"{self.scale_firing_rates:g}"

    @property
    def synapse_text(self) -> str:
        """The synapse for a table."""
        if self.calibrate_steps is not None:
            return f"for {self.calibrate_steps}"
        if self.synapse is None:
            return "none"
        return f"{self.synapse * 1e3:g} ms" if isinstance(self.synapse, (int, float)) else "as given"

    def to_dict(self) -> dict[str, Any]:
        """The tables of a file of settings."""
        conversion: dict[str, Any] = {}
        if self.scale_firing_rates is not None:
            conversion["scale_firing_rates"] = float(self.scale_firing_rates)
        if self.calibrate_steps is not None:
            conversion |= {"calibrate_steps": self.calibrate_steps, "n_samples": self.n_calibrated}
        if self.synapse is not None:
            conversion["synapse"] = dict(self.synapse) if isinstance(self.synapse, Mapping) else float(self.synapse)
        readout = {key: value for key, value in vars(self.readout).items() if value}
        return {
            "conversion": conversion,
            "simulation": {"n_steps": self.n_steps, "dt": self.dt},
            "readout": readout,
        }


def apply(
    graph: SpikingGraph,
    scale: float | Mapping[str, float] | None = None,
    synapse: Synapses = None,
    *,
    dt: float | None = None,
    **changes: Any,
) -> SpikingGraph:
    """A graph with its rates scaled and with these synapses in the place of its own, refit and calibrated.

    Parameters
    ----------
    scale : float, mapping of population name to float, or None
        Above 0; see `snnconv.passes.scale_firing_rates`. None: 1, or what calibration chooses.
    synapse : float, mapping of population name to float, or None
        Time constant of the lowpass behind the populations, in seconds; None: no synapse, or, without a scale, what
        calibration chooses.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    **changes
        refit, tau_rc, tau_ref, calibrate and calibrate_steps as in `snnconv.convert`.
    """
    dt = graph.dt if dt is None else dt
    return Adaptation(scale, synapse, **changes).apply(without_synapses(graph), dt)


def without_synapses(graph: SpikingGraph) -> SpikingGraph:
    """The graph without the filters right behind its populations."""
    filters = {node.name: node.inputs[0] for node in graph.nodes if _is_synapse(graph, node)}
    return graph.replace((node for node in graph.nodes if node.name not in filters), filters) if filters else graph


def own_synapses(graph: SpikingGraph) -> tuple[Synapses, bool]:
    """The lowpasses behind a graph's populations, and whether there is another kind of filter."""
    filters = {node.inputs[0]: node.synapse for node in graph.nodes if isinstance(node, Filter)}
    filters = {name: synapse for name, synapse in filters.items() if name in graph.populations}
    others = any(not isinstance(synapse, Lowpass) for synapse in filters.values())
    taus = {name: synapse.tau for name, synapse in filters.items()}
    if others or not taus:
        return None, others
    is_one = set(taus) == set(graph.populations) and len(set(taus.values())) == 1
    return (next(iter(taus.values())) if is_one else taus), False


def notes(graph: SpikingGraph, scales: Iterable[float], dt: float) -> list[str]:
    """Remarks on scaled rates, where they are not exact in time steps."""
    rests = [view.neuron.tau_ref for view in graph.populations.values() if steps_as(view.neuron, LIF)]
    others = sorted({scale for scale in scales if scale != 1})
    if not rests or not others:
        return []
    found = [
        f"At scale {_listed(others)} LIF time constants are divided by the scale, which time steps follow only nearly."
    ]
    short = [scale for scale in others if min(rests) / scale < dt]
    if short:
        found.append(
            f"At scale {_listed(short)} tau_ref is {_listed([min(rests) / scale * 1e3 for scale in short])} ms, below "
            f"dt: neurons may spike several times in a step there, which hardware may not allow."
        )
    return found


def write_settings(
    path: str | os.PathLike[str],
    setting: Setting,
    comment: str = "",
    margin: float | None = None,
    data: str | os.PathLike[str] | None = None,
) -> None:
    """Write a setting to a TOML file that `snnconv.config.load_settings` reads.

    Parameters
    ----------
    comment : str
        Lines for the head of the file.
    margin : float or None
        Of early stopping.
    data : path or None
        The file of inputs that a calibrated setting was found with.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    ParameterError
        If the setting is calibrated and no data is given.
    """
    tables = setting.to_dict()
    if setting.calibrate_steps is not None:
        if data is None:
            raise ParameterError("the setting is calibrated: pass data=, the .npy or .npz file of the samples.")
        beside = os.path.relpath(data, Path(path).absolute().parent)
        tables["conversion"] = {"calibrate": Path(beside).as_posix(), **tables["conversion"]}
    if margin is not None:
        tables["early_stopping"] = {"margin": margin}
    lines = [f"# {line}".rstrip() for line in (*comment.splitlines(), f"The file is {MARK}.")]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    with replacing(path) as temporary:
        temporary.write_text(sealed("\n".join(lines).lstrip("\n") + "\n"), encoding="utf-8", newline="\n")


def _is_synapse(graph: SpikingGraph, node: Any) -> bool:
    return isinstance(node, Filter) and isinstance(graph[node.inputs[0]], Population)


def _listed(values: Sequence[float]) -> str:
    texts = [f"{value:.3g}" for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
