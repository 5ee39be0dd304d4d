# pyright: reportMissingImports=false
"""Sinabs: LIFSqueeze layers, each over all steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sinabs
import torch
from sinabs.activation import MembraneReset, SingleSpike
from sinabs.layers import LIFSqueeze

from ..works import DT, TAU_RC, Work
from .torch_layers import channels_first, linear_layers


def build(work: Work) -> Callable[[], np.ndarray]:
    """One spike a step, and a reset to zero."""
    *hidden, last = linear_layers(work)
    modules = []
    for linear in hidden:
        neurons = LIFSqueeze(
            tau_mem=TAU_RC / DT, spike_fn=SingleSpike, reset_fn=MembraneReset(), num_timesteps=work.n_steps
        )
        modules += [*linear, neurons]
    network = torch.nn.Sequential(*modules, *last).eval()

    @torch.no_grad()
    def run_batch(x: Any) -> np.ndarray:
        sinabs.reset_states(network)
        output = network(x.repeat_interleave(work.n_steps, 0))  # samples first, then steps
        return output.reshape(len(x), work.n_steps, -1).numpy()

    return work.runner(run_batch, channels_first)
