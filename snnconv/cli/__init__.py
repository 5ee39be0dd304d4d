"""The command ``snnconv``: one module per command, each imported with the package but heavy only when it runs.

- `app`: the command itself, its errors in one line, completion, and TensorFlow without its messages
- `options`: arguments and options that several commands share, and groups of them
- `model`: the argument MODEL, opened once per command, and the settings of --config
- `samples`: inputs and labels in files
- `targets`: the options of export targets, and their list
- `screen`: lines, tables and JSON

A new command is a module with a function of the module's name, named in the tuple below. Its options are the function's
parameters and its help the docstring; a class `Command` in the module, if there is one, parses its arguments.
"""

from __future__ import annotations

from importlib import import_module

from .app import app, main
from .options import with_groups

COMMANDS = (  # in the order of the help
    "demo",
    "train",
    "finetune",
    "export",
    "inspect",
    "explain",
    "view",
    "simulate",
    "verify",
    "diagnose",
    "quantize",
    "energy",
    "metrics",
    "doctor",
    "tune",
    "env",
)

for _name in COMMANDS:
    _module = import_module(f".{_name}", __name__)
    app.command(cls=getattr(_module, "Command", None))(with_groups(getattr(_module, _name)))

__all__ = ["app", "main"]
