"""Places to write to: no file that is read, nothing that others wrote, no device, and an ending that fits."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..errors import ModelFileError
from ..text.advice import either
from .manifest import changed_files, has_manifest

MARK = "written by snnconv"
"""Stands in every file that snnconv writes, near its beginning or its end; see `is_own`."""

_SEAL = re.compile(rf"(?<={MARK}); seal ([0-9a-f]{{16}})".encode())

_HDF5 = (".snn.h5", ".int.h5", ".weights.h5", ".h5", ".hdf5", ".nir", ".net")
FIXED = (*_HDF5, ".keras", ".npz", ".npy", ".json", ".toml", ".html", ".htm", ".csv", ".txt", ".md")
FIXED += (".png", ".svg", ".pdf")
"""Endings that stand for one format; a name with any other ending, or none, may hold anything."""

NEAR, SHOWN = 1 << 16, 5
_INPUTS: ContextVar[tuple[Path, ...]] = ContextVar("inputs", default=())


@contextmanager
def protecting(paths: Iterable[Path]) -> Iterator[None]:
    """Refuse, inside of the block, to write over any of these files, whatever name it is written under."""
    token = _INPUTS.set((*_INPUTS.get(), *paths))
    try:
        yield
    finally:
        _INPUTS.reset(token)


def protect(*paths: Path) -> None:
    """Add files to those that the block around does not write over."""
    _INPUTS.set((*_INPUTS.get(), *paths))


def check_file(path: str | os.PathLike[str], endings: Iterable[str] = (), force: bool = True) -> Path:
    """Check that a file may be written, and give the path of it that is no link.

    Parameters
    ----------
    endings : of str
        Those of its format, the usual one first; none for a file whose format is anything.
    force : bool
        Whether it may replace a file that snnconv did not write.

    Raises
    ------
    ModelFileError
        If it may not, or its ending is that of another format.
    """
    path = Path(path)
    check_ending(path, endings)
    target = _followed(path)
    if target.is_dir():
        raise ModelFileError(f"cannot write '{path}': it is a folder. Name a file in it.")
    _check_parent(path, target)
    for each in _INPUTS.get():
        if _is_same(target, each):
            raise ModelFileError(f"cannot write '{path}': it is '{each}', which is read. Name another file.")
    if not force and target.exists() and not is_own(target):
        raise ModelFileError(
            f"cannot write '{path}': the file exists, and nothing in it says that snnconv wrote it as it is now. Name "
            f"another, or replace it with {either('force=True', '--force')}."
        )
    return target


def check_ending(path: str | os.PathLike[str], endings: Iterable[str]) -> None:
    """Raise ModelFileError if the name of a file ends as those of another format do."""
    name, endings = Path(path).name, tuple(endings)
    found = next((each for each in FIXED if name.lower().endswith(each)), None)
    if found is not None and endings and found not in endings:
        right = f"{name[: -len(found)]}{endings[0]}"
        raise ModelFileError(
            f"cannot write '{path}': {found} is the end of another format's names. Name it '{right}', or otherwise "
            f"with {endings[0]} at the end."
        )


def check_folder(path: str | os.PathLike[str], force: bool = False) -> Path:
    """Check that a folder may be written, and give the path of it that is no link.

    Parameters
    ----------
    force : bool
        Whether it may be one with a manifest, if all that is in it is as the manifest says.

    Raises
    ------
    ModelFileError
        If it may not.
    """
    path = Path(path)
    target = _followed(path)
    if target.exists() and not target.is_dir():
        raise ModelFileError(f"cannot write the folder '{path}': it is a file. Name another folder.")
    _check_parent(path, target)
    for each in _INPUTS.get():
        if any(_is_same(target, place) for place in (each, *each.absolute().parents)):
            raise ModelFileError(f"cannot write '{path}': '{each}' in it is read. Name another folder.")
    if not target.exists() or not any(target.iterdir()):
        return target
    if not has_manifest(target):
        raise ModelFileError(f"cannot write '{path}': the folder holds files that snnconv did not write. Name another.")
    if not force:
        raise ModelFileError(
            f"cannot write '{path}': the folder exists. Name another, or replace it with "
            f"{either('force=True', '--force')}."
        )
    more = [f"'{name}' is {change}" for name, change in changed_files(target).items() if change != "missing"]
    if more:
        listed = "; ".join([*more[:SHOWN], *([f"and {len(more) - SHOWN} more"] if len(more) > SHOWN else [])])
        made = "'make clean' removes what make built. " if (target / "Makefile").exists() else ""
        raise ModelFileError(f"cannot replace '{path}': {listed}. {made}Move what you need, or name another folder.")
    return target


def sealed(text: str) -> str:
    """A text for people to edit, with the mark in it, sealed so that `is_own` sees whether they did."""
    return text.replace(MARK, f"{MARK}; seal {_digest(text.encode())}", 1)


def is_own(path: Path) -> bool:
    """Whether a file has the mark of snnconv in it and no broken seal, or nothing at all."""
    try:
        with open(path, "rb") as file:
            head = file.read(NEAR)
            if seal := _SEAL.search(head):
                text = head + file.read()
                return seal[1].decode() == _digest(text[: seal.start()] + text[seal.end() :])
            file.seek(max(0, os.fstat(file.fileno()).st_size - NEAR))
            return not head or MARK.encode() in head or MARK.encode() in file.read(NEAR)
    except OSError as error:
        raise ModelFileError(f"cannot read '{path}': {error.strerror or error}.") from error


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def _followed(path: Path) -> Path:
    """The ordinary file or folder that a path leads to, or will."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise ModelFileError(
                f"cannot write '{path}': it is a link to '{os.readlink(path)}', which is not there. Remove the link, "
                f"or name another."
            ) from None
        return path
    except OSError as error:
        raise ModelFileError(f"cannot write '{path}': {error.strerror or error}.") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ModelFileError(f"cannot write '{path}': it is a device, a pipe or the like. Name a file.")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _check_parent(path: Path, target: Path) -> None:
    parent = target.absolute().parent
    if not parent.is_dir():
        raise ModelFileError(f"cannot write '{path}': there is no folder '{target.parent}'.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ModelFileError(f"cannot write '{path}': the folder '{target.parent}' may not be written to.")


def _is_same(a: Path, b: Path) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:  # one of them is not there
        return False
