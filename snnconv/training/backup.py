"""The state of a training, kept after each epoch, so that it goes on where it was broken off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from ..errors import ModelFileError, one_line
from ..files.hdf5 import read_attributes, reading
from ..files.writing import replacing

STATE = "latest.weights.h5"  # in the folder
EPOCHS, SETTINGS = "epochs_done", "settings"  # attributes of the file


class Backup(keras.callbacks.Callback):
    """A callback that writes the state of training into a folder after each epoch, and removes it at the end.

    A file takes the place of the one before when it is complete, so that a process may be killed at any time.

    Parameters
    ----------
    folder : path
    settings : mapping of str to anything that JSON holds
        Those of the training; it goes on with no others.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        super().__init__()
        self._folder = folder
        self._settings = json.dumps(dict(settings), default=float)  # numbers may be of NumPy's types

    def restore(self, model: keras.Model) -> int:
        """Give a compiled model the state that is kept; returns the number of epochs that are done.

        Raises
        ------
        ModelFileError
            If the state is damaged, or that of another model or of other settings.
        """
        path = self._folder / STATE
        if not path.exists():
            return 0
        with reading(path) as file:
            kept = read_attributes(file)
            done, settings = int(kept[EPOCHS]), json.loads(kept[SETTINGS])
        given = json.loads(self._settings)
        for name in given:
            if given[name] != settings.get(name):
                raise ModelFileError(
                    f"the training in '{self._folder}' had {name}={settings.get(name)!r}, and now has {given[name]!r}. "
                    f"Go on with the same settings, or delete the folder."
                )
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(path)
        except (OSError, ValueError) as error:
            raise ModelFileError(
                f"the training in '{self._folder}' was that of another network ({one_line(error)}). Go on with the "
                f"same one, or delete the folder."
            ) from error
        return done

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the state."""
        model: Any = self.model
        self._folder.mkdir(exist_ok=True)
        with replacing(self._folder / STATE) as temporary:
            model.save_weights(temporary)
            with h5py.File(temporary, "a") as file:
                file.attrs.update({EPOCHS: epoch + 1, SETTINGS: self._settings})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Remove the folder."""
        if self._folder.exists():
            shutil.rmtree(self._folder)
