"""What the commands of this folder have in common: two options, and the file of figures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from . import machine


def new_parser(command: str, about: Any) -> argparse.ArgumentParser:
    """A parser with the options that every command takes."""
    sentence = str(about).partition(":")[0] + "."
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{command}", description=sentence)
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads to use (default: 1)")
    parser.add_argument("--json", type=writable, metavar="FILE", help="write every figure to a file")
    return parser


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def writable(text: str) -> Path:
    """A file in a folder that there is: better to know before everything is measured."""
    if not Path(text).parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder '{Path(text).parent}'")
    return Path(text)


def some_of(known: tuple[str, ...]) -> Any:
    """The type of an option that takes some of these names, with commas between."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := sorted(set(given) - set(known)):
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
        return given

    return names


def write(args: argparse.Namespace, **figures: Any) -> None:
    """Write the figures, if they are wanted, with the machine that they were measured on."""
    if args.json:
        whole = {"machine": machine.machine(), "threads": args.threads, **figures}
        args.json.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


def count(number: int, noun: str) -> str:
    """As in 1 thread, 2 threads."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
