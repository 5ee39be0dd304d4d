"""What a run is given: arrays, or batches that come one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph import SpikingGraph

Arrays = dict[str, np.ndarray]
Part = tuple[Arrays, np.ndarray | None]


class Samples:
    """Inputs by name, and targets where there are any, in parts of any size.

    Parameters
    ----------
    x : array, list or dict of arrays; or a tf.data.Dataset, a keras.utils.PyDataset, or a generator
        The latter three give batches: x, or (x, y) as for `model.fit`. They are read once, a part at a time.
    y : array or None
        Targets of the arrays.

    Attributes
    ----------
    n : int or None
        How many there are. None: not known beforehand.
    at_first : int
        How many the first batch has.
    targets : array or None
        The first batch's.
    varying : frozenset of str
        Inputs that vary in time.

    Raises
    ------
    InputError
        If the data do not fit the graph.
    """

    def __init__(self, graph: SpikingGraph, x: Any, n_steps: int, dtype: str, y: Any = None):
        self._graph, self._n_steps, self._dtype = graph, n_steps, dtype
        self.n: int | None = None
        batches = _batches(x)
        if batches is None:
            first = self._checked(x, y)
            self.n = _length(first)
            self._blocks: Iterator[Part] = iter([first])
        else:
            if y is not None:
                raise InputError("y must be None where x gives batches: let it give (x, y).")
            blocks = (self._checked(*_x_and_y(batch)) for batch in batches)
            try:
                first = next(blocks)
            except StopIteration:
                raise InputError("x gives no batches.") from None
            self._blocks = chain([first], blocks)
        self.targets = first[1]
        self.at_first = _length(first)
        self.varying = frozenset(node.name for node in graph.inputs if first[0][node.name].ndim > len(node.shape) + 1)

    def parts(self, size: int) -> Iterator[Part]:
        """The samples in parts of `size`; the last may be smaller. They can be read once."""
        kept: list[Part] = []
        n_kept = 0
        for block in self._blocks:
            kept.append(block)
            n_kept += _length(block)
            if n_kept >= size:
                whole = _join(kept)
                for start in range(0, n_kept - size + 1, size):
                    yield _cut(whole, slice(start, start + size))
                kept = [_cut(whole, slice(n_kept - n_kept % size, None))]
                n_kept %= size
        if n_kept:
            yield _join(kept)

    def _checked(self, x: Any, y: Any) -> Part:
        xs = self._graph.check_inputs(x, self._dtype, self._n_steps)
        if y is not None:
            y = np.asarray(y)
            if len(y) != _length((xs, None)):
                raise InputError(f"x has {_length((xs, None))} samples, y has {len(y)}.")
        return xs, y


def _batches(x: Any) -> Iterator[Any] | None:
    """Batches one after the other, or None where `x` holds arrays."""
    if hasattr(x, "as_numpy_iterator"):
        return x.as_numpy_iterator()
    if hasattr(x, "on_epoch_end"):
        return (x[index] for index in range(len(x)))
    return x if isinstance(x, Iterator) else None


def _x_and_y(batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, tuple):
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None


def _length(part: Part) -> int:
    return len(next(iter(part[0].values())))


def _join(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    xs, ys = zip(*parts, strict=True)
    joined = {name: np.concatenate([x[name] for x in xs]) for name in xs[0]}
    return joined, None if ys[0] is None else np.concatenate(ys)


def _cut(part: Part, samples: slice) -> Part:
    xs, y = part
    return {name: array[samples] for name, array in xs.items()}, None if y is None else y[samples]


def take(state: Mapping[str, Any], samples: slice) -> dict[str, Any]:
    """The state of some of the samples."""
    return {node: {key: value[samples] for key, value in each.items()} for node, each in state.items()}
