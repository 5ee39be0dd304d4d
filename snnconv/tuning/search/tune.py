"""The search: every network of a grid is run once, for the longest time, and read at every step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from ...errors import ConversionError, InputError, ParameterError
from ...graph import Inputs, SpikingGraph
from ...runtime.arguments import check_dt, check_steps
from ...runtime.classes import classes_of, n_classes_of
from ..doctor import Finding, doctor
from ..energy import Device, find_devices
from .candidates import Candidates
from .early import ProvenStopping, stop_early
from .readout import READOUTS, Readout
from .result import Tuning
from .setting import Setting, notes, own_synapses
from .sweep import Network, grid, sweep

SCALES = (0.5, 1.0, 2.0, 4.0)
SYNAPSES = (None, 0.002, 0.005, 0.01)
CALIBRATE = (10, 30)  # steps
MOST_CALIBRATED, CALIBRATED_SHARE, LEAST_CALIBRATED = 300, 0.25, 32  # samples to calibrate with
EXAMINED = 64  # samples that the doctor gets


def tune(
    graph: SpikingGraph,
    x: Any,
    y: Any = None,
    *,
    n_steps: int = 100,
    dt: float | None = None,
    scales: Iterable[float] = SCALES,
    synapses: Iterable[float | None] = SYNAPSES,
    readouts: Sequence[Readout] = READOUTS,
    calibrate: Iterable[int] = CALIBRATE,
    accuracy_drop: float = 0.5,
    prefer: Literal["steps", "energy"] = "steps",
    device: str | Device = "loihi",
    seed: int = 0,
    progress: bool | None = None,
) -> Tuning:
    """Choose the rate scale, synapse, readout and number of steps that need the fewest steps or the least energy.

    Each network, a scale with a synapse, is run once for `n_steps`; readouts and smaller numbers of steps are computed
    from the same run. The chosen setting has the fewest steps (or the least energy) among those whose accuracy is
    within `accuracy_drop` of that in rates, at its number of steps and at all larger ones that were tried. The loss
    that `candidates.expected_drop` estimates from all settings has to be within `accuracy_drop` too, so that no setting
    is chosen for luck with the samples. With many settings the accuracy of the chosen one is still too high;
    cross-validation says by how much.

    Parameters
    ----------
    graph : SpikingGraph
        Lowpasses behind its populations are one of the synapses to try.
    x : (n, *input) array, held constant, or (n, n_steps, *input) array
        A list or a dict of them where there are several inputs. Some hundreds of samples, which should not be used to
        report the accuracy afterwards: the choice fits them.
    y : (n,) array of class numbers, or None
        None: an answer counts as right if it is the answer in rates.
    n_steps : int
        Of the longest run.
    dt : float or None
        Length of a step, in seconds. None: that of the graph, `SpikingGraph.dt`.
    scales : iterable of float
        For `snnconv.passes.scale_firing_rates`; 1 is always tried.
    synapses : iterable of float or None
        Time constants of a lowpass behind every population, in seconds; None: no synapse.
    readouts : sequence of Readout
        A network that calibration chose a later first step for is read so too.
    calibrate : iterable of int
        Numbers of steps to calibrate the network for (`snnconv.calibrate`), each one more network to try, with a
        quarter of the samples, the first ones, at most 300. No accuracy counts those. No network is calibrated where
        there are fewer than 128 samples, inputs vary in time, or no population can be.
    accuracy_drop : float
        Points of accuracy that spikes may cost.
    prefer : str
        What to minimise, "steps" or "energy"; the other decides between equals.
    device : str or Device
        Whose energy counts; see `snnconv.accounting`.
    seed : int
        Of the parts of the samples for cross-validation, and of the halves for early stopping.
    progress : bool or None
        Show a progress bar on long runs. None: where standard error is a terminal.

    Returns
    -------
    Tuning
        Print it for its table.

    Raises
    ------
    InputError, ParameterError
        If the data or a parameter is out of range.
    """
    dt = graph.dt if dt is None else dt
    n_steps = check_steps(n_steps, dt)
    check_dt(graph, dt)
    calibrate = tuple(calibrate)
    if prefer not in ("steps", "energy"):
        raise ParameterError(f"prefer must be 'steps' or 'energy'. Received {prefer!r}.")
    if not accuracy_drop >= 0:
        raise ParameterError(f"accuracy_drop must be 0 points or more. Received {accuracy_drop!r}.")
    readouts = [each for each in readouts if each.skip < n_steps]
    if not readouts:
        raise ParameterError(f"every readout skips all {n_steps} steps. Raise n_steps, or pass one that skips fewer.")
    (chosen_device,) = find_devices(device)
    xs = graph.check_inputs(x, "float32", n_steps)
    truth, right = _truth(graph, xs, y)
    own, has_others = own_synapses(graph)
    is_stepped = any(view.neuron.only_dt is not None for view in graph.populations.values())
    networks = grid([1.0] if is_stepped else scales, synapses, own)  # other rates would need another dt
    n_few = _n_to_calibrate(graph, xs, calibrate)
    if n_few:
        networks += [Network(None, None, check_steps(steps, dt)) for steps in dict.fromkeys(calibrate)]
    few, xs = xs.part(slice(n_few)), xs.part(slice(n_few, None))
    truth, right = truth[n_few:], right[n_few:]
    found = sweep(graph, xs, truth, networks, few, readouts, n_steps, dt, chosen_device, progress)
    candidates = Candidates.of(found, right, dt, n_few)
    choices = candidates.choices(accuracy_drop)
    best = candidates.best(accuracy_drop, prefer)
    setting = candidates.settings[best]
    network = next(e for e in found if e.network.setting(setting.readout, setting.n_steps, dt, n_few) == setting)
    said = notes(graph, [each.scale for each in networks if each.scale is not None], dt)
    if n_few:
        said.append(f"{n_few} samples more, the first ones, were calibrated with; they are in no accuracy.")
    elif calibrate and xs.n * CALIBRATED_SHARE < LEAST_CALIBRATED:
        said.append(f"No network was calibrated: that takes {LEAST_CALIBRATED / CALIBRATED_SHARE:.0f} samples or more.")
    if is_stepped:
        said.append(f"Rates are not scaled: neurons that count in steps run in no dt but {dt:g} s.")
    if has_others:
        said.append("The graph's own synapses are not all lowpasses, and are not among those tried.")
    return Tuning(
        choices=tuple(choices),
        chosen=choices[best],
        baseline=next(c for c in choices if c.setting.n_steps == n_steps),
        reference_accuracy=float(right.mean()),
        cross_validated_accuracy=candidates.cross_validated(accuracy_drop, prefer, seed),
        accuracy_drop=accuracy_drop,
        device=chosen_device,
        ann_joules=found[0].ann_joules,
        curves={
            _labels(each.network.setting(readout, n_steps, dt, n_few)): each.leads[readout].accuracy
            for each in found
            for readout in each.leads
        },
        early=stop_early(network.leads[setting.readout], None, accuracy_drop=accuracy_drop, seed=seed),
        findings=tuple(_examined(graph, xs, truth, n_steps, dt)),
        notes=tuple(said),
        n_samples=len(truth),
        has_labels=y is not None,
        proven=_proven(network.graph, xs, n_steps, dt),
    )


def _truth(graph: SpikingGraph, xs: Inputs, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers to compare with, the answers of the rates where there are no labels; and where rates are right."""
    label = next(iter(graph.outputs))
    n_classes = n_classes_of(graph, label)
    if len(graph.outputs) != 1 or n_classes is None:
        raise InputError("tune takes networks with one output of one value per class, or of one sigmoid.")
    if xs.n < 2:
        raise InputError("tune needs two samples or more; some hundreds do well.")
    if y is not None:
        y = np.asarray(y)
        y = y[:, 0] if y.shape == (xs.n, 1) else y
        if y.shape != (xs.n,) or not np.isin(y, np.arange(n_classes)).all():
            raise InputError(f"y must hold one class number from 0 to {n_classes - 1} for each of the {xs.n} samples.")
    answers = classes_of(
        graph, label, graph.rate_output(xs.means()), is_read=True
    )  # the means, as rates do not vary in time
    truth = answers if y is None else y
    return truth, answers == truth


