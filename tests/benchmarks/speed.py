"""The same works on snnconv and on other systems: ``python -m tests.benchmarks.speed --help``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from snnconv.errors import DataError, SnnconvError

from . import machine, options, reference, works
from .processes import Worker, WorkerError
from .results import Row, table
from .systems import SYSTEMS

MOST_WRONG = 0.1  # of the output: rounding moves up to 5 % of it, half a step of refractory period 55 % or more
CHECKED = 100  # samples of W4
SHORT_RUNS = {"repeats": 3, "patience": 5.0}  # of each system in each round, and seconds to wait for quiet
ONE_RUN = {"repeats": 1, "patience": 0.0}
ABOUT = {
    "W1": "perceptron 784-512-512-10",
    "W2": "two convolutions (32 and 64 of 3 × 3), dense 128 and 10",
    "W3": "perceptron 784-512-512-10",
    "W4": "the network of fashion_mnist_cnn.toml, mean output only",
}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = options.new_parser("speed", __doc__)
    names = {"type": options.some_of(works.NAMES), "default": ["W1", "W2", "W3"]}
    parser.add_argument("--works", **names, metavar="W1,…", help="of W1, W2, W3 and W4 (default: W1,W2,W3)")
    parser.add_argument("--rounds", type=options.positive, default=3, metavar="N", help="turns of each (default: 3)")
    parser.add_argument("--peers", action="store_true", help="other systems too, where their environments are given")
    names = {"type": options.some_of(tuple(SYSTEMS)), "default": list(SYSTEMS)}
    parser.add_argument("--systems", **names, metavar="NAME,…", help=f"only these of {', '.join(SYSTEMS)}")
    images = {"type": options.positive, "default": 10_000}
    parser.add_argument("--w4-images", **images, metavar="N", help="images of W4 (default: 10,000)")
    parser.add_argument("--w4-model", metavar="FILE", help="an exported .snn.h5 instead of W4's random weights")
    for key, name in (("ndl", "NengoDL and KerasSpiking"), ("torch", "those built on torch")):
        variable = f"SNNCONV_{key.upper()}_PYTHON"
        help = f"Python of the environment of {name} (default: ${variable})"
        parser.add_argument(f"--{key}-python", default=os.environ.get(variable), metavar="PATH", help=help)
    args = parser.parse_args(arguments)
    if args.w4_images % works.BATCH and args.w4_images > works.BATCH:
        parser.error(f"--w4-images must be a multiple of {works.BATCH}: some systems take whole batches only")
    if args.peers and not (args.ndl_python or args.torch_python):
        parser.error("--peers needs --ndl-python or --torch-python; README.md says how to make their environments")
    return args


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table for each work.

    Returns
    -------
    int
        1 if a system failed or gave another output than it has to, else 0.
    """
    args = parse(arguments)
    pythons = {"": sys.executable, "NDL": args.ndl_python, "TORCH": args.torch_python}
    chosen = {}
    for name in args.systems:
        python = pythons[SYSTEMS[name].environment]
        if python and (args.peers or not SYSTEMS[name].environment):
            chosen[name] = python
    print(f"{machine.in_words()}; {options.count(args.threads, 'thread')}, {options.count(args.rounds, 'round')}")
    found: dict[str, list[Row]] = {}
    for name in args.works:
        with tempfile.TemporaryDirectory() as folder:
            try:
                work, spec, about = _prepare(name, args, Path(folder))
            except (ValueError, SnnconvError) as error:
                print(f"\n{name}: {error}")
                return 1
            print(f"\n{name}: {about}, {options.count(len(work.x), 'sample')} × {work.n_steps} steps\n", flush=True)
            fit = {system: chosen[system] for system in chosen if SYSTEMS[system].reads_models or not work.model}
            found[name] = measure(work, spec, fit, args.threads, args.rounds, Path(folder))
        print(table(work, found[name]), flush=True)
        if not all(row.is_clean for row in found[name]):
            instead = "processor time" if args.threads == 1 else "wall time"
            print(f"* others held up too many runs: all count, those held up by their {instead}")
    _print_notes(found)
    rows = {name: [row.as_dict() for row in measured] for name, measured in found.items()}
    options.write(args, rounds=args.rounds, works=rows)
    return int(any(row.error for rows in found.values() for row in rows))


