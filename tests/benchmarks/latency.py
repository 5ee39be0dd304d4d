"""How long a call of one time step takes, as in a closed loop: ``python -m tests.benchmarks.latency --help``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import machine, options, timing, works
from .processes import limit_threads
from .results import markdown

CASES = (("W1", 1), ("W1", 64), ("W2", 1), ("W2", 32))  # work and samples at once
WARM_UP = 50  # calls
HEADINGS = ("network", "samples", "p50, µs", "p99, µs", "longest, µs", "steps / s", "wrong", "others")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = options.new_parser("latency", __doc__)
    parser.add_argument("--calls", type=options.positive, default=1000, metavar="N", help="steps timed (default: 1000)")
    args = parser.parse_args(arguments)
    limit_threads(args.threads)
    rows = [measure(name, n, args.calls) for name, n in CASES]
    print(f"{machine.in_words()}; {options.count(args.threads, 'thread')}")
    print(f"{args.calls:,} calls of Simulator.step, a new input in each\n")
    lines = []
    for row in rows:
        p50, p99, longest = (f"{1e6 * row[key]:,.0f}" for key in ("p50", "p99", "longest"))
        rate = f"{row['samples'] / row['p50']:,.0f}"
        shares = [f"{row['wrong']:.1%}", f"{row['others']:.2f}"]
        lines.append([row["network"], f"{row['samples']}", p50, p99, longest, rate, *shares])
    print(markdown(HEADINGS, lines))
    print("\nsteps / s: samples × steps at p50. wrong: share of the outputs that are not those of Simulator.run.")
    print("others: cores that other processes used meanwhile.")
    options.write(args, calls=args.calls, rows=rows)
    return 0


def measure(name: str, n: int, calls: int) -> dict[str, Any]:
    """Seconds of a call of `Simulator.step`: median, 99th percentile and longest.

    Parameters
    ----------
    name : str
        The work whose network it is; its input is another one at every step.
    n : int
        Samples at once.
    """
    import snnconv

    from .graphs import as_graph
    from .reference import share_of_wrong

    work = works.make(name, n)
    rng = np.random.default_rng(0)
    x = (work.x[:, None] * rng.random((n, calls, *(1,) * (work.x.ndim - 1)))).astype("float32")
    simulator = snnconv.Simulator(as_graph(work), progress=False)
    for number in range(WARM_UP):
        simulator.step(x[:, number % calls])
    simulator.reset()
    inputs = [np.ascontiguousarray(x[:, number]) for number in range(calls)]
    seconds, outputs = np.empty(calls), []

    others = timing.Others()
    for number in range(calls):
        start = time.perf_counter()
        outputs.append(simulator.step(inputs[number]))
        seconds[number] = time.perf_counter() - start
    cores = others.cores()
    expected = simulator.run(x, calls).output
    return {
        "network": name,
        "samples": n,
        "p50": float(np.median(seconds)),
        "p99": float(np.percentile(seconds, 99)),
        "longest": float(seconds.max()),
        "others": cores,
        "wrong": share_of_wrong(np.stack(outputs, 1), expected),
    }


if __name__ == "__main__":
    sys.exit(main())
