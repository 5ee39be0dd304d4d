"""A folder's table of contents: MANIFEST.json, with the SHA-256 of every file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import ModelFileError, one_line

NAME = "MANIFEST.json"
FORMAT, VERSION = "snnconv folder", 1


def write_manifest(folder: Path, **about: Any) -> None:
    """Write the manifest of all files in `folder` into it.

    Parameters
    ----------
    about : values that JSON can hold
        What is said of the folder beside its files: what wrote it, its target, its verdict.
    """
    files = {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    contents = {"format": FORMAT, "version": VERSION, **about, "files": files}
    (folder / NAME).write_text(json.dumps(contents, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The contents of a folder's manifest.

    Raises
    ------
    ModelFileError
        If there is none, or it is damaged.
    """
    path = folder / NAME
    try:
        contents = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no {NAME} in '{folder}': it is no folder that snnconv wrote.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"cannot read '{path}': {one_line(error)}.") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ModelFileError(f"'{path}' is not a manifest that snnconv wrote.")
    version, files = contents.get("version"), contents.get("files")
    if not isinstance(version, int) or version > VERSION:
        raise ModelFileError(f"'{path}' has version {version!r}; this snnconv reads up to {VERSION}. Update snnconv.")
    if not isinstance(files, dict) or not all(_is_entry(name, entry) for name, entry in files.items()):
        raise ModelFileError(f"'{path}' is damaged: its files are no table of names inside the folder and checksums.")
    return contents


def changed_files(folder: Path) -> dict[str, str]:
    """Files that are not what the manifest says, by name: "changed", "missing" or "not in the manifest".

    Links and whatever else is no ordinary folder count as files.

    Raises
    ------
    ModelFileError
        As `read_manifest`, or if a file cannot be read.
    """
    expected = read_manifest(folder)["files"]
    files = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    present = {path.relative_to(folder).as_posix() for path in files} - {NAME}
    found = {}
    for name in sorted(expected.keys() | present):
        if name not in present:
            found[name] = "missing"
        elif name not in expected:
            found[name] = "not in the manifest"
        elif not (folder / name).is_file() or _sha256(folder / name) != expected[name]["sha256"]:
            found[name] = "changed"
    return found


def has_manifest(folder: Path) -> bool:
    """Whether a folder holds a manifest that snnconv wrote."""
    try:
        read_manifest(folder)
    except ModelFileError:
        return False
    return True


def _is_entry(name: str, entry: Any) -> bool:
    path = PurePosixPath(name)
    is_inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return is_inside and isinstance(entry, dict) and isinstance(entry.get("sha256"), str)


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"cannot read '{path}': {error.strerror or error}.") from error
