"""Samples of a run: arrays, or batches that come one after the other, checked and cut to size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph import Inputs, SpikingGraph

AT_ONCE = 64 << 20
"""Bytes up to which an array in a file is read and checked at once."""

Targets = np.ndarray | dict[str, np.ndarray] | None
"""Of the one output; or of some outputs of several, by label."""
Part = tuple[Inputs, Targets]


class Samples:
    """Inputs by name, and targets where there are any, in parts of any size.

    Parameters
    ----------
    x : array, list or dict of arrays; or a tf.data.Dataset, a keras.utils.PyDataset, or a generator
        The latter three give batches: x, or (x, y) as for `model.fit`. They are read once, a part at a time. Large
        arrays in files (np.memmap) are read and checked a part at a time too.
    y : array, mapping of output to array, list of arrays, or None
        Targets of the arrays; a mapping or a list is for a network with several outputs.

    Attributes
    ----------
    n : int or None
        How many there are. None: not known beforehand.
    at_first : int
        How many the first batch has.
    targets : array, dict of arrays, or None
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
        self._take: Callable[[slice], Part] | None = None
        batches = _batches(x)
        if batches is None:
            first = self._open(x, y)
        else:
            if y is not None:
                raise InputError("y must be None where x gives batches: let it give (x, y).")
            try:
                first = self._checked(*_x_and_y(next(batches)))
            except StopIteration:
                raise InputError("x gives no batches.") from None
            self._blocks = chain([first], (self._alike(*_x_and_y(batch)) for batch in batches))
        self.targets = first[1]
        self.at_first = self.n or first[0].n
        self.varying = first[0].varying

    def parts(
        self, size: int, rows: Sequence[slice] | None = None, share: tuple[int, int] = (0, 1)
    ) -> Iterator[tuple[slice, Part]]:
        """The samples in parts of `size`, and where each stands; the last may be smaller. Batches can be read once.

        Parameters
        ----------
        rows : sequence of slice, or None
            Of arrays: which samples. None: all.
        share : (int, int)
            Of batches: part index, index + n, … for (index, n).
        """
        if self._take is not None:
            for wanted in [slice(0, self.at_first)] if rows is None else rows:
                for start in range(wanted.start, wanted.stop, size):
                    here = slice(start, min(start + size, wanted.stop))
                    yield here, self._take(here)
            return
        begin = 0
        for number, part in enumerate(self._cut_anew(size)):
            here = slice(begin, begin + part[0].n)
            begin = here.stop
            if number % share[1] == share[0]:
                yield here, part

    def _cut_anew(self, size: int) -> Iterator[Part]:
        """The batches in parts of `size`."""
        kept: list[Part] = []
        n_kept = 0
        for block in self._blocks:
            kept.append(block)
            n_kept += block[0].n
            if n_kept >= size:
                whole = _join(kept)
                for start in range(0, n_kept - size + 1, size):
                    yield _cut(whole, slice(start, start + size))
                kept = [_cut(whole, slice(n_kept - n_kept % size, None))]
                n_kept %= size
        if n_kept:
            yield _join(kept)

    def _open(self, x: Any, y: Any) -> Part:
        """The first sample at least, and a way to the others."""
        if not any(isinstance(array, np.memmap) and array.nbytes > AT_ONCE for array in _leaves(x)):
            whole = self._checked(x, y)
            self.n, self._take = whole[0].n, lambda rows: _cut(whole, rows)
            return whole
        lengths = {len(array) if np.ndim(array) else 0 for array in _leaves(x)}
        if len(lengths) > 1:
            raise InputError(f"inputs must have the same number of samples. Received {sorted(lengths)}.")
        n = lengths.pop()
        targets = self._targets(y, n)

        def take(rows: slice) -> Part:
            return self._checked(_rows(x, rows), _rows(targets, rows))

        first = take(slice(0, 1))
        self.n, self._take = n, take
        return first[0], targets

    def _checked(self, x: Any, y: Any) -> Part:
        xs = self._graph.check_inputs(x, self._dtype, self._n_steps)
        return xs, self._targets(y, xs.n)

    def _alike(self, x: Any, y: Any) -> Part:
        """A later batch, which must be as the first."""
        xs, y = self._checked(x, y)
        if (y is None) != (self.targets is None):
            raise InputError("x must give targets with every batch, (x, y), or with none.")
        differing = sorted(self.varying ^ xs.varying)
        if differing:
            raise InputError(f"input '{differing[0]}' varies in time in some batches, and is constant in others.")
        return xs, y

    def _targets(self, y: Any, n: int) -> Targets:
        if y is None:
            return None
        labels = list(self._graph.outputs)
        if len(labels) > 1:
            if isinstance(y, (list, tuple)) and len(y) == len(labels):
                y = dict(zip(labels, y, strict=True))
            if not isinstance(y, Mapping) or not y or not set(y) <= set(labels):
                got = sorted(map(str, y)) if isinstance(y, Mapping) else type(y).__name__
                raise InputError(f"the network has several outputs: y must map some of {labels} to targets. Got {got}.")
            return {label: _counted(y[label], n) for label in labels if label in y}
        if isinstance(y, Mapping):
            if set(y) != set(labels):
                raise InputError(
                    f"y must be an array, or name the output '{labels[0]}'. Received {sorted(map(str, y))}."
                )
            y = y[labels[0]]
        return _counted(y, n)


def _counted(y: Any, n: int) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim == 0 or len(y) != n:
        raise InputError(f"x has {n} samples, y has {len(y) if y.ndim else 'none'}.")
    return y


def _batches(x: Any) -> Iterator[Any] | None:
    """Batches one after the other, or None where `x` holds arrays."""
    if hasattr(x, "as_numpy_iterator"):  # a tf.data.Dataset
        if x.cardinality().numpy() == -1:  # tf.data.INFINITE_CARDINALITY
            raise InputError("the dataset repeats without end. Leave repeat() out, or take(…) some batches.")
        return x.as_numpy_iterator()
    if hasattr(x, "on_epoch_end"):  # a keras.utils.PyDataset
        return (x[index] for index in range(len(x)))
    return x if isinstance(x, Iterator) else None


def _x_and_y(batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, tuple):
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, Mapping):
        return list(x.values())
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _rows(x: Any, rows: slice) -> Any:
    if x is None:
        return None
    if isinstance(x, Mapping):
        return {name: array[rows] for name, array in x.items()}
    return [array[rows] for array in x] if isinstance(x, (list, tuple)) else x[rows]


def _join(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    xs, ys = zip(*parts, strict=True)
    joined = {name: np.concatenate([x[name] for x in xs]) for name in xs[0]}
    if isinstance(ys[0], dict):
        return Inputs(joined, xs[0].shapes), {label: np.concatenate([y[label] for y in ys]) for label in ys[0]}
    return Inputs(joined, xs[0].shapes), None if ys[0] is None else np.concatenate(ys)


def _cut(part: Part, samples: slice) -> Part:
    xs, y = part
    return xs.part(samples), _rows(y, samples)


def take(state: Mapping[str, Any], samples: slice) -> dict[str, Any]:
    """The state of some of the samples."""
    return {node: {key: value[samples] for key, value in each.items()} for node, each in state.items()}
