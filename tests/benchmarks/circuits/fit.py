"""The model of cells, fitted to the runs of the networks in `SEEN`, and its errors on those in `UNSEEN`."""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

import snnconv
from snnconv.export.verilog.sizing import cells
from snnconv.export.verilog.sizing.devices import DEVICES

from .__main__ import read
from .networks import SEEN, UNSEEN
from .routing import checksum

COEFFICIENTS = Path(snnconv.__file__).parent / "export/verilog/sizing/coefficients.json"
FAMILIES = {device.family.name: device.family for device in DEVICES.values()}
MEASURED = {"cells": "cells", "registers": "registers", "nanoseconds": "megahertz"}
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # of the pull to the coefficients that are expected


def samples(runs, networks, family, what):
    """Parts and measured numbers of those networks that ran: a list of (name, parts, number)."""
    found = []
    for name, recipe in networks.items():
        run = runs.get(f"{name} | {family.name}", {})
        number = run.get(MEASURED[what])
        if number:
            stages = recipe.stages()[1]
            parts = cells.delays(stages, family) if what == "nanoseconds" else cells.parts(stages, family)
            found.append((name, parts, 1000 / number if what == "nanoseconds" else number))
    return found


def expected(part, what):
    """A coefficient before any run is seen: a cell and a register for each bit of a part."""
    if what == "nanoseconds":
        return 0.0
    few = {"rom": 1 / 32, "products": 0.5, "network": 100.0, "stages": 60.0, "banks": 0.5, "blocks": 0.0}
    return few.get(part, 1.0) * (0.0 if what == "registers" and part in ("rom", "products", "banks") else 1.0)


def solved(found, what, strength):
    """Coefficients that are not negative, of least relative error and near the expected ones."""
    names = sorted({part for _, parts, _ in found for part in parts} - {"blocks" if what != "nanoseconds" else ""})
    y = np.array([number for *_, number in found])
    x = np.array([[parts.get(part, 0.0) for part in names] for _, parts, _ in found]) / y[:, None]
    prior = np.array([expected(part, what) for part in names])
    pull = np.sqrt(strength * (x**2).sum(0))
    rows, goals = np.vstack([x, np.diag(pull)]), np.concatenate([np.ones(len(y)), pull * prior])
    return dict(zip(names, lsq_linear(rows, goals, (0, np.inf)).x.tolist(), strict=True))


def errors(found, coefficients):
    """Relative errors."""
    return np.array(
        [sum(coefficients.get(part, 0) * n for part, n in parts.items()) / number - 1 for _, parts, number in found]
    )


def fitted(found, what):
    """Coefficients with the strength that leaves out best: each network is predicted from the others."""

    def left_out(strength):
        return np.mean(
            [
                errors([each], solved([*found[:n], *found[n + 1 :]], what, strength))[0] ** 2
                for n, each in enumerate(found)
            ]
        )

    return solved(found, what, min(STRENGTHS, key=left_out))


def main():
    """Write the coefficients, and print what the errors are."""
    runs, families, lines = read(), {}, []
    for family in FAMILIES.values():
        families[family.name] = {}
        for what in MEASURED if family.is_routed else ("cells", "registers"):
            seen, unseen = (samples(runs, networks, family, what) for networks in (SEEN, UNSEEN))
            if not seen:
                sys.exit(f"no runs of {family.name}: see python -m tests.benchmarks.circuits")
            families[family.name][what] = coefficients = fitted(seen, what)
            for group, found in (("seen", seen), ("unseen", unseen)):
                wrong = np.abs(errors(found, coefficients)) * 100
                if len(wrong):
                    lines.append(
                        f"{family.name:8} {what:12} {group:7} {len(wrong):2} networks: "
                        f"mean {wrong.mean():4.1f} %, most {wrong.max():4.1f} % ({found[wrong.argmax()][0]})"
                    )
    n_stale = sum(run["rtl"] != checksum() for run in runs.values())
    about = f"fitted by python -m tests.benchmarks.circuits.fit to {len(runs)} runs"
    rounded = {
        family: {what: {part: float(f"{n:.4g}") for part, n in found.items() if n} for what, found in numbers.items()}
        for family, numbers in families.items()
    }
    COEFFICIENTS.write_text(json.dumps({"about": about, "families": rounded}, indent=1) + "\n", "utf-8")
    cells.coefficients.cache_clear()
    print(about, f"({n_stale} of them of another RTL)")
    print("\n".join(lines))
    table(runs)


def table(runs):
    """Print the networks that the fit did not see: measured, and estimated."""
    for family in FAMILIES.values():
        print(f"\n| network | {family.cell} | estimate | registers | estimate | blocks | estimate | MHz | estimate |")
        print("|" + "---|" * 9)
        for name, recipe in UNSEEN.items():
            run = runs.get(f"{name} | {family.name}")
            if run is not None:
                guess = cells.estimate(recipe.stages()[1], family)
                row = [f"{run[what]:,} | {getattr(guess, what):,}" for what in ("cells", "registers", "memories")]
                row.append(f"{run['megahertz'] or ''} | {f'{guess.hertz / 1e6:.1f}' if guess.hertz else ''}")
                print(f"| {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
