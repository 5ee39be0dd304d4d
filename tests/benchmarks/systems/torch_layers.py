# pyright: reportMissingImports=false
"""The works' layers as torch modules, shared by the systems built on torch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from ..works import Layer, Work

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def linear_layers(work: Work, scale: float = 1.0, kinds: Any = torch.nn) -> list[list[Any]]:
    """The modules in front of each population, and those of the output: a flattening one where needed, and the layer.

    Parameters
    ----------
    scale : float
        Factor of kernels and biases of all but the last layer, for neurons that do not scale their input by 1 - decay.
    kinds : module or namespace with Linear, Conv2d and Flatten
    """
    modules, shape = [], work.x.shape[1:]
    for layer in work.layers:
        factor = 1.0 if layer is work.layers[-1] else scale
        flatten = [kinds.Flatten()] if len(shape) > 1 and not layer.is_convolution else []
        modules.append([*flatten, _linear(layer, shape, factor, kinds)])
        shape = layer.output_shape(shape)
    return modules


def channels_first(x: np.ndarray) -> Any:
    """The samples as torch wants them."""
    tensor = torch.from_numpy(x)
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.ndim == 4 else tensor


def _linear(layer: Layer, shape: tuple[int, ...], factor: float, kinds: Any) -> Any:
    kernel = layer.kernel * np.float32(factor)
    if layer.is_convolution:
        window, _, channels, filters = kernel.shape
        # torch pads both sides alike: where Keras pads one side more, the image moves by a pixel
        padding = window // 2 if layer.padding == "same" else 0
        module = kinds.Conv2d(channels, filters, window, layer.stride, padding)
        kernel = kernel.transpose(3, 2, 0, 1)
    else:
        module = kinds.Linear(*kernel.shape)
        if len(shape) > 1:  # rows in the order of (channels, height, width)
            kernel = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        kernel = kernel.T
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
        module.bias.copy_(torch.from_numpy(layer.bias * np.float32(factor)))
    return module