def _proven(graph: SpikingGraph, xs: Inputs, n_steps: int, dt: float) -> ProvenStopping | None:
    """Stops by proof, for the mean of all steps under inputs that are held, of more than one output value."""
    if xs.varying or math.prod(graph[next(iter(graph.outputs.values()))].shape) < 2:
        return None
    from ..certify import settled_steps  # imports TensorFlow

    try:
        return ProvenStopping(settled_steps(graph, xs, dt), n_steps)
    except ConversionError:  # of neurons that keep no account, as those of LIF: nothing is proven of them
        return None


def _examined(graph: SpikingGraph, xs: Inputs, truth: np.ndarray, n_steps: int, dt: float) -> list[Finding]:
    """Findings of the doctor, for inputs that are held."""
    if xs.varying:
        return []
    return doctor(graph, xs.part(slice(EXAMINED)), truth[:EXAMINED], n_steps, dt, progress=False)


def _n_to_calibrate(graph: SpikingGraph, xs: Inputs, calibrate: Iterable[int]) -> int:
    """Number of samples to calibrate with; 0 where that cannot be."""
    from ..calibrate import can_be_calibrated

    n = min(int(xs.n * CALIBRATED_SHARE), MOST_CALIBRATED)
    return 0 if xs.varying or n < LEAST_CALIBRATED or not tuple(calibrate) or not can_be_calibrated(graph) else n


def _labels(setting: Setting) -> tuple[str, str, str]:
    return setting.scale_text, setting.synapse_text, str(setting.readout)
