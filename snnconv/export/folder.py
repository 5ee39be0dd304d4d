"""`verify_folder`: an exported folder against its own checksums and golden vectors."""

from __future__ import annotations

from pathlib import Path

from ..files.manifest import changed_files, read_manifest
from . import TARGETS, Check


def verify_folder(folder: Path) -> list[Check]:
    """Check that no file of a folder has changed; if none has, compile and run what the folder contains.

    Raises
    ------
    ModelFileError
        If it has no manifest that snnconv wrote.
    """
    manifest = read_manifest(folder)
    found = changed_files(folder)
    more = [name for name, change in found.items() if change == "not in the manifest"]
    bad = [f"{name} is {change}" for name, change in found.items() if name not in more]
    said = "; ".join(bad) if bad else f"all {len(manifest['files'])} are as they were written"
    checks = [Check("files", not bad, said + (f"; not in the manifest: {', '.join(more)}" if more else ""))]
    if bad:
        return checks
    target = TARGETS.get(str(manifest.get("target")))
    if target is None or target.check_folder is None:
        return [*checks, Check("contents", None, "this target has nothing that could be run here")]
    return [*checks, *target.check_folder(folder)]
