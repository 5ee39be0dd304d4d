"""Arguments and options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class KerasOptions:
    """How to read a Keras file; see `snnconv.keras_files.load_model`."""

    config: Path | None = None
    custom_objects: str | None = None
    unsafe: bool = False


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A Keras file or an exported .snn.h5.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="What model.to_json() gave, where MODEL holds weights only."),
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
Steps = Annotated[int, typer.Option("--steps", metavar="N", help="Time steps to run.")]
Dt = Annotated[
    float | None,
    typer.Option("--dt", metavar="SECONDS", help="Length of a time step.  [default: the file's, or 0.001]"),
]
Dtype = Annotated[str, typer.Option("--dtype", metavar="TYPE", help="float32 or float64.")]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random numbers]"
    ),
]
