"""Limits on the memory that a file may take, compared with what it claims before anything is unpacked or built.

A file of a few kilobytes can claim gigabytes: repeated zeros are packed a thousandfold, and a layer that repeats its
input needs one number to do so. By default a file may hold `FLOOR` bytes when it is unpacked, or `FACTOR` times its own
size where that is more; trained weights can be packed about twofold. `raised` allows more for files that are trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import ModelFileError, ParameterError

FLOOR, FACTOR = 256 << 20, 64
MOST_BYTES = 1 << 50  # that a message offers to allow
MOST_PACKED = 1032  # times: the most that deflate packs, for files that snnconv wrote itself
JSON_BYTES, JSON_VALUES = 32 << 20, 1 << 20  # of the JSON of a model; that of a network of 1,000 layers has 60,000
# Of one sample at the output of a layer, or FACTOR for each number in the file. A Keras model is run on several samples
# when it is compared with its conversion; a graph is only read.
KERAS_VALUES, GRAPH_VALUES = 1 << 22, 1 << 28

_max_bytes: ContextVar[int | None] = ContextVar("max_bytes", default=None)


@contextmanager
def raised(max_bytes: int) -> Iterator[None]:
    """Within this context, a file may hold so many bytes when it is unpacked, and its model values in proportion.

    Raises
    ------
    ParameterError
        If `max_bytes` is not above 0.
    """
    token = _max_bytes.set(checked(max_bytes))
    try:
        yield
    finally:
        _max_bytes.reset(token)


def raise_for_good(max_bytes: int) -> None:
    """As `raised`, for the rest of the process."""
    _max_bytes.set(checked(max_bytes))


def checked(max_bytes: int) -> int:
    """`max_bytes`, if it is a whole number above 0."""
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1:
        raise ParameterError(f"max_bytes must be a whole number above 0. Received {max_bytes!r}.")
    return max_bytes


def check_unpacked(n_bytes: int, file_bytes: int) -> None:
    """Raise ModelFileError if a file of `file_bytes` may not hold `n_bytes` when it is unpacked."""
    given = _max_bytes.get()
    limit = max(FLOOR, FACTOR * file_bytes) if given is None else given
    if n_bytes > limit:
        raise ModelFileError(f"it claims {n_bytes:,} bytes when unpacked; {limit:,} are allowed. {_remedy(n_bytes)}")


def check_json(text: str | bytes) -> None:
    """Raise ModelFileError if a text of JSON is larger than that of any model."""
    data = text.encode(errors="replace") if isinstance(text, str) else text
    n_values = sum(data.count(each) for each in (b",", b"[", b"{"))
    scale = _scale()
    if len(data) > JSON_BYTES * scale or n_values > JSON_VALUES * scale:
        needed = FLOOR * max(-(-len(data) // JSON_BYTES), -(-n_values // JSON_VALUES))
        raise ModelFileError(
            f"its config has {len(data):,} bytes and about {n_values:,} values; {int(JSON_BYTES * scale):,} and "
            f"{int(JSON_VALUES * scale):,} are allowed. {_remedy(needed)}"
        )


def check_values(n_values: int, n_numbers: int, what: str, usual: int = KERAS_VALUES) -> None:
    """Raise ModelFileError if one sample may not have so many values in a network of `n_numbers` weights."""
    limit = int(max(usual, FACTOR * n_numbers) * _scale())
    if n_values > limit:
        raise ModelFileError(
            f"{what} has {n_values:,} values for one sample, which is too large to run; {limit:,} are allowed. "
            f"{_remedy(FLOOR * -(-n_values // usual))}"
        )


def _scale() -> float:
    """The share of the usual limits that is allowed."""
    given = _max_bytes.get()
    return 1 if given is None else max(1, given / FLOOR)


def _remedy(needed: int) -> str:
    if needed > MOST_BYTES:
        return "No computer has so many: it is damaged."
    return (
        f"If that is right, and you trust it, allow more: snnconv --max-bytes {needed} …, or in Python "
        f"snnconv.files.limits.raised({needed})."
    )
