# pyright: reportMissingImports=false
"""SpikingJelly in multi-step mode: layer by layer over all steps. On a CPU it has only that of torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron

from ..works import DT, TAU_RC, Work
from .torch_layers import channels_first, linear_layers


def build(work: Work) -> Callable[[], np.ndarray]:
    """LIFNode with the exact decay and a reset to zero."""
    kinds = SimpleNamespace(
        Linear=partial(layer.Linear, step_mode="m"),
        Conv2d=partial(layer.Conv2d, step_mode="m"),
        Flatten=partial(layer.Flatten, step_mode="m"),
    )
    *hidden, last = linear_layers(work, kinds=kinds)
    time_constant = 1 / -math.expm1(-DT / TAU_RC)
    modules = []
    for linear in hidden:
        lif = neuron.LIFNode(tau=time_constant, decay_input=True, v_threshold=1.0, v_reset=0.0, step_mode="m")
        modules += [*linear, lif]
    network = torch.nn.Sequential(*modules, *last).eval()

    @torch.inference_mode()
    def run_batch(x: Any) -> np.ndarray:
        functional.reset_net(network)
        return network(x.expand(work.n_steps, *x.shape)).transpose(0, 1).numpy()

    return work.runner(run_batch, channels_first)
