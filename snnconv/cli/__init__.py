"""The command ``snnconv``: one module per command, each imported with the package but heavy only when it runs."""

from __future__ import annotations

from .app import app, main
from .demo import demo
from .export import export
from .inspect import inspect
from .simulate import simulate
from .train import train
from .verify import verify

for command in (demo, train, export, inspect, simulate, verify):
    app.command()(command)

__all__ = ["app", "main"]
