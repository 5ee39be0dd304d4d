"""The state of a training, kept after each epoch, so that it goes on where it was broken off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from ..errors import ModelFileError, one_line
from ..files.hdf5 import read_attributes, reading
from ..files.writing import replacing

STATE = "latest.weights.h5"  # in the folder
EPOCHS, SETTINGS = "epochs_done", "settings"  # attributes of the file


def digest(arrays: Iterable[np.ndarray]) -> str:
    """A text that differs for other arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


class Backup(keras.callbacks.Callback):
    """A callback that writes the state of training into a folder after each epoch.

    A file takes the place of the one before when it is complete, so that a process may be killed at any time.

    Parameters
    ----------
    folder : path
    settings : mapping of str to anything that JSON holds
        Those of the training; it goes on with no others.
    digests : mapping of str to str
        Of the arrays that it starts from, by what they are; it goes on with no others either.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], digests: Mapping[str, str]):
        super().__init__()
        self._folder = folder
        self._path = folder / STATE
        # as JSON holds them, which numbers of NumPy's types pass as plain ones
        self._begun = json.loads(json.dumps({**settings, **digests}, default=float))
        self._digests = digests.keys()

    def restore(self, model: keras.Model) -> int:
        """Give a compiled model the state that is kept; returns the number of epochs that are done.

        Raises
        ------
        ModelFileError
            If the state is damaged, or that of a training that began otherwise.
        """
        if not self._path.exists():
            return 0
        with reading(self._path) as file:
            kept = read_attributes(file)
            done, before = int(kept[EPOCHS]), json.loads(kept[SETTINGS])
        for name, now in self._begun.items():
            if now != before.get(name):
                had = f"other {name}" if name in self._digests else f"{name}={before.get(name)!r}, and now has {now!r}"
                raise ModelFileError(
                    f"the training in '{self._folder}' had {had}. Go on with the same, or delete the folder."
                )
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(self._path)
        except (OSError, ValueError) as error:
            raise ModelFileError(
                f"the training in '{self._folder}' cannot go on ({one_line(error)}). Delete the folder to start anew."
            ) from error
        return done

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the state."""
        model: Any = self.model
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as temporary:
            model.save_weights(temporary)
            with h5py.File(temporary, "a") as file:
                file.attrs.update({EPOCHS: epoch + 1, SETTINGS: json.dumps(self._begun)})

    def clear(self) -> None:
        """Remove the state, and the folder if it holds nothing else."""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()
