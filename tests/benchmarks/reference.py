"""The works as a plain NumPy loop over time: what every system of the same neuron has to give.

The neuron is Nengo's LIF, with its exponential and its logarithm, and shares no code with snnconv.
"""

from __future__ import annotations

import numpy as np

from .works import DT, TAU_RC, TAU_REF, Layer, Work


def run(work: Work) -> tuple[np.ndarray, list[float]]:
    """Output at every step, or its mean if that is the work's, and the density of each layer's spikes.

    Returns
    -------
    output : (n, n_steps, n_out) or (n, n_out) float64 array
    densities : list of float
        Mean share of the neurons that spike in a step, one per layer of neurons.
    """
    *hidden, last = work.layers
    first = apply(hidden[0], work.x.astype("float64"))
    states = [(np.zeros((len(work.x), *shape)), np.zeros((len(work.x), *shape))) for shape in work.shapes[:-1]]
    outputs, densities = [], np.zeros(len(hidden))
    for _ in range(work.n_steps):
        spikes = first
        for k in range(len(hidden)):
            current = first if k == 0 else apply(hidden[k], spikes)
            spikes, states[k] = lif(current, *states[k])
            densities[k] += spikes.mean() / work.n_steps
        outputs.append(apply(last, spikes))
    output = np.stack(outputs, 1)
    return output.mean(1) if work.mean_only else output, densities.tolist()


def lif(current: np.ndarray, voltage: np.ndarray, refractory: np.ndarray) -> tuple[np.ndarray, tuple]:
    """One step; `refractory` is the time in seconds until the neuron takes input again."""
    refractory = refractory - DT  # before the step makes use of it: after it, the period would be one step longer
    free = np.clip(DT - refractory, 0, DT)
    voltage = voltage - (current - voltage) * np.expm1(-free / TAU_RC)
    spiked = voltage > 1
    drive = np.where(spiked, current - 1, 1.0)
    late = TAU_RC * np.log1p(-np.where(spiked, voltage - 1, 0.0) / drive)
    refractory = np.where(spiked, TAU_REF + DT + late, refractory)
    return spiked.astype("float64"), (np.where(spiked, 0.0, np.maximum(voltage, 0)), refractory)


def apply(layer: Layer, x: np.ndarray) -> np.ndarray:
    """The layer's product and bias."""
    if not layer.is_convolution:
        return x.reshape(len(x), -1) @ layer.kernel + layer.bias
    window, stride = layer.kernel.shape[0], layer.stride
    height, width, filters = layer.output_shape(x.shape[1:])
    if layer.padding == "same":
        missing = [(out - 1) * stride + window - n for out, n in ((height, x.shape[1]), (width, x.shape[2]))]
        x = np.pad(x, ((0, 0), *((max(m, 0) // 2, -(-max(m, 0) // 2)) for m in missing), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(x, (window, window), (1, 2))
    patches = patches[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3).reshape(len(x) * height * width, -1)
    return (patches @ layer.kernel.reshape(-1, filters) + layer.bias).reshape(len(x), height, width, filters)


def share_of_wrong(output: np.ndarray, expected: np.ndarray) -> float:
    """Share of the output's numbers that are off by more than a thousandth of their spread.

    Two systems with the same neuron differ by the few spikes that rounding moves to the next step.
    """
    return float(np.mean(np.abs(output - expected) > 1e-3 * expected.std()))
