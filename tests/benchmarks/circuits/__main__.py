"""Runs of yosys and nextpnr, one after the other; each is kept in runs.json as soon as it has ended.

python -m tests.benchmarks.circuits FOLDER                      those in runs.json that are of another RTL
python -m tests.benchmarks.circuits FOLDER [NETWORK|DEVICE …]   those of these, on all devices or networks
"""

import sys
from pathlib import Path

from snnconv import export

from .networks import SEEN, TABLE, UNSEEN
from .routing import LARGE, TOOLS, checksum, routed
from .runs import keep, locked, read


def main(folder, names, devices):
    """Make the runs that are missing or of another RTL: of these networks and devices, or those that are kept."""
    rtl = checksum()
    networks = SEEN | UNSEEN | TABLE
    every = [f"{name} | {device}" for name in names or networks for device in devices or TOOLS]
    for key in every if names or devices else read():
        name, _, device = key.partition(" | ")
        place = folder / f"{rtl} {name} {device}".translate(str.maketrans(" ,", "__"))
        with locked(folder / f"{place.name}.lock", waits=False) as is_mine:
            if is_mine and read().get(key, {}).get("rtl") != rtl:
                make(networks[name], place, LARGE.get(device, {}))
                keep(key, {"rtl": rtl, **routed(place, device)})
                print(key, read()[key], flush=True)


def make(recipe, place, options):
    """Write a network's circuit with more options, unless it is there."""
    if not place.exists():
        lanes = ",".join(map(str, [recipe.lanes] if isinstance(recipe.lanes, int) else recipe.lanes))
        export.export(recipe.graph(), place, "verilog", lanes=lanes, **recipe.settings(), **options)


if __name__ == "__main__":
    given = sys.argv[2:]
    main(Path(sys.argv[1]), [name for name in given if name not in TOOLS], [name for name in given if name in TOOLS])
