"""The check of a whole HDF5 file from a stranger, before anything in it is read.

A file that passes holds groups, numbers and texts of its own and nothing else: no link to another place or file, no
array that lies elsewhere, no text whose length is wrong, and not more than it may when it is unpacked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import h5py

from ..errors import ModelFileError
from .hdf5_heaps import Heaps, attribute_places, damage
from .limits import check_unpacked

MAX_OBJECTS = 1 << 20
MAX_DEFLATION = 1100  # DEFLATE, the only compression that h5py uses unasked, reaches 1032


def objects(file: h5py.File) -> Iterator[h5py.Group | h5py.Dataset]:
    """Every group and array of a file, once.

    Raises
    ------
    ModelFileError
        If one lies elsewhere.
    """
    waiting: list[h5py.Group] = [file]
    seen = {_address(file)}
    yield file
    while waiting:
        group = waiting.pop()
        for name in group:
            found = _own(group, str(name))
            address = _address(found)
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise ModelFileError(f"it holds more than {MAX_OBJECTS:,} objects, which no model does.")
            yield found
            if isinstance(found, h5py.Group):
                waiting.append(found)


def check_contents(file: h5py.File, data: Any, file_bytes: int) -> None:
    """Check all objects of a file.

    Parameters
    ----------
    file : h5py.File
        Open, with nothing read from it yet.
    data : bytes or memory map
        All of the file.
    file_bytes : int
        Size of the file that a user has, which may hold this one in a packed form.

    Raises
    ------
    ModelFileError
        If it holds anything else than it may, or is damaged.
    """
    if file.userblock_size or file.id.get_create_plist().get_sizes() != (8, 8):
        raise ModelFileError(
            "it is an HDF5 file of a kind that is not read: with a user block, or with short addresses."
        )
    heaps, total = Heaps(data), 0
    for found in objects(file):
        if isinstance(found, h5py.Dataset):
            total += _size(found)
            check_unpacked(total, file_bytes)
            _check_texts_of(found, heaps)
        _check_attributes(found, data, heaps)


def _own(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """An object in a group that lies in the file."""
    if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
        raise ModelFileError(f"'{name}' in '{group.name}' is a link to another place, which is not followed.")
    found: Any = group[name]
    if not isinstance(found, (h5py.Group, h5py.Dataset)):
        raise ModelFileError(f"'{name}' in '{group.name}' is neither a group nor an array.")
    return found


def _size(dataset: h5py.Dataset) -> int:
    """Bytes that the values of an array take."""
    if dataset.is_virtual or dataset.external:
        raise ModelFileError(f"'{dataset.name}' is in another file, which is not read.")
    size = math.prod(dataset.shape or ()) * dataset.id.get_type().get_size()
    stored = dataset.id.get_storage_size()
    if size > stored * (MAX_DEFLATION if dataset.compression else 1):
        raise damage(f"array '{dataset.name}' claims shape {dataset.shape}, and {stored} bytes are stored for it")
    return size


def _check_texts_of(dataset: h5py.Dataset, heaps: Heaps) -> None:
    if not _is_text(dataset.id.get_type(), f"array '{dataset.name}'") or not dataset.id.get_storage_size():
        return
    n_texts, size = math.prod(dataset.shape or ()), 16
    if dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS:
        places = [(dataset.id.get_offset(), n_texts)]
    elif dataset.chunks is not None and not dataset.id.get_create_plist().get_nfilters():
        chunks = (dataset.id.get_chunk_info(n) for n in range(dataset.id.get_num_chunks()))
        places = [(chunk.byte_offset, chunk.size // size) for chunk in chunks]
    else:
        raise ModelFileError(f"the texts of '{dataset.name}' are packed, and are not read.")
    for start, n in places:
        if start is None:
            raise damage(f"the texts of '{dataset.name}' are nowhere")
        heaps.check(start, n)


def _check_attributes(found: h5py.Group | h5py.Dataset, data: Any, heaps: Heaps) -> None:
    texts = {}
    for n in range(h5py.h5a.get_num_attrs(found.id)):
        attribute = h5py.h5a.open(found.id, index=n)
        what = f"attribute {attribute.name!r} of '{found.name}'"
        if _is_text(attribute.get_type(), what):
            texts[attribute.name] = attribute.get_space().get_simple_extent_npoints()
    if not texts:
        return
    places = attribute_places(data, _address(found))
    for name, n_texts in texts.items():
        if name not in places:
            raise ModelFileError(
                f"the text in attribute {name!r} of '{found.name}' is kept in a way that is not read. Write the file "
                f"with the layout that h5py uses unasked."
            )
        heaps.check(places[name], n_texts)


def _is_text(kind: Any, what: str) -> bool:
    """Whether values of a type are texts of variable length, of which no other types may have parts."""
    if kind.get_class() == h5py.h5t.STRING:
        return bool(kind.is_variable_str())
    if kind.detect_class(h5py.h5t.VLEN) or kind.detect_class(h5py.h5t.STRING) or kind.detect_class(h5py.h5t.REFERENCE):
        raise ModelFileError(f"{what} is neither numbers nor texts, and is not read.")
    return False


def _address(found: Any) -> int:
    return int(h5py.h5o.get_info(found.id).addr)  # pyright: ignore[reportAttributeAccessIssue]
