"""Inputs of a graph by name, checked, and its outputs in the form that users get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from ..errors import InputError
from .nodes import Input, Lookup, Node


class HasArray(Protocol):
    """A tensor, a frame, or whatever else NumPy makes an array of."""

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray: ...


Samples = HasArray | list[Any] | tuple[Any, ...] | Mapping[str, Any]
"""What `check_inputs` takes; a string is none."""

LARGEST = 1e12  # float32 rounds it to steps of 65,536


@dataclass(frozen=True, eq=False, repr=False)
class Inputs(Mapping[str, np.ndarray]):
    """Samples for every input of a graph, as a mapping of input name to array.

    `SpikingGraph.check_inputs` makes them. An array is (n, *shape) where each sample is held constant, and
    (n, n_steps, *shape) where it varies in time.

    Parameters
    ----------
    arrays : mapping of input name to array
    shapes : mapping of input name to tuple of int
        Shape of one sample at one step.
    """

    arrays: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, ...]]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        return f"<inputs of {self.n} samples: { {name: array.shape for name, array in self.items()} }>"

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(next(iter(self.arrays.values())))

    @property
    def n_steps(self) -> int | None:
        """Number of steps of the inputs that vary; None where all are held constant."""
        return next((self.arrays[name].shape[1] for name in self.varying), None)

    @property
    def varying(self) -> frozenset[str]:
        """Names of the inputs that vary in time."""
        return frozenset(name for name in self.arrays if self.varies(name))

    def varies(self, name: str) -> bool:
        """Whether an input has a value of its own at every step."""
        return has_steps(self.arrays[name], self.shapes[name])

    def means(self) -> Inputs:
        """Means over time, held constant; inputs that are held already stay as they are."""
        return self._with({name: each.mean(1) if self.varies(name) else each for name, each in self.items()})

    def part(self, samples: slice | np.ndarray) -> Inputs:
        """Some of the samples."""
        return self._with({name: array[samples] for name, array in self.items()})

    def parts(self, size: int) -> Iterator[Inputs]:
        """All samples, at most `size` at a time."""
        return (self.part(slice(start, start + size)) for start in range(0, self.n, size))

    def during(self, steps: slice) -> Inputs:
        """Some of the steps of the inputs that vary; the others as they are."""
        return self._with({name: each[:, steps] if self.varies(name) else each for name, each in self.items()})

    def over_time(self, n_steps: int) -> Inputs:
        """All inputs at every step, (n, n_steps, *shape): those that are held are repeated, without a copy."""
        arrays = {name: each if self.varies(name) else each[:, None] for name, each in self.items()}
        return self._with(
            {name: np.broadcast_to(each, (self.n, n_steps, *self.shapes[name])) for name, each in arrays.items()}
        )

    def only(self, names: Iterable[str]) -> Inputs:
        """The inputs of these names, such as those of a part of the graph."""
        return self._with({name: self.arrays[name] for name in names})

    def at(self, step: int) -> dict[str, np.ndarray]:
        """Values (n, *shape) of each input at one step."""
        return {name: each[:, step] if self.varies(name) else each for name, each in self.items()}

    def _with(self, arrays: Mapping[str, np.ndarray]) -> Inputs:
        return Inputs(arrays, self.shapes)


def has_steps(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether samples of `shape` vary in time: (n, n_steps, *shape), not (n, *shape)."""
    return array.ndim > len(shape) + 1


def check_inputs(nodes: Sequence[Input], x: Any, dtype: str, n_steps: int | None = None) -> Inputs:
    """Check samples for input nodes; see `SpikingGraph.check_inputs`."""
    given = _by_name([node.name for node in nodes], x)
    arrays = {}
    for node in nodes:
        if isinstance(given[node.name], np.ma.MaskedArray):
            raise InputError(
                f"input '{node.name}' is a masked array. Pass x.filled(value), or leave those samples out."
            )
        try:
            array = np.asarray(given[node.name])
            with np.errstate(over="raise"):
                array = array.astype(dtype, copy=False) if _is_numeric(array.dtype) else None
        except FloatingPointError:
            raise _too_large(node.name, f"that {dtype} cannot hold") from None
        except (ValueError, TypeError):
            array = None
        if array is None:
            raise not_numbers(node.name, node.shape, given[node.name])
        check_array(array, node.name, node.shape, n_steps)
        arrays[node.name] = array
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"inputs must have the same number of samples. Received {lengths}.")
    return Inputs(arrays, {node.name: node.shape for node in nodes})


