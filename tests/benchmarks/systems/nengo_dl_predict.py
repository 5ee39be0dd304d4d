# pyright: reportMissingImports=false, reportArgumentType=false
"""NengoDL through `Simulator.predict`, as its users run it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import nengo
import nengo_dl
import numpy as np

from ..works import DT, TAU_RC, TAU_REF, Layer, Work

warnings.simplefilter("ignore")
logging.getLogger("tensorflow").setLevel(logging.ERROR)


def build(work: Work, unroll: int = 10) -> Callable[[], np.ndarray]:
    """Without training, probes of the last layer only.

    Parameters
    ----------
    unroll : int
        Steps that a pass of its compiled loop holds. 10 was the fastest of 1, 5, 10 and 25 or within the noise of it.
    """
    with nengo.Network(seed=0) as network:
        nengo_dl.configure_settings(stateful=False, inference_only=True, trainable=False)
        pixels = nengo.Node(np.zeros(work.x[0].size))
        neuron = nengo.LIF(  # Nengo starts at random voltages unless told otherwise
            tau_rc=TAU_RC, tau_ref=TAU_REF, amplitude=DT, initial_state={"voltage": nengo.dists.Choice([0])}
        )
        source, shape = pixels, work.x.shape[1:]
        for layer in work.layers:
            transform, n, bias = _transform(layer, shape)
            if layer is work.layers[-1]:
                target = nengo.Node(size_in=n)
                if bias.any():
                    nengo.Connection(nengo.Node(bias), target, synapse=None)
            else:
                target = nengo.Ensemble(n, 1, gain=np.ones(n), bias=bias, neuron_type=neuron).neurons
            nengo.Connection(source, target, transform=transform, synapse=None)
            source, shape = target, layer.output_shape(shape)
        probe = nengo.Probe(source)
    simulator = nengo_dl.Simulator(
        network,
        minibatch_size=work.batch,
        unroll_simulation=unroll if work.n_steps % unroll == 0 else 1,
        progress_bar=False,
    )

    def over_time(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.tile(x.reshape(len(x), 1, -1), (1, work.n_steps, 1)))

    def run_batch(x: np.ndarray) -> np.ndarray:
        return simulator.predict(x, n_steps=work.n_steps, verbose=0)[probe]

    return work.runner(run_batch, over_time)


def _transform(layer: Layer, shape: tuple[int, ...]) -> tuple[Any, int, np.ndarray]:
    """The connection's transform, how many units it leads to, and their biases."""
    if not layer.is_convolution:
        return layer.kernel.T, layer.kernel.shape[1], layer.bias
    transform = nengo.Convolution(
        layer.kernel.shape[-1],
        shape,
        strides=(layer.stride,) * 2,
        kernel_size=layer.kernel.shape[:2],
        padding=layer.padding,
        init=layer.kernel,
    )
    n = int(transform.output_shape.size)
    return transform, n, np.tile(layer.bias, n // layer.bias.size)
