# pyright: reportMissingImports=false
"""Norse: a SequentialState lifted over time. LIFBoxCell is the neuron of its that has no synapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import norse.torch
import numpy as np
import torch
from norse.torch.functional.lif_box import LIFBoxParameters

from ..works import DT, TAU_RC, Work
from .torch_layers import channels_first, linear_layers


def build(work: Work) -> Callable[[], np.ndarray]:
    """The whole sequence in one call; it decays by Euler's rule."""
    *hidden, last = linear_layers(work)
    neuron = LIFBoxParameters(tau_mem_inv=torch.as_tensor(1 / TAU_RC))
    modules = []
    for linear in hidden:
        modules += [*linear, norse.torch.LIFBoxCell(neuron, dt=DT)]
    network = norse.torch.Lift(norse.torch.SequentialState(*modules, *last)).eval()

    @torch.no_grad()
    def run_batch(x: Any) -> np.ndarray:
        return network(x.expand(work.n_steps, *x.shape))[0].transpose(0, 1).numpy()

    return work.runner(run_batch, channels_first)
