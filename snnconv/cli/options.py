"""Arguments and options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .app import complete_one_of


@dataclass(frozen=True)
class KerasOptions:
    """How to read a Keras file; see `snnconv.keras_files.load_model`."""

    config: Path | None = None
    custom_objects: str | None = None
    unsafe: bool = False

    @property
    def model_json(self) -> Path | None:
        """The file of --config, where it is what model.to_json() gave."""
        return None if self.settings is not None else self.config

    @property
    def settings(self) -> Path | None:
        """The file of --config, where it holds how to convert and run the network."""
        return self.config if self.config is not None and self.config.suffix == ".toml" else None


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A Keras file or an exported .snn.h5.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="A .toml file of `snnconv tune`; or what model.to_json() gave, for weights."
    ),
]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        "--custom-objects", metavar="MODULE", help="Import package.module for classes that Keras does not have."
    ),
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Run the code that Lambda layers keep in the file. Only if you trust it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Steps = Annotated[int, typer.Option("--steps", metavar="N", help="Time steps to run.")]
Dt = Annotated[
    float | None,
    typer.Option("--dt", metavar="SECONDS", help="Length of a time step.  [default: the file's, or 0.001]"),
]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="TYPE", help="float32 or float64.", autocompletion=complete_one_of("float32", "float64")
    ),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random numbers]"
    ),
]
