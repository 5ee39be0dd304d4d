"""Writing files and folders whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ModelFileError, one_line
from .manifest import has_manifest


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


@contextmanager
def replacing_folder(path: str | os.PathLike[str], force: bool = False) -> Iterator[Path]:
    """Give a temporary folder next to `path`; on success move it there, on failure leave what was there.

    Parameters
    ----------
    path : path
        A folder that is not there, or is empty.
    force : bool
        It may also be one with a manifest, which is replaced with all that is in it.

    Raises
    ------
    ModelFileError
        If the folder may not be replaced, its parent does not exist, or it cannot be written.
    """
    target = Path(path)
    check_folder(target, force)
    parent = target.absolute().parent
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=parent))
    except OSError as error:
        raise ModelFileError(f"cannot write '{target}': {error.strerror or error}.") from error
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with open(file, "rb+") as opened:
                    os.fsync(opened.fileno())
        temporary.chmod(0o777 & ~_umask())
        _exchange(temporary, target.absolute())
    except OSError as error:
        raise ModelFileError(f"cannot write '{target}': {one_line(error)}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_folder(path: Path, force: bool) -> None:
    """Raise ModelFileError unless `replacing_folder` may write to `path`."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not path.is_dir():
        raise ModelFileError(f"cannot write the folder '{path}': it is a file. Name another folder.")
    if not has_manifest(path):
        raise ModelFileError(f"cannot write '{path}': the folder holds files that snnconv did not write. Name another.")
    if not force:
        raise ModelFileError(f"cannot write '{path}': the folder exists. Name another, or replace it with --force.")


def _exchange(temporary: Path, target: Path) -> None:
    """Move the folder `temporary` to `target`; what was at `target` comes back if that fails, else it is deleted."""
    if not target.exists():
        os.replace(temporary, target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    try:
        os.replace(target, old / target.name)
        try:
            os.replace(temporary, target)
        except OSError:
            os.replace(old / target.name, target)
            raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
