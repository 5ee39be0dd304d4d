"""The sweep: every network of a grid is run once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError
from ...graph import Inputs, SpikingGraph
from ...runtime.classes import class_scores
from ...text.progress import track
from ..energy import Device
from ..energy.measure import Structure, measure, report
from .early import Leads, leads
from .readout import Readout
from .setting import Setting, Synapses, apply

CHECKPOINTS = 20  # numbers of steps at which energy is counted


@dataclass(frozen=True)
class Network:
    """A network of the grid: the graph as given, with a rate scale and a synapse, or calibrated.

    Parameters
    ----------
    scale : float or None
        None: as calibration chooses.
    synapse : float, mapping of population name to float, or None
    calibrate_steps : int or None
        Steps to calibrate for. None: it is not calibrated.
    """

    scale: float | None
    synapse: Synapses = None
    calibrate_steps: int | None = None

    def setting(self, readout: Readout, n_steps: int, dt: float, n_calibrated: int) -> Setting:
        """The network as it is run and read."""
        n = 0 if self.calibrate_steps is None else n_calibrated
        return Setting(self.scale, self.synapse, readout, n_steps, dt, self.calibrate_steps, n)

    def of(self, graph: SpikingGraph, few: Inputs, dt: float) -> SpikingGraph:
        """The network made of a graph; `few` are the samples to calibrate with."""
        steps = self.calibrate_steps
        calibrated = {} if steps is None else {"calibrate": few, "calibrate_steps": steps}
        return apply(graph, self.scale, self.synapse, dt=dt, **calibrated)


@dataclass(frozen=True, eq=False)
class Measured:
    """One network, run for the longest time.

    Parameters
    ----------
    network : Network
    graph : SpikingGraph
        The network as it was run.
    leads : mapping of Readout to Leads
    checkpoints : tuple of int
        Numbers of steps.
    joules, spikes_per_neuron : (checkpoints,) arrays
    ann_joules : float or None
    """

    network: Network
    graph: SpikingGraph
    leads: Mapping[Readout, Leads]
    checkpoints: tuple[int, ...]
    joules: np.ndarray
    spikes_per_neuron: np.ndarray
    ann_joules: float | None


def grid(scales: Iterable[float], synapses: Iterable[Synapses], own: Synapses) -> list[Network]:
    """The networks to run; the one that was given, at scale 1 with its own synapses, first.

    Raises
    ------
    ParameterError
        If a scale or a time constant is not above 0.
    """
    scales, synapses = list(dict.fromkeys(map(float, scales))), [own, *(s for s in synapses if s != own)]
    for what, values in (("scale", scales), ("synapse", [s for s in synapses if isinstance(s, (int, float))])):
        bad = next((value for value in values if not (math.isfinite(value) and value > 0)), None)
        if bad is not None:
            raise ParameterError(f"a {what} must be above 0{', or None' * (what == 'synapse')}. Received {bad!r}.")
    return [Network(scale, synapse) for scale in [1.0, *(s for s in scales if s != 1)] for synapse in synapses]


def sweep(
    graph: SpikingGraph,
    xs: Inputs,
    truth: np.ndarray,
    networks: Sequence[Network],
    few: Inputs,
    readouts: Sequence[Readout],
    n_steps: int,
    dt: float,
    device: Device,
    progress: bool | None = None,
) -> list[Measured]:
    """Run each network once and read it at every step.

    Parameters
    ----------
    xs : Inputs
    truth : (n,) array of class numbers
    few : Inputs
        Samples to calibrate with.
    """
    from ...runtime.simulator import Simulator

    n = len(truth)
    length = math.ceil(n_steps / CHECKPOINTS)
    checkpoints = tuple(sorted({*range(length, n_steps + 1, length), n_steps}))
    structure, constant = Structure.of(graph), not xs.varying
    n_neurons = max(sum(structure.n_neurons.values()), 1)
    found = []
    with track(len(networks) * n, progress, what=f"running {len(networks)} networks", unit="samples") as advance:
        for network in networks:
            simulator = Simulator(network.of(graph, few, dt), dt, progress=False)
            activity = measure(simulator, xs, n_steps, checkpoints, advance=advance)
            own = Readout.of(simulator.graph.reading.within(n_steps))  # as calibration chose
            read = [own, *(each for each in readouts if each != own)] if own != Readout() else readouts
            scores = class_scores(graph, next(iter(graph.outputs)), activity.output)
            reports = [
                report(structure, activity, (device,), dt, n_samples=n, constant=constant, at=at)
                for at in range(len(checkpoints))
            ]
            found.append(
                Measured(
                    network,
                    simulator.graph,
                    {readout: leads(readout.read(scores, dt), truth, readout.n_counted(n_steps)) for readout in read},
                    checkpoints,
                    np.array([each.joules(device) for each in reports]),
                    np.array([each.spikes / n_neurons for each in reports]),
                    reports[-1].ann_joules(device),
                )
            )
    return found
