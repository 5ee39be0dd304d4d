"""Texts of variable length in HDF5 files, checked before HDF5 reads them.

Its C library (1.14) runs for ever where a heap holds an object without size, and writes past the end of its memory
where a reference to a text gives another length than the heap does. So the references that a reader would follow, those
of attributes and arrays of texts, are compared with their heaps here.

The layout, from the HDF5 file format specification. III.E, a heap: "GCOL", a version and its size, then objects: a
number (0: what is free), a count, the size, and the text, padded to 8 bytes. A reference: a length, the address of the
heap, and the number of the object. IV.A, the header of an object: messages in blocks; those of kind 12 are attributes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from ..errors import ModelFileError

HEAP, OBJECT, REFERENCE = struct.Struct("<4sB3xQ"), struct.Struct("<HH4xQ"), struct.Struct("<IQI")
FIRST_HEADER, FIRST_MESSAGE = struct.Struct("<BxHII4x"), struct.Struct("<HHB3x")
SECOND_HEADER, SECOND_MESSAGE = struct.Struct("<4sBB"), struct.Struct("<BHB")
ATTRIBUTE, CONTINUATION, SHARED = 12, 16, 2
CHECKSUM = 4

Block = tuple[int, int]


def damage(what: str) -> ModelFileError:
    """The error for something that contradicts itself."""
    return ModelFileError(f"it is damaged: {what}.")


class Heaps:
    """The heaps of texts in a file.

    Parameters
    ----------
    data : bytes or memory map
        All of the file.
    """

    def __init__(self, data: Any):
        self._data = data
        self._sizes: dict[int, dict[int, int]] = {}
        self._left = len(data)  # heaps do not overlap

    def check(self, start: int, n_texts: int) -> None:
        """Check references to texts.

        Parameters
        ----------
        start : int
            Where the first one stands in the file.

        Raises
        ------
        ModelFileError
            If a reference contradicts its heap, or the heap itself.
        """
        end = start + n_texts * REFERENCE.size
        if not 0 <= start <= end <= len(self._data):
            raise damage("texts in it are said to stand behind its end")
        for length, address, number in REFERENCE.iter_unpack(self._data[start:end]):
            if length == 0 and address == 0:
                continue  # an empty text
            if address not in self._sizes:
                self._sizes[address] = self._objects(address)
            if self._sizes[address].get(number) != length:
                raise damage("the texts in it do not have the lengths that it gives for them")

    def _objects(self, address: int) -> dict[int, int]:
        """Sizes of the objects in a heap, by number."""
        if address + HEAP.size > len(self._data):
            raise damage("texts in it are said to stand behind its end")
        signature, version, size = HEAP.unpack_from(self._data, address)
        self._left -= size
        if signature != b"GCOL" or version != 1 or address + size > len(self._data) or self._left < 0:
            raise damage("texts in it are said to stand where there are none")
        at, end, sizes = address + HEAP.size, address + size, {}
        while at + OBJECT.size <= end:
            number, _, length = OBJECT.unpack_from(self._data, at)
            step = length if number == 0 else OBJECT.size + (length + 7) // 8 * 8
            if step < OBJECT.size or at + step > end or number in sizes:
                raise damage("the texts in it do not have the lengths that it gives for them")
            sizes[number] = length
            at += step
        sizes.pop(0, None)
        return sizes


def attribute_places(data: Any, address: int) -> dict[bytes, int]:
    """Starts of the values of the attributes in the header of an object, by name.

    Parameters
    ----------
    address : int
        Where the header stands in the file.

    Raises
    ------
    ModelFileError
        If the header contradicts itself.
    """
    try:
        return {
            name: start
            for kind, flags, first, last in _messages(data, address)
            if kind == ATTRIBUTE and not flags & SHARED
            for name, start in [_attribute(data, first, last)]
        }
    except struct.error as error:
        raise damage("the header of an object in it has no end") from error


def _attribute(data: Any, first: int, last: int) -> tuple[bytes, int]:
    """Name of an attribute, and where its value starts."""
    version, _, *sizes = struct.unpack_from("<BBHHH", data, first)
    if version not in (1, 2, 3):
        raise damage("an attribute in it is of an unknown version")
    start = first + 8 + (version == 3)
    name = bytes(data[start : start + sizes[0]]).rstrip(b"\0")
    # in the first version, name, type and shape are padded to 8 bytes
    start += sum((size + 7) // 8 * 8 if version == 1 else size for size in sizes)
    if start > last:
        raise damage("an attribute in it is longer than its place")
    return name, start


def _messages(data: Any, address: int) -> Iterator[tuple[int, int, int, int]]:
    """The messages of a header: kind, flags, and where its body starts and ends."""
    is_second = bytes(data[address : address + 4]) == b"OHDR"
    first, skipped = (_second_block if is_second else _first_block)(data, address)
    waiting, seen = [first], {first[0]}
    while waiting:
        at, end = waiting.pop()
        if not 0 <= at <= end <= len(data):
            raise damage("the header of an object in it stands behind its end")
        head = SECOND_MESSAGE if is_second else FIRST_MESSAGE
        while at + head.size <= end:
            kind, size, flags = head.unpack_from(data, at)
            body = at + head.size + skipped
            at = body + size
            if at > end:
                raise damage("the header of an object in it has a part that is longer than its place")
            yield kind, flags, body, at
            if kind == CONTINUATION:
                start, length = struct.unpack_from("<QQ", data, body)
                block = (start + 4, start + length - CHECKSUM) if is_second else (start, start + length)
                if block[0] in seen:
                    raise damage("the header of an object in it goes on in itself")
                seen.add(block[0])
                waiting.append(block)


def _first_block(data: Any, address: int) -> tuple[Block, int]:
    """Block of the messages of a header of version 1, and the bytes before the body of each that are left out."""
    version, _, _, size = FIRST_HEADER.unpack_from(data, address)
    if version != 1:
        raise damage("the header of an object in it is of an unknown version")
    start = address + FIRST_HEADER.size
    return (start, start + size), 0


def _second_block(data: Any, address: int) -> tuple[Block, int]:
    """As `_first_block`, of version 2."""
    _, version, flags = SECOND_HEADER.unpack_from(data, address)
    if version != 2:
        raise damage("the header of an object in it is of an unknown version")
    at = address + SECOND_HEADER.size + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(data[at : at + width], "little")
    return (at + width, at + width + size), 2 if flags & 4 else 0
