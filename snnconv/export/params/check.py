"""Checks that all forms of the numbers in a params folder are the same numbers, and give the golden vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import InputError, ModelFileError, one_line
from ...files.arrays import FAULTS, read_arrays
from ...files.limits import check_json
from ...quantize import IntegerGraph, load
from ..golden import record_golden
from ..integers import INTEGERS
from ..target import Check
from .numbers import array_width, arrays, read_coe, read_mem


def check_folder(path: Path) -> list[Check]:
    """Compare every form of the integers with the integer graph, and this with the golden vectors.

    Raises
    ------
    ModelFileError
        If a file cannot be read.
    """
    integers = load(path / INTEGERS)
    try:
        others = list(_other_numbers(integers, path))
        differing = list(_other_vectors(integers, path))
    except FAULTS as error:
        raise ModelFileError(f"cannot read the numbers in '{path}': {one_line(error).rstrip('.')}.") from error
    n = sum(len(fields) for fields in arrays(integers).values())
    same = f"{n} arrays are the same in {INTEGERS}, integers.npz, params.json, mem/ and coe/"
    return [
        Check("numbers", not others, f"{', '.join(others)} differ from {INTEGERS}" if others else same),
        Check(
            "golden",
            not differing,
            f"snnconv.quantize.run gives other {', '.join(differing)}"
            if differing
            else "snnconv.quantize.run gives every spike, voltage and sum of golden.npz",
        ),
    ]


def _other_numbers(integers: IntegerGraph, path: Path) -> Iterator[str]:
    """Files, and the arrays in them, that are not those of the graph."""
    text = (path / "params.json").read_text("utf-8")
    check_json(text)
    layers = {layer["id"]: layer["arrays"] for layer in json.loads(text)["layers"]}
    stored = _named(path / "integers.npz")
    for name, fields in arrays(integers).items():
        for field, array in fields.items():
            bits = array_width(integers, field, array)
            hexadecimal = {f"mem/{name}_{field}.mem": read_mem, f"coe/{name}_{field}.coe": read_coe}
            found = {place: read((path / place).read_text("utf-8"), bits) for place, read in hexadecimal.items()}
            found[f"integers.npz {name}/{field}"] = stored[f"{name}/{field}"]
            found[f"params.json {name} {field}"] = np.asarray(layers[name][field])
            yield from (place for place, other in found.items() if not np.array_equal(other.ravel(), array.ravel()))


def _other_vectors(integers: IntegerGraph, path: Path) -> Iterator[str]:
    vectors = _named(path / "golden.npz")
    codes, code = vectors["inputs"], integers.input.code
    first_sum = next(array for key, array in vectors.items() if key.startswith("readouts/"))
    x = (codes * code.step - code.offset) / code.factor
    expected = record_golden(integers, x, first_sum.shape[1]).arrays()
    yield from (key for key, array in expected.items() if not np.array_equal(array, vectors[key]))


def _named(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file."""
    found = read_arrays(path)
    if not isinstance(found, dict):
        raise InputError(f"'{path}' is no .npz file.")
    return found
