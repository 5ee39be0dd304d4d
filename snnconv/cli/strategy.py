"""The option ``--strategy``: over which devices and machines a run is shared out."""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import DistributionError, ParameterError, one_line

STRATEGIES = ("mirrored", "multiworker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:9000", "10.0.0.2:9000"]}, "task": {"type": "worker", "index": 0}}'


def check_strategy(name: str | None) -> None:
    """Find out without TensorFlow that there is no such strategy, or no cluster for it.

    Raises
    ------
    ParameterError
        If so.
    """
    if name is not None and name not in STRATEGIES:
        raise ParameterError(f"--strategy must be {' or '.join(STRATEGIES)}. Received {name!r}.")
    if name == "multiworker":
        try:
            config = json.loads(os.environ["TF_CONFIG"])
            kind, index = config["task"]["type"], config["task"]["index"]
            config["cluster"][kind][index]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ParameterError(
                f"--strategy multiworker needs all workers, and which of them this is, in the environment variable "
                f"TF_CONFIG, such as {EXAMPLE}. Received {os.environ.get('TF_CONFIG')!r}."
            ) from error


def new_strategy(name: str | None) -> Any:
    """The tf.distribute strategy of that name, or None; the first thing that TensorFlow is used for.

    Raises
    ------
    DistributionError
        If it cannot be set up.
    """
    if name is None:
        return None
    from .quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    try:
        return tf.distribute.MirroredStrategy() if name == "mirrored" else tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise DistributionError(f"cannot set up the strategy '{name}': {one_line(error)}.") from error
