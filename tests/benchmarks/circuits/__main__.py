"""Runs of yosys and nextpnr that runs.json lacks, one after the other; each is kept as soon as it has ended."""

import sys
from pathlib import Path

from snnconv import export

from .networks import SEEN, TABLE, UNSEEN
from .routing import LARGE, TOOLS, checksum, routed
from .runs import keep, locked, read


def main(folder, names, devices):
    """Make the runs of these networks on these devices that are missing, or of another RTL."""
    rtl = checksum()
    networks = SEEN | UNSEEN | TABLE
    for name in names or networks:
        for device in devices or TOOLS:
            key, place = f"{name} | {device}", folder / f"{rtl} {name} {device}".translate(str.maketrans(" ,", "__"))
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
