"""Settings of an exported program: the steps of a call, its answers, and the type of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ParameterError
from ...graph import SpikingGraph
from ...runtime.arguments import check_dt, check_steps
from ..target import Option

OPTIONS = (
    Option("batch_sizes", str, "1", "samples of a call; one program for each of several, as in 1,64"),
    Option("reduce", str, "mean", "outputs: their mean, the last step's, or every step's", ("mean", "last", "none")),
    Option("record", str, "rates", "given of every population beside them", ("rates", "spikes", "nothing")),
    Option("dtype", str, "float32", "type of the numbers; float32 may move a spike by a step", ("float32", "float64")),
    Option("precision", str, "float32", "of products on GPUs", ("float32", "tensorfloat32")),
    Option("platform", str, "cpu", "where the program is to be quick; it runs on all", ("cpu", "gpu")),
)


@dataclass(frozen=True)
class Calls:
    """Settings of a program, the same for every number of samples.

    Parameters
    ----------
    n_steps : int
        Steps by which a call advances the network.
    dt : float
        Length of a step, in seconds.
    varying : frozenset of str
        Inputs that vary in time, (n, n_steps, *input).
    reduce : str
        "mean" or "last": one answer per sample, behind softmax or the like where the model has it. "none": the
        outputs of every step, before that.
    record : str
        "rates" in Hz or "spikes" of every population, or "nothing".
    dtype : str
        "float32" or "float64".
    precision : str
        "float32"; "tensorfloat32" lets products on GPUs round their inputs to 10 bits of fraction.
    platform : str
        "cpu" or "gpu": where the program is quick. For GPUs, up to 25 steps of neurons are one kernel, and dense
        products of spikes are in float16, which holds spikes, and weights in two parts to 2^-23 of a channel's
        largest; in tensorfloat32 convolutions too, and weights in one part.
    """

    n_steps: int
    dt: float
    varying: frozenset[str] = frozenset()
    reduce: str = "mean"
    record: str = "rates"
    dtype: str = "float32"
    precision: str = "float32"
    platform: str = "cpu"

    def check(self, graph: SpikingGraph) -> None:
        """Raise ParameterError where a setting is out of its range, or does not fit the graph."""
        check_steps(self.n_steps, self.dt)
        check_dt(graph, self.dt)
        for option in OPTIONS:
            if hasattr(self, option.name):
                option.check(getattr(self, option.name))


def batch_sizes_of(text: str) -> tuple[int, ...]:
    """Numbers of samples in a text such as "1,64".

    Raises
    ------
    ParameterError
        If it has anything but whole numbers above 0.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 9 and int(part) > 0 for part in parts):
        raise ParameterError(f"--batch-sizes must be whole numbers above 0, as in 1,64. Received {text!r}.")
    return tuple(sorted({int(part) for part in parts}))


def calls_of(options: Mapping[str, Any], n_steps: int, dt: float, varying: frozenset[str]) -> Calls:
    """The settings that a target's options and its samples amount to."""
    return Calls(
        n_steps, dt, varying, **{name: options[name] for name in ("reduce", "record", "dtype", "precision", "platform")}
    )
