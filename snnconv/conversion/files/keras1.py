"""Keras 1: other names for classes and arguments, and kernels laid out in other ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import ModelFileError

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
}

ARGUMENTS = {
    "output_dim": "units",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "pool_length": "pool_size",
    "stride": "strides",
    "length": "size",
    "p": "rate",
    "sigma": "stddev",
    "input_dtype": "dtype",
}
KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}

MARKS = {"nb_filter", "border_mode", "dim_ordering", "init", "W_regularizer", "subsample", "p", "input_dtype"}
RECURRENT_MARKS = {"inner_init", "inner_activation", "consume_less", "forget_bias_init"}


def speaks_keras1(config: Any) -> bool:
    """Whether arguments in a model's config are named as in Keras 1."""
    if isinstance(config, dict):
        return bool(MARKS & config.keys()) or any(map(speaks_keras1, config.values()))
    return isinstance(config, list) and any(map(speaks_keras1, config))


def translate(class_name: str, config: dict[str, Any], accepted: set[str], where: str) -> dict[str, Any]:
    """A layer's arguments under their later names; `accepted` holds the names that its class takes now.

    Raises
    ------
    ModelFileError
        If the layer does what no layer of this Keras does.
    """
    if RECURRENT_MARKS & config.keys():
        raise ModelFileError(f"{where} is a recurrent layer of Keras 1. It is not read, and it cannot be converted.")
    config = dict(config)
    for keys in KERNEL_SIZES:
        if all(key in config for key in keys):
            config["kernel_size"] = [config.pop(key) for key in keys]
    for old, new in ARGUMENTS.items():
        if old in config and old not in accepted and new in accepted:
            config[new] = config.pop(old)
    if config.get("data_format") in DATA_FORMATS:
        config["data_format"] = DATA_FORMATS[config["data_format"]]
    if class_name == "ZeroPadding2D" and isinstance(config.get("padding"), dict):
        sides = config["padding"]
        config["padding"] = [
            [sides.get(f"{side}_pad", 0) for side in pair] for pair in (("top", "bottom"), ("left", "right"))
        ]
    if class_name == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise ModelFileError(
            f"{where} normalises by the statistics of the batch at hand (mode 1 or 2 of Keras 1), so that it has no "
            f"fixed weights to convert. Train it with mode=0."
        )
    return config


def translate_merge(config: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Class and arguments of the layer that does what a Merge layer did.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    mode = config.get("mode")
    if "layers" in config or config.get("mode_type", "raw") != "raw" or mode not in MERGES:
        raise ModelFileError(
            f"{where} is a Merge layer of Keras 1 with mode={mode!r}"
            f"{' at the start of a Sequential' if 'layers' in config else ''}. Build the model with keras.Input and "
            f"layers such as Add and Concatenate, load the trained weights, and save it again."
        )
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "concat":
        kept["axis"] = config.get("concat_axis", -1)
    return MERGES[mode], kept


def check_theano(class_name: str, config: dict[str, Any], where: str) -> None:
    """Refuse a layer that Theano pads in another way than TensorFlow.

    Raises
    ------
    ModelFileError
        If padding 'same' puts more zeros in front with Theano, and more behind with TensorFlow.
    """
    size = config.get("kernel_size", config.get("pool_size"))
    if config.get("padding") != "same" or size is None:
        return
    strides = config.get("strides") or 1
    if any(k % 2 == 0 for k in _numbers(size)) or any(s != 1 for s in _numbers(strides)):
        raise ModelFileError(
            f"{where} was trained with Theano, whose padding 'same' differs from TensorFlow's where a size is even or "
            f"a stride is not 1. It would not compute the same here."
        )


def convert_kernel(kind: str, kernel: np.ndarray, layer: Any, is_keras1: bool, is_theano: bool) -> np.ndarray:
    """A weight of a layer as this Keras keeps it: (*window, channels, filters), for a correlation.

    Keras 1 kept kernels of channels-first layers as (filters, channels, *window), and those of Conv1D with an axis
    more. Theano convolves, so it turns kernels around; TensorFlow does not.
    """
    window = getattr(layer, "kernel_size", None)
    if window is None or "kernel" not in kind or kind == "pointwise_kernel":
        return kernel
    if is_keras1 and len(window) == 1 and kernel.ndim == 4:
        if kernel.shape[:2] != (window[0], 1):
            kernel = kernel.transpose(2, 3, 1, 0)
        kernel = kernel[:, 0]
    elif is_keras1 and layer.data_format == "channels_first" and kernel.ndim == len(window) + 2:
        kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    return np.flip(kernel, tuple(range(len(window)))) if is_theano else kernel


def _numbers(value: Any) -> Iterator[int]:
    yield from value if isinstance(value, (list, tuple)) else [value]