def measure(
    work: works.Work, spec: dict[str, Any], chosen: dict[str, str], n_threads: int, rounds: int, folder: Path
) -> list[Row]:
    """Build the work in every system, check the outputs, then time the systems by turns.

    Parameters
    ----------
    work : Work
        With `densities`; its first samples are those whose output is checked.
    spec : dict
        What the workers need to make the same work.
    chosen : dict
        Interpreter of each system.
    """
    expected, densities = _expected(work.first(CHECKED))
    spec = {**spec, "densities": densities}
    rows = [Row(name, n_threads=n_threads) for name in chosen]
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for row in rows:
            _say(f"{work.name}: building {SYSTEMS[row.system].title}")
            worker = stack.enter_context(Worker(row.system, n_threads, chosen[row.system]))
            workers[row.system] = worker
            try:
                _build(worker, row, spec, expected, folder / "output.npy")
            except WorkerError as error:
                row.error = str(error)
                worker.close()
        for number in range(rounds):
            # there and back, so that no system always comes behind the same one
            for row in rows if number % 2 == 0 else rows[::-1]:
                if row.error:
                    continue
                _say(f"{work.name}: round {number + 1}, {SYSTEMS[row.system].title}")
                try:
                    answer = workers[row.system].ask("time", **(ONE_RUN if work.mean_only else SHORT_RUNS))
                    row.runs += answer["runs"]
                    row.others.append(answer["others"])
                    row.memory = answer["memory"]
                except WorkerError as error:
                    row.error = str(error)
    return rows


def _build(worker: Worker, row: Row, spec: dict[str, Any], expected: np.ndarray, output: Path) -> None:
    system = SYSTEMS[row.system]
    row.built = worker.ask("build", work=spec, output=str(output))
    if system.same_neuron:
        row.wrong = reference.share_of_wrong(np.load(output)[: len(expected)], expected)
        if row.wrong > MOST_WRONG:
            raise WorkerError(f"not timed: {row.wrong:.0%} of its output is not the NumPy loop's")


def _prepare(name: str, args: argparse.Namespace, folder: Path) -> tuple[works.Work, dict[str, Any], str]:
    """The work, how to describe it to a worker, and in words."""
    if name != "W4":
        return works.make(name), {"name": name}, ABOUT[name]
    from snnconv.training import datasets

    try:
        images, source = datasets.load("fashion_mnist").x_test, "Fashion-MNIST's test images"
    except DataError:
        images, source = works.random_images(args.w4_images), "random images: Fashion-MNIST was not found"
    np.save(folder / "images.npy", images[: args.w4_images])
    work = works.make(name, len(images[: args.w4_images]), images=images)
    spec = {"name": name, "n_samples": len(work.x), "images": str(folder / "images.npy"), "model": args.w4_model}
    if args.w4_model:
        from .graphs import from_model

        work = from_model(work, args.w4_model)
    return work, spec, f"{ABOUT[name]}, {'weights of a file' if args.w4_model else 'random weights'}, {source}"


def _expected(work: works.Work) -> tuple[np.ndarray, list[float]]:
    """Output and densities of the NumPy loop: this folder's own, or snnconv's for a graph from a file."""
    if not work.model:
        return reference.run(work)
    import snnconv

    graph = snnconv.load(work.model)
    result = snnconv.reference.run(graph, work.x, work.n_steps, works.DT, record="all")
    densities = [float(result.rates[name].mean()) * works.DT for name in graph.populations]
    return result.output.mean(1), densities


def _print_notes(found: dict[str, list[Row]]) -> None:
    print("\ncores: used by the system; others: by all other processes meanwhile. first result: build and first run.")
    built = {row.system: row.built for rows in found.values() for row in rows if row.built}
    for name, answer in built.items():
        system = SYSTEMS[name]
        notes = [f"{package} {version}" for package, version in answer["versions"].items()]
        notes += ["through `predict`, as its users run it"] if system.environment == "NDL" else []
        notes += [f"without {system.lacks}"] if system.lacks else []
        print(f"- {system.title}: {'; '.join(notes)}")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
