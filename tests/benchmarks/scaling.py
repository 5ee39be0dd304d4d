"""How snnconv's cost grows with samples, steps and synapses: ``python -m tests.benchmarks.scaling --help``."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import machine, options, timing, works
from .processes import Worker, limit_threads
from .results import markdown, number

DECADES = 3
POINTS = 7  # along an axis
GROWTH = 10 ** (DECADES / (POINTS - 1))
AXES = ("samples", "steps", "synapses")
# samples × steps of the convolutional network W2, each ten times or a hundred times the one before
MEMORY = ((10, 10), (10, 100), (100, 100), (1000, 100), (10, 10_000))
MIB = 2**20


@dataclass
class Curve:
    """Seconds of a run over one of the sizes."""

    axis: str
    title: str
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def exponent(self, decades: float = DECADES) -> float:
        """Slope in logarithms of a line through the last decades: 1 is proportional, NaN a single point."""
        sizes, seconds = np.array(self.sizes), np.array(self.seconds)
        last = sizes >= sizes.max() / 10**decades * (1 - 1e-9)
        if last.sum() < 2:
            return float("nan")
        return float(np.polyfit(np.log(sizes[last]), np.log(seconds[last]), 1)[0])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = options.new_parser("scaling", __doc__)
    axes = (*AXES, "memory")
    parser.add_argument(
        "--axes", type=options.some_of(axes), default=axes, metavar="NAME,…", help=f"of {', '.join(axes)}"
    )
    parser.add_argument("--seconds", type=float, default=90.0, metavar="S", help="bound for each axis (default: 90)")
    picture = {"type": options.writable, "default": Path("scaling.png")}
    parser.add_argument("--plot", **picture, metavar="FILE", help="where to draw it (default: scaling.png)")
    args = parser.parse_args(arguments)
    limit_threads(args.threads)
    print(f"{machine.in_words()}; {options.count(args.threads, 'thread')}\n")
    curves = [measure(axis, args.seconds, args.threads) for axis in AXES if axis in args.axes]
    for curve in curves:
        print(f"\nseconds over {curve.title}")
        print(f"exponent {curve.exponent():.2f} over all points, {curve.exponent(1):.2f} over the last decade\n")
        lines = [[f"{n:,}", number(s), number(1e6 * s / n)] for n, s in zip(curve.sizes, curve.seconds, strict=True)]
        print(markdown((curve.axis, "seconds", "µs each"), lines), flush=True)
    memory = measure_memory(args.seconds, args.threads) if "memory" in args.axes else []
    if memory:
        print("\npeak memory of the process, W2's convolutions, mean output\n")
        lines = [[f"{n:,} × {steps:,}", f"{peak:,.0f}", f"{whole:,.0f}"] for n, steps, peak, whole in memory]
        print(markdown(("samples × steps", "MiB", "all spikes of the widest layer, MiB"), lines))
    plot(curves, memory, args.plot)
    print(f"\nwrote {args.plot}")
    options.write(args, curves=[vars(curve) for curve in curves], memory=memory)
    return 0


def measure(axis: str, seconds: float, n_threads: int) -> Curve:
    """Time `Simulator.predict` over three decades of one size, the others held; stop where the time is used up."""
    curve = Curve(axis, TITLES[axis])
    deadline = time.perf_counter() + seconds
    for size, work in points(axis):
        begun = time.perf_counter()
        run = _runner(work)
        run()  # compiles
        runs = timing.timed(run, n_threads, repeats=3, patience=5.0)
        curve.sizes.append(size)
        curve.seconds.append(min(timing.seconds(each, n_threads) for each in runs))  # others only ever make it longer
        now = time.perf_counter()
        growing = sum(each["wall"] for each in runs)
        if len(curve.sizes) < POINTS and now + (now - begun) + (GROWTH - 1) * growing > deadline:
            print(f"{axis}: stopped at {size:,}, the next point would take too long (--seconds)")
            break
    return curve


TITLES = {
    "samples": "samples (perceptron 784-512-512-10, 50 steps)",
    "steps": "steps (the same perceptron, 32 samples)",
    "synapses": "synapses (perceptrons 784-n-n-10, 32 samples, 50 steps)",
}


def points(axis: str) -> Iterator[tuple[int, works.Work]]:
    """Sizes along an axis, and the work of each."""
    for size in np.logspace(1, 1 + DECADES, POINTS).round().astype(int).tolist():
        if axis == "samples":
            yield size, works.make("W1", size, 50)
        elif axis == "steps":
            yield size, works.make("W1", 32, size)
        else:
            n = round(-397 + np.sqrt(397**2 + 1000 * size))  # so that 784 n + n² + 10 n is 1000 times the size
            work = works.make("W1", 32, 50)
            yield 794 * n + n * n, dataclasses.replace(work, layers=works.perceptron((784, n, n, 10)))


def _runner(work: works.Work) -> Callable[[], object]:
    import snnconv

    from .graphs import as_graph

    simulator = snnconv.Simulator(as_graph(work), progress=False)
    return lambda: simulator.predict(work.x, work.n_steps)


def measure_memory(seconds: float, n_threads: int) -> list[tuple[int, int, float, float]]:
    """Samples, steps, the peak of a process that runs them, and the size of all spikes of the widest layer, in MiB."""
    found, deadline = [], time.perf_counter() + seconds
    for n, n_steps in MEMORY:
        with Worker("snnconv", n_threads) as worker:
            start = time.perf_counter()
            answer = worker.ask("build", work={"name": "W2", "n_samples": n, "n_steps": n_steps, "mean_only": True})
            took = time.perf_counter() - start
        widest = max(int(np.prod(shape)) for shape in works.make("W2", 1).shapes)
        found.append((n, n_steps, answer["memory"], n * n_steps * widest * 4 / MIB))
        if len(found) < len(MEMORY) and time.perf_counter() + took > deadline:
            print("memory: stopped, the next point would take too long (--seconds)")
            break
    return found


def plot(curves: Sequence[Curve], memory: Sequence[tuple[int, int, float, float]], path: Path) -> None:
    """One panel for each curve, and one for the memory."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    n = len(curves) + bool(memory)
    figure, panels = plt.subplots(1, n, figsize=(3.6 * n, 3.4), layout="constrained")
    panels = np.atleast_1d(panels)
    for panel, curve in zip(panels, curves, strict=False):
        sizes = np.array(curve.sizes)
        label = f"slope {curve.exponent():.2f}" if len(sizes) > 1 else "one point, no slope"
        panel.loglog(sizes, curve.seconds, "o-", label=label)
        if len(sizes) > 1:
            panel.loglog(sizes, curve.seconds[-1] * sizes / sizes[-1], ":", color="dimgrey", label="proportional")
        panel.set(xlabel=curve.axis, ylabel="seconds")
        panel.set_title("\n(".join(curve.title.split(" (")), fontsize="small")
        panel.legend(frameon=False, loc="upper left", fontsize="small")
    if memory:
        _, _, peaks, wholes = np.array(memory).T
        panels[-1].loglog(wholes, peaks, "o", label="peak of the process")
        if len(wholes) > 1:
            panels[-1].loglog(wholes, wholes, ":", color="dimgrey", label="the spikes themselves")
        panels[-1].set(xlabel="all spikes of the widest layer, MiB", ylabel="MiB")
        panels[-1].set_title("peak memory\n(W2's convolutions, mean output)", fontsize="small")
        panels[-1].legend(frameon=False, loc="upper left", fontsize="small")
        panels[-1].margins(y=0.3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
