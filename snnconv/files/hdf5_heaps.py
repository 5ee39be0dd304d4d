"""The heaps in which HDF5 keeps texts of variable length, checked before HDF5 reads them.

Its C library (1.14) runs for ever where a heap holds an object without size, and writes past the end of its memory
where a reference to a text gives another length than the heap does. So both are compared here, byte by byte.

The layout, from the HDF5 file format specification, III.E: a heap is "GCOL", a version and its size, then objects: a
number (0: what is free), a count, the size, and the text, padded to 8 bytes. A reference is a length, the address of
the heap, and the number of the object.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import h5py

from ..errors import ModelFileError

HEAP, OBJECT = struct.Struct("<4sB3xQ"), struct.Struct("<HH4xQ")
DAMAGED = "it is damaged: the texts in it do not have the lengths that it gives for them."


def check_heaps(file: h5py.File, data: Any) -> None:
    """Check the heaps of a file.

    Parameters
    ----------
    file : h5py.File
        Open, with nothing read from its attributes yet.
    data : bytes or memory map
        All of the file.

    Raises
    ------
    ModelFileError
        If a heap, or a reference to an object in it, is damaged.
    """
    pieces = list(_outside_arrays(file, len(data)))
    for address in (at for piece in pieces for at in _find(data, b"GCOL", *piece)):
        sizes = _objects(data, address)
        for start, end in pieces:
            for at in _find(data, struct.pack("<Q", address), start, end):
                if at >= 4 and at + 12 <= len(data):
                    (length,), (number,) = (
                        struct.unpack_from("<I", data, at - 4),
                        struct.unpack_from("<I", data, at + 8),
                    )
                    if sizes.get(number, length) != length:
                        raise ModelFileError(DAMAGED)


def _objects(data: Any, address: int) -> dict[int, int]:
    """Sizes of the objects in a heap, by number."""
    if address + HEAP.size > len(data):
        raise ModelFileError(DAMAGED)
    _, _, size = HEAP.unpack_from(data, address)
    at, end, sizes = address + HEAP.size, address + size, {}
    if end > len(data):
        raise ModelFileError(DAMAGED)
    while at + OBJECT.size <= end:
        number, _, length = OBJECT.unpack_from(data, at)
        step = length if number == 0 else OBJECT.size + (length + 7) // 8 * 8
        if step < OBJECT.size or at + step > end or number in sizes:
            raise ModelFileError(DAMAGED)
        sizes[number] = length
        at += step
    sizes.pop(0, None)
    return sizes


def _outside_arrays(file: h5py.File, size: int) -> Iterator[tuple[int, int]]:
    """Parts of the file that hold no numbers of arrays, which make up nearly all of it."""
    spans: list[tuple[int, int]] = []

    def note(_: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and found.dtype.kind in "fiub":
            offset, length = found.id.get_offset(), found.id.get_storage_size()
            if offset is not None:
                spans.append((offset, offset + length))

    file.visititems(note)
    start = 0
    for first, last in sorted(spans):
        if first > start:
            yield start, first
        start = max(start, min(last, size))
    yield start, size


def _find(data: Any, pattern: bytes, start: int, end: int) -> Iterator[int]:
    at = data.find(pattern, start, end)
    while at >= 0:
        yield at
        at = data.find(pattern, at + 1, end)
