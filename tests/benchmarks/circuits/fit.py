"""The model of cells, fitted to the runs of the networks in `SEEN`, and its errors on those in `UNSEEN`."""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

import snnconv
from snnconv.export.verilog.sizing import cells
from snnconv.export.verilog.sizing.devices import DEVICES
from snnconv.export.verilog.timing import longest

from .networks import SEEN, TABLE, UNSEEN
from .routing import TITLES, checksum
from .runs import read

COEFFICIENTS = Path(snnconv.__file__).parent / "export/verilog/sizing/coefficients.json"
FAMILIES = {device.family.name: device.family for device in DEVICES.values()}
MEASURED = {"cells": "cells", "registers": "registers", "nanoseconds": "megahertz"}
FEW = {"network": 300.0, "stages": 150.0}
LOGIC = {"rom": 1 / 32, "products": 3.5, "banks": 0.5, "distributed": 10.0}  # parts without registers
LEAST = 1e-6  # of a coefficient: what is below it is 0, that the fit came close to
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # of the pull to the coefficients that are expected


def samples(runs, networks, family, what):
    """Parts and measured numbers of those networks that ran: a list of (name, parts, number)."""
    found = []
    for name, recipe in networks.items():
        run = runs.get(f"{name} | {family.name}", {})
        number = run.get(MEASURED[what])
        if number:
            parts = cells.parts(recipe.stages(family)[1], family)[what]
            found.append((name, parts, 1000 / number if what == "nanoseconds" else number))
    return found


def expected(found, family, what, fitted):
    """Coefficients before any run is seen.

    A cell and a register for each bit of a part, other numbers where one knows better; for iCE40 without multipliers
    those of iCE40 with them; for a period what it is on average.
    """
    names = sorted({part for _, parts, _ in found for part in parts})
    if what == "nanoseconds":
        return {name: float(np.mean([y for *_, y in found])) if name == "network" else 0.0 for name in names}
    known = {**FEW, **dict.fromkeys(LOGIC, 0.0)} if what == "registers" else {**FEW, **LOGIC}
    if family.name == "hx8k":
        known |= fitted["up5k"][what]
    return {name: known.get(name, 1.0) for name in names if name != "blocks"}


def solved(found, prior, strength):
    """Coefficients that are not negative, of least relative error and near the expected ones."""
    y = np.array([number for *_, number in found])
    x = np.array([[parts.get(part, 0.0) for part in prior] for _, parts, _ in found]) / y[:, None]
    aim = np.array(list(prior.values()))
    pull = np.sqrt(strength * (x**2).sum(0))
    rows, goals = np.vstack([x, np.diag(pull)]), np.concatenate([np.ones(len(y)), pull * aim])
    return dict(zip(prior, lsq_linear(rows, goals, (0, np.inf)).x.tolist(), strict=True))


def errors(found, coefficients):
    """Relative errors."""
    return np.array(
        [sum(coefficients.get(part, 0) * n for part, n in parts.items()) / number - 1 for _, parts, number in found]
    )


def fitted(found, prior):
    """Coefficients with the strength that leaves out best: each network is predicted from the others."""
    if len(found) == 1:
        return solved(found, prior, max(STRENGTHS))

    def left_out(strength):
        wrong = [errors([each], solved([*found[:n], *found[n + 1 :]], prior, strength)) for n, each in enumerate(found)]
        return float(np.mean(np.square(wrong)))

    return solved(found, prior, min(STRENGTHS, key=left_out))


def main():
    """Write the coefficients, and print what the errors are."""
    runs, families, lines = read(), {}, []
    for family in FAMILIES.values():
        families[family.name] = {}
        for what in MEASURED if family.is_routed else ("cells", "registers"):
            seen, unseen = (samples(runs, networks, family, what) for networks in (SEEN, UNSEEN))
            if not seen:
                sys.exit(f"no runs of {family.name}: see python -m tests.benchmarks.circuits")
            families[family.name][what] = coefficients = fitted(seen, expected(seen, family, what, families))
            for group, found in (("seen", seen), ("unseen", unseen)):
                wrong = np.abs(errors(found, coefficients)) * 100
                if len(wrong):
                    lines.append(
                        f"{family.name:8} {what:12} {group:7} {len(wrong):2} networks: "
                        f"mean {wrong.mean():4.1f} %, most {wrong.max():4.1f} % ({found[wrong.argmax()][0]})"
                    )
    n_stale = sum(run["rtl"] != checksum() for run in runs.values())
    n_seen = sum(key.partition(" | ")[0] in SEEN for key in runs)
    about = f"fitted by python -m tests.benchmarks.circuits.fit to {n_seen} runs"
    rounded = {
        family: {
            what: {part: float(f"{n:.4g}") for part, n in found.items() if n > LEAST} for what, found in numbers.items()
        }
        for family, numbers in families.items()
    }
    COEFFICIENTS.write_text(json.dumps({"about": about, "families": rounded}, indent=1) + "\n", "utf-8")
    cells.fitted.cache_clear()
    print(about, f"({n_stale} of all {len(runs)} are of another RTL)")
    print("\n".join([*lines, "", *table(runs)]))
    wrong = [key for key, run in runs.items() if not same_blocks(key, run)]
    print(f"\nblock RAMs and multipliers: {len(runs) - len(wrong)} of {len(runs)} are as estimated; others: {wrong}")
    circuits(runs)


def table(runs):
    """Lines of the networks that the fit did not see: measured and estimated on each device."""
    lines = ["| network | device | cells | estimate | MHz | estimate |", "|---" * 6 + "|"]
    for name, recipe in UNSEEN.items():
        first = name
        for family in FAMILIES.values():
            run = runs.get(f"{name} | {family.name}")
            if run:
                guess = cells.estimate(recipe.stages(family)[1], family)
                rates = f"{run['megahertz']:.1f} | {guess.hertz / 1e6:.1f}" if run["megahertz"] else " | "
                title = TITLES[family.name]
                lines.append(f"| {first} | {title} | {run['cells']:,} | {guess.cells:,} | {rates} |")
                first = ""
    return lines


def circuits(runs):
    """Print the networks that ran on every family, with the time of a sample of 10 steps in which all inputs spike."""
    print("\n| network | device | cells | registers | block RAMs | multipliers | MHz | clocks | us |\n|" + "---|" * 9)
    for name, recipe in (SEEN | UNSEEN | TABLE).items():
        found = {family: runs.get(f"{name} | {family}") for family in FAMILIES}
        if all(found.values()):
            for family, run in found.items():
                clocks = longest(recipe.stages(FAMILIES[family])[1], 10)
                counts = " | ".join(f"{run[what]:,}" for what in ("cells", "registers", "memories", "multipliers"))
                megahertz = run["megahertz"]
                times = f"{megahertz} | {clocks:,} | {clocks / megahertz:.1f}" if megahertz else f" | {clocks:,} | "
                print(f"| {name} | {family} | {counts} | {times} |")


def same_blocks(key, run):
    """Whether a run has as many memories and multipliers as are estimated."""
    name, _, family = key.partition(" | ")
    guess = cells.estimate((SEEN | UNSEEN | TABLE)[name].stages(FAMILIES[family])[1], FAMILIES[family])
    return (run["memories"], run["multipliers"]) == (guess.memories, guess.multipliers)


if __name__ == "__main__":
    main()