def check_array(array: np.ndarray, name: str, shape: tuple[int, ...], n_steps: int | None) -> None:
    """Check the samples of one input.

    Parameters
    ----------
    shape : tuple of int
        Of one sample at one step.
    n_steps : int or None
        Where given, the samples may also vary in time.

    Raises
    ------
    InputError
        If they have another shape, are none, or hold NaN or infinity.
    """
    allowed = [shape] if n_steps is None else [shape, (n_steps, *shape)]
    if array.ndim == 0 or array.shape[1:] not in allowed:
        wanted = " or ".join(map(_shape_text, allowed))
        raise InputError(f"input '{name}' must have shape {wanted}. Received {array.shape}.")
    if len(array) == 0:
        raise InputError(f"input '{name}' holds no samples.")
    largest = max(array.max(initial=0.0), -array.min(initial=0.0))  # NaN where there is one
    if not np.isfinite(largest):
        raise InputError(f"input '{name}' holds NaN or infinity. Clean the data first.")
    if largest > LARGEST:
        raise _too_large(name, f"up to {largest:.3g}, where biases and thresholds are lost in rounding")


def _is_numeric(dtype: np.dtype) -> bool:
    """Whether an array holds real numbers; bfloat16 and its like are of NumPy's kind for what it does not know."""
    return dtype.kind in "biuf" or (dtype.kind == "V" and dtype.type is not np.void)


def not_numbers(name: str, shape: tuple[int, ...], given: Any = None) -> InputError:
    """The error for an input that is no array of numbers; it tells the type of what was given."""
    message = f"input '{name}' must be an array of numbers of shape {_shape_text(shape)}."
    if given is not None:
        message += f" Received {given.dtype if isinstance(given, np.ndarray) else type(given).__name__}."
    return InputError(message)


def _too_large(name: str, values: str) -> InputError:
    return InputError(
        f"input '{name}' holds values {values}. Scale it as in training; values up to {LARGEST:g} are taken."
    )


def _shape_text(shape: tuple[int, ...]) -> str:
    """The shape of samples of this shape, as in "(n, 28, 28)"."""
    return "(n" + "".join(f", {size}" for size in shape) + ")"


def one_or_all(outputs: Mapping[str, Any]) -> Any:
    """The one output of a network, or a dict of them by label where there are several."""
    return next(iter(outputs.values())) if len(outputs) == 1 else dict(outputs)


def random_samples(
    shapes: Mapping[str, tuple[int, ...]],
    n: int,
    seed: int = 0,
    dtype: Literal["float32", "float64"] = "float64",
    below: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Draw `n` samples of each shape, by name: numbers in 0…1, or integers below those that `below` has by name."""
    rng, below = np.random.default_rng(seed), below or {}
    return {
        name: rng.integers(0, below[name], (n, *shape)) if name in below else rng.random((n, *shape), dtype)
        for name, shape in shapes.items()
    }


def rows_of_tables(nodes: Iterable[Node]) -> dict[str, int]:
    """Number of rows of the smallest table in which numbers of an input are looked up, by the name of the input."""
    rows: dict[str, int] = {}
    sources: dict[str, frozenset[str]] = {}
    for node in nodes:
        found = frozenset().union(*(sources[name] for name in node.inputs))
        if isinstance(node, Lookup):
            rows.update({name: min(rows.get(name, len(node.table)), len(node.table)) for name in found})
        sources[node.name] = frozenset([node.name]) if isinstance(node, Input) else found
    return rows


def _by_name(names: list[str], x: Any) -> Mapping[str, Any]:
    if isinstance(x, Mapping):
        if set(x) != set(names):
            raise InputError(f"inputs must be named {names}. Received {sorted(map(str, x))}.")
        return x
    if len(names) == 1:
        return {names[0]: x}
    if not isinstance(x, (list, tuple)) or len(x) != len(names):
        raise InputError(f"the network has {len(names)} inputs: pass a dict or a list with one array for {names}.")
    return dict(zip(names, x, strict=True))
