"""The finished parts of a long run, in a folder beside its output, until all of them are there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, ModelFileError, one_line
from ...files.archives import write_npz
from ...files.arrays import OwnArrays
from ...files.writing import remove_all_leftovers, replacing
from ..batches import LARGEST
from .account import PREFIX
from .stretches import without_overlap

FORMAT, VERSION = "snnconv unfinished run", 1
MANIFEST = "RUN.json"
NAME = re.compile(r"(\d{12})-(\d{12})\.npz", re.ASCII)  # of a part: its first sample, and the one behind its last
FASTEST = 1  # level of compression
PLACE = "samples"  # array of a part: the first and the one behind the last; a file may have been renamed

Arrays = Mapping[str, np.ndarray]


class Parts:
    """A folder with one .npz file per part, written whole or not at all, and a manifest that says of which run.

    Parameters
    ----------
    out : path
        File that the run writes in the end; the folder is named after it.
    """

    def __init__(self, out: Path):
        self.out, self.folder = out, out.with_name(out.name + ".parts")

    def manifest(self) -> dict[str, Any] | None:
        """Manifest of the run that the folder is of, or None if there is no folder.

        Raises
        ------
        ModelFileError
            If it holds something else, or is damaged.
        """
        if self.folder.is_dir():
            remove_all_leftovers(self.folder)
        try:
            contents = json.loads((self.folder / MANIFEST).read_text("utf-8"))
        except FileNotFoundError:
            if self.folder.exists() and any(self.folder.iterdir()):
                raise ModelFileError(f"'{self.folder}' is in the way: it holds no unfinished run. Move it.") from None
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise ModelFileError(f"cannot read '{self.folder / MANIFEST}': {one_line(error)}.") from error
        if not isinstance(contents, dict) or (contents.get("format"), contents.get("version")) != (FORMAT, VERSION):
            raise ModelFileError(f"'{self.folder / MANIFEST}' is of another version of snnconv, or of something else.")
        is_usable = _are_sizes(contents.get("sizes"))
        if not is_usable or not isinstance(contents.get("run"), dict):
            wrong = "run" if is_usable else "sizes"
            raise ModelFileError(
                f"'{self.folder / MANIFEST}' is damaged: its '{wrong}' cannot be used. Delete the folder to start anew."
            )
        return contents

    def begin(self, about: Mapping[str, Any]) -> None:
        """Make the folder, for the run that `about` identifies."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ModelFileError(f"cannot make the folder '{self.folder}': {error.strerror or error}.") from error
        contents = {"format": FORMAT, "version": VERSION, **about}
        try:
            with replacing(self.folder / MANIFEST) as temporary:
                temporary.write_text(json.dumps(contents, indent=2, ensure_ascii=False) + "\n", "utf-8")
        except ModelFileError:
            self.remove()
            raise

    def done(self) -> list[slice]:
        """The samples that are there, in order."""
        names = (NAME.fullmatch(path.name) for path in self.folder.glob("*.npz"))
        return without_overlap(slice(int(name[1]), int(name[2])) for name in names if name)

    def write(self, samples: slice, arrays: Arrays) -> None:
        """Keep the arrays of some samples."""
        with replacing(self._path(samples)) as temporary:
            write_npz(temporary, {**arrays, PLACE: _ends(samples)}, compression=FASTEST)

    def read(self, samples: slice) -> Arrays:
        """The arrays of some samples, each read when it is asked for.

        Raises
        ------
        ModelFileError
            If the file is damaged, also when an array is read.
        """
        return _Part(self._path(samples), samples)

    def read_all(self, n: int) -> list[Arrays]:
        """The arrays of all parts of a run of `n` samples, after checking that they fit together.

        Raises
        ------
        ModelFileError
            If a file is damaged, or was renamed.
        """
        found = [_Part(self._path(part), part) for part in self.done()]
        for each in found:
            if each.samples.stop > n or set(each) != set(found[0]):
                raise each.damage()
        return list(found)

    def remove(self) -> None:
        """Delete the folder, but nothing in it that is not of a run."""
        with suppress(OSError):  # another worker removed it, or something else is in it
            remove_all_leftovers(self.folder)
            for path in self.folder.iterdir():
                if path.name == MANIFEST or NAME.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            self.folder.rmdir()

    def _path(self, samples: slice) -> Path:
        return self.folder / f"{samples.start:012d}-{samples.stop:012d}.npz"


def checksums(files: Mapping[str, Path | None]) -> dict[str, str | None]:
    """SHA-256 of what each file holds."""
    found: dict[str, str | None] = dict.fromkeys(files)
    for name, path in files.items():
        if path is not None:
            with open(path, "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


class _Part(Mapping[str, np.ndarray]):
    """The arrays of a part by name, each read from its file when it is asked for."""

    def __init__(self, path: Path, samples: slice):
        self._path, self.samples = path, samples
        with self._damage():
            self._arrays = OwnArrays(path)
        if PLACE not in self._arrays or not np.array_equal(self._numbers(PLACE), _ends(samples)):
            raise self.damage()

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._numbers(name)
        if not name.startswith(PREFIX) and found.shape[:1] != (self.samples.stop - self.samples.start,):
            raise self.damage()
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._arrays if name != PLACE)

    def damage(self) -> ModelFileError:
        """The error that says that the file is damaged."""
        return ModelFileError(f"'{self._path}' is damaged. Delete it, and start again with --resume.")

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _numbers(self, name: str) -> np.ndarray:
        with self._damage():
            found = self._arrays[name]
        if found.dtype.kind not in "biuf":
            raise self.damage()
        return found

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            raise self.damage() from error


def _are_sizes(found: Any) -> bool:
    """Whether these are numbers of samples and of steps, as a run chooses them."""
    if not isinstance(found, list) or len(found) != 2 or not all(type(size) is int for size in found):
        return False
    return 0 < found[0] <= LARGEST and 0 < found[1] < 1 << 31


def _ends(samples: slice) -> np.ndarray:
    return np.array([samples.start, samples.stop], "int64")
