# pyright: reportMissingImports=false
"""snnTorch: the loop over the steps of its tutorials, with the first layer's product taken once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import snntorch
import torch

from ..works import DT, TAU_RC, Work
from .torch_layers import channels_first, linear_layers


def build(work: Work, compiled: bool = False) -> Callable[[], np.ndarray]:
    """snn.Leaky with a reset to zero; `compiled` puts `torch.compile` around the step."""
    decay = math.exp(-DT / TAU_RC)
    linear = [torch.nn.Sequential(*modules) for modules in linear_layers(work, scale=1 - decay)]
    neurons = [snntorch.Leaky(beta=decay, reset_mechanism="zero", reset_delay=False) for _ in linear[:-1]]

    def step(first: Any, voltages: list[Any]) -> tuple[Any, list[Any]]:
        spikes, new = first, []
        for k in range(len(neurons)):
            current = first if k == 0 else linear[k](spikes)
            spikes, voltage = neurons[k](current, voltages[k])
            new.append(voltage)
        return linear[-1](spikes), new

    advance: Any = torch.compile(step) if compiled else step

    @torch.inference_mode()
    def run_batch(x: Any) -> np.ndarray:
        first = linear[0](x)
        shapes = [(s[2], s[0], s[1]) if len(s) > 1 else s for s in work.shapes[:-1]]
        voltages, outputs = [torch.zeros((len(x), *shape)) for shape in shapes], []
        for _ in range(work.n_steps):
            output, voltages = advance(first, voltages)
            outputs.append(output)
        return torch.stack(outputs, 1).numpy()

    return work.runner(run_batch, channels_first)
