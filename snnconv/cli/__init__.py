"""The command ``snnconv``: one module per command, each imported with the package but heavy only when it runs."""

from __future__ import annotations

from .app import app, main
from .demo import demo
from .diagnose import diagnose
from .doctor import doctor
from .energy import energy
from .explain import explain
from .export import export
from .inspect import inspect
from .quantize import quantize
from .simulate import simulate
from .targets import ExportCommand
from .train import train
from .tune import tune
from .verify import verify
from .view import view

for command in (
    demo,
    train,
    export,
    inspect,
    explain,
    view,
    simulate,
    verify,
    diagnose,
    quantize,
    energy,
    doctor,
    tune,
):
    app.command(cls=ExportCommand if command is export else None)(command)

__all__ = ["app", "main"]
