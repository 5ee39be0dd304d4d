"""Writing files and folders whole or not at all.

What is being written lies in a hidden folder beside its place, which is locked as long as the process lives. A process
that is killed leaves it there; the next one that writes to the same place finds it without a lock, and removes it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ModelFileError, one_line
from .output import check_file, check_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HIDDEN = re.compile(r"(\..+\.)[a-z0-9_]{8}\.part")
LONGEST = 200  # bytes of a name that stand in that of the hidden folder; 255 is what file systems take
SCRATCH = "snnconv-scratch"
NEW, OLD = "new", "old"  # in the hidden folder: what is being written, and the folder that it replaces


@contextmanager
def replacing(path: str | os.PathLike[str], force: bool = True) -> Iterator[Path]:
    """Give a temporary path of the same name; on success move it to `path`, on failure leave what was there.

    Parameters
    ----------
    force : bool
        Whether it may replace a file that snnconv did not write.

    Raises
    ------
    ModelFileError
        If the file may not be written, or cannot be.
    """
    target = check_file(path, force=force)
    with _workshop(target, path) as workshop:
        temporary = workshop / NEW / target.name
        yield temporary
        _sync(temporary)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        os.replace(temporary, check_file(path, force=force))


@contextmanager
def replacing_folder(path: str | os.PathLike[str], force: bool = False) -> Iterator[Path]:
    """Give a temporary folder of the same name; on success move it to `path`, on failure leave what was there.

    Parameters
    ----------
    path : path
        A folder that is not there, or is empty.
    force : bool
        It may also be one with a manifest, if all that is in it is as the manifest says.

    Raises
    ------
    ModelFileError
        If the folder may not be replaced, its parent does not exist, or it cannot be written.
    """
    with suppress(OSError):  # there is no folder to look in: said by the check
        remove_leftovers(Path(path))
    target = check_folder(path, force)
    with _workshop(target, path) as workshop:
        temporary = workshop / NEW / target.name
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        if check_folder(path, force).exists():  # looked at again: it may be minutes since
            os.replace(target, workshop / OLD)
        os.replace(temporary, target)


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder for what is compiled; those that killed processes left are removed first."""
    place = Path(tempfile.gettempdir(), SCRATCH)
    remove_leftovers(place)
    workshop, handle = _new_workshop(place)
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes left beside a path; bring back a folder that one of them was about to replace."""
    _remove(target.absolute().parent, lambda prefix: target if prefix == _prefix(target) else None)


def remove_all_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder that nothing but this package writes to."""
    _remove(folder, lambda prefix: folder / prefix[1:-1])


def _remove(folder: Path, target_of: Callable[[str], Path | None]) -> None:
    for entry in list(os.scandir(folder)):
        found = HIDDEN.fullmatch(entry.name)
        target = target_of(found[1]) if found and entry.is_dir(follow_symlinks=False) else None
        if target is not None:
            with suppress(OSError):  # of a process that lives, or on a file system without locks
                handle = _lock(Path(entry.path))
                try:
                    _clear(Path(entry.path), target)
                finally:
                    os.close(handle)


@contextmanager
def _workshop(target: Path, path: str | os.PathLike[str]) -> Iterator[Path]:
    """A hidden folder beside `target`, locked, and removed at the end; errors in the block are of writing `path`."""
    try:
        remove_leftovers(target)
        workshop, handle = _new_workshop(target)
        try:
            (workshop / NEW).mkdir()
            yield workshop
        finally:
            _clear(workshop, target)
            if handle is not None:
                os.close(handle)
    except OSError as error:
        raise ModelFileError(f"cannot write '{path}': {error.strerror or one_line(error)}.") from error


def _new_workshop(target: Path) -> tuple[Path, int | None]:
    """A hidden folder, and the handle that holds its lock; None where there are no locks."""
    while True:
        workshop = Path(tempfile.mkdtemp(prefix=_prefix(target), suffix=".part", dir=target.absolute().parent))
        try:
            handle = _lock(workshop)
        except (FileNotFoundError, BlockingIOError):
            continue  # another process took it for a leftover before it was locked
        except OSError:
            return workshop, None
        if workshop.exists():
            return workshop, handle
        os.close(handle)


def _clear(workshop: Path, target: Path) -> None:
    if (workshop / OLD).exists() and not target.exists():
        os.replace(workshop / OLD, target)
    shutil.rmtree(workshop, ignore_errors=True)


def _lock(folder: Path) -> int:
    """Lock a folder until the handle is closed or the process ends; raise OSError if that cannot be."""
    if fcntl is None:
        raise OSError("there are no locks of folders")
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _prefix(target: Path) -> str:
    name = target.name
    if len(os.fsencode(name)) > LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _sync(file: Path) -> None:
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())
