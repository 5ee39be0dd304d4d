"""Kernels with scales folded in, kept as the trained weights and the scales until someone reads them.

Trained weights are in float32 and shared with the Keras model; multiplied by a gain in float64 they would take three
times as much beside each other. Kept as factors they take what they took before, and give the same product each time.
"""

from __future__ import annotations

import weakref
from typing import Any, NoReturn, overload

import numpy as np


class Product:
    """The product ``weights · scales[0] · scales[1] …``, in this order, in the widest type among them.

    Parameters
    ----------
    weights : array
    scales : tuple of arrays that broadcast against the weights
    """

    def __init__(self, weights: np.ndarray, scales: tuple[np.ndarray, ...]):
        self.weights, self.scales = weights, scales
        self._known: Any = lambda: None

    def array(self) -> np.ndarray:
        """The product, read-only; the same array as long as someone holds it."""
        array = self._known()
        if array is None:
            memory = _Memory(self.weights.shape, np.result_type(self.weights, *self.scales))
            memory.product = self
            array = memory.view(np.ndarray)
            np.multiply(self.weights, self.scales[0], out=array)
            for scale in self.scales[1:]:
                np.multiply(array, scale, out=array)
            memory.flags.writeable = array.flags.writeable = False
            self._known = weakref.ref(array)
        return array


class _Memory(np.ndarray):
    """The numbers of a product that was multiplied out, which know what they are the product of."""

    product: Product


class Factors:
    """Field of a frozen node that holds an array or a `Product`, and reads as an array.

    A product that was read and is given to another node, as `dataclasses.replace` does, is the same product there.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, node: None, owner: type) -> NoReturn: ...
    @overload
    def __get__(self, node: object, owner: type) -> np.ndarray: ...
    def __get__(self, node: object | None, owner: type) -> np.ndarray:
        if node is None:
            raise AttributeError(self._name)  # so that dataclasses see no default
        value = vars(node)[self._name]
        return value.array() if isinstance(value, Product) else value

    def __set__(self, node: object, value: Any) -> None:
        vars(node)[self._name] = _product(value) or value


def scaled(kernel: np.ndarray, scale: np.ndarray) -> Any:
    """A kernel times a scale: as factors, where the weights take less memory than the product."""
    known = _product(kernel)
    weights, scales = (kernel, ()) if known is None else (known.weights, known.scales)
    if weights.dtype.itemsize < np.result_type(weights, scale).itemsize and scale.size < weights.size:
        return Product(weights, (*scales, scale))
    return kernel * scale


def scales_of(node: Any, name: str) -> tuple[np.ndarray, ...]:
    """Scales that turn a node's trained array of this name into its own; none where its own is not such a product."""
    value, trained = vars(node)[name], node.trained.get(name)
    is_product = isinstance(value, Product) and trained is not None and np.array_equal(value.weights, trained)
    return value.scales if is_product else ()


def _product(value: Any) -> Product | None:
    """The product that an array holds the whole of, or None; of a product, itself."""
    if isinstance(value, Product):
        return value
    memory = getattr(value, "base", None)
    return memory.product if isinstance(memory, _Memory) and memory.shape == value.shape else None
