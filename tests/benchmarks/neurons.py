"""What a step of a neuron costs: ``python -m tests.benchmarks.neurons --help``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import machine, options
from .processes import limit_threads
from .results import markdown
from .works import DT

N_SAMPLES, N_UNITS = 64, 512
LENGTHS = (25, 100)  # steps: currents and spikes of the first stay in a cache of 7 MB
RUNS = 10  # of each in a round


def main(arguments: Sequence[str] | None = None) -> int:
    parser = options.new_parser("neurons", __doc__)
    parser.add_argument("--rounds", type=options.positive, default=5, metavar="N", help="turns of each (default: 5)")
    args = parser.parse_args(arguments)
    limit_threads(args.threads)
    runs = {(name, steps): loop(name, steps) for name in neurons() for steps in LENGTHS}
    seconds = dict.fromkeys(runs, float("inf"))
    for _ in range(args.rounds):
        for key, run in runs.items():
            seconds[key] = min(seconds[key], *map(_seconds, [run] * RUNS))
    print(f"{machine.in_words()}; {options.count(args.threads, 'thread')}")
    print(f"{N_SAMPLES} samples × {N_UNITS} neurons, float32; ns of processor time per neuron and step, best of all\n")
    nanoseconds = {key: 1e9 * value / (key[1] * N_SAMPLES * N_UNITS) for key, value in seconds.items()}
    rows = []
    for name in neurons():
        cells = ((nanoseconds[name, steps], nanoseconds["IF", steps]) for steps in LENGTHS)
        rows.append([name, *(text for value, of_if in cells for text in (f"{value:.2f}", f"{value / of_if:.2f}"))])
    print(markdown(("neuron", *(text for steps in LENGTHS for text in (f"{steps} steps", "by the IF's"))), rows))
    options.write(args, rows=[{"neuron": name, "steps": n, "ns": value} for (name, n), value in nanoseconds.items()])
    return 0


def neurons() -> dict[str, Any]:
    """The neurons that layers are converted to, by name; each sends one spike in some steps."""
    from snnconv.neurons import IF, LIF, Follower, SignedIF

    relu: dict[str, Any] = {"amplitude": DT, "min_voltage": -float("inf")}
    return {
        "IF": IF(**relu),
        "IF, one spike a step": IF(**relu, max_spikes=1),
        "SignedIF": SignedIF(amplitude=DT),
        "Follower": Follower(amplitude=DT, max_spikes=1),
        "LIF": LIF(amplitude=DT),
    }


def loop(name: str, steps: int) -> Callable[[], Any]:
    """A population's steps with random currents, as the Simulator compiles them."""
    import tensorflow as tf

    from snnconv.graph import Population
    from snnconv.runtime import tensorflow_ops
    from snnconv.runtime.compiled.scan import compile_scan

    none = np.zeros((), "float32")
    node = Population(
        name="p", inputs=("x",), shape=(N_UNITS,), neuron=neurons()[name], neuron_bias=none, gain=none + 1
    )
    kept: dict[str, Any] = {"keep_voltages": False, "keep_derived": False, "dtype": tf.float32}
    scan = compile_scan((node,), steps, DT, varies=True, **kept)
    currents = np.random.default_rng(0).normal(20, 60, (steps, N_SAMPLES, N_UNITS))  # Hz
    x = tf.constant(currents if name != "LIF" else currents / 40 + 0.5, tf.float32)  # in thresholds for a LIF
    state = {"p": node.initial_state(N_SAMPLES, tf.zeros(()), tf.float32, tensorflow_ops)}
    arrays = {"p": {key: tf.constant(array) for key, array in node.arrays().items()}}
    return lambda: scan(x, state, arrays, tf.constant(steps))


def _seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
