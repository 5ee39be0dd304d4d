"""C99 with a test of its own: the integer network as a program for small processors, or the float network in doubles.

The former gives the integers of `snnconv.quantize.run`, bit for bit: every width is proven, and nothing in it is left
open by the language. Both call no library, allocate nothing, and keep their state in one struct of the caller's.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import ExportError
from ...graph import SpikingGraph
from ...quantize import IntegerGraph
from ...quantize.proofs import drives
from ...quantize.ranges import span
from ..integers import INTEGERS, OPTIONS, Golden, changes, golden_vectors, run_folder, to_integers
from ..params.headers import c_header
from ..params.numbers import arrays
from ..params.report import report
from ..programs import with_licence
from ..target import Check, Option, Plan, Settings, Target
from . import double
from .compiling import Sizes, build, compiler, measure
from .readme import readme
from .self_test import MAKEFILE, golden_header, self_test
from .source import header, source

__all__ = ["TARGET", "plan"]


NUMBERS = Option("numbers", str, "int", "what the program computes in", ("int", "double"))


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the integer network, or the float network, as C99."""
    if settings.options[NUMBERS.name] == "double":
        return double.plan(graph, settings)
    integers = to_integers(graph, settings)
    _check_rectified(integers)
    golden = golden_vectors(integers, settings)
    files = c_files(integers, golden)
    equal = "its integers equal those of snnconv.quantize.run bit for bit"
    if compiler() is None:
        notes = (f"{equal}, by construction; no C compiler is here: make test in the folder compares them",)
    else:
        built, sizes = measure(files)
        if not built.passed:
            raise ExportError(f"the program for '{graph.name}' does not pass its own test: {built.said}.")
        notes = (f"{equal}; compiled here, its self-test passes ({golden.size})", _sizes(integers, sizes))

    def write(path: Path) -> None:
        for name, text in files.items():
            (path / name).write_text(text, "utf-8")
        integers.save(path / INTEGERS)
        (path / "README.md").write_text(readme(integers, golden), "utf-8")
        (path / "REPORT.md").write_text(report(integers), "utf-8")

    return Plan(write, run_folder, (), changes(graph, integers), notes)


def _check_rectified(integers: IntegerGraph) -> None:
    """The proven range of a drive that is rectified is that behind it; the program needs that before it."""
    for layer in integers.populations.values():
        if layer.is_rectified:
            low, high = drives(layer, integers[layer.inputs[0]].ranges["value"])
            if not span(low, high).is_int32:
                raise ExportError(f"layer '{layer.name}': int32 does not hold its drive. Lower --bits.")


def check_folder(path: Path) -> list[Check]:
    """Compile and run the self-test, outside of the folder."""
    if compiler() is None:
        return [Check("program", None, "there is no C compiler here: gcc, cc or clang")]
    built = build(path)
    return [Check("program", built.passed, f"compiled with -O2: {built.said}")]


def c_files(integers: IntegerGraph, golden: Golden) -> dict[str, str]:
    """The files of the program, by name."""
    files = {
        "params.h": c_header(integers),
        "network.h": header(integers),
        "network.c": source(integers),
        "golden.h": golden_header(integers, golden),
        "self_test.c": self_test(integers, golden),
        "Makefile": MAKEFILE,
    }
    return {name: with_licence(name, text) for name, text in files.items()}


def _sizes(integers: IntegerGraph, sizes: Sizes) -> str:
    kernels = sum(fields["kernel"].nbytes for fields in arrays(integers).values())
    text = "" if sizes.text is None else f"code and constants {sizes.text:,} bytes at -Os on this machine, "
    return f"{text}weights {kernels:,} bytes, RAM {sizes.ram:,} bytes"


TARGET = Target(
    "c",
    "_c",
    "a C99 program with a self-test, in integers or doubles: dense, convolutions, average pools, LIF, IF, lowpass",
    "what has no integer form: max pooling, branches, Alpha synapses, other neurons",
    plan,
    (NUMBERS, *OPTIONS),
    is_folder=True,
    check_folder=check_folder,
)
