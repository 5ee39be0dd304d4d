"""The works and one large layer on an accelerator: ``python -m tests.benchmarks.gpu --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.gpu", description=str(__doc__).partition(":")[0] + "."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write programs and expected spikes to a folder of less than 60 MiB")
    packing.add_argument("--quick", action="store_true", help="few samples and steps, to see that everything runs")
    running = commands.add_parser("run", help="run a packed folder where there is JAX; needs no snnconv, no TensorFlow")
    running.add_argument("--repeats", type=int, default=20, metavar="N", help="timed runs of each (default: 20)")
    running.add_argument("--only", metavar="NAME,…", help="of W1 to W4, L4096 and so on, and peers")
    running.add_argument("--json", type=Path, metavar="FILE", help="write every figure to a file")
    for each in (packing, running):
        each.add_argument("folder", type=Path, metavar="FOLDER")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, or run and print tables.

    Returns
    -------
    int
        1 if spikes differ by more than ties can account for, else 0.
    """
    args = parse(arguments)
    if args.command == "pack":
        from .pack import pack

        pack(args.folder, args.quick)
        return 0
    from .programs import run

    return run(args.folder, args.repeats, args.only.split(",") if args.only else None, args.json)


if __name__ == "__main__":
    sys.exit(main())
