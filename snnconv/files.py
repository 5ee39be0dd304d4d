"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ModelFileError, one_line


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path next to `path`; on success move it there, on failure leave what was there.

    Raises
    ------
    ModelFileError
        If the folder does not exist, or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise ModelFileError(f"cannot write '{target}': it is a folder. Name a file in it.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part" + target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise ModelFileError(f"cannot write '{target}': {error.strerror or error}.") from error
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise ModelFileError(f"cannot write '{target}': {one_line(error)}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
