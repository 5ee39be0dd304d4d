"""C99 with a test of its own: the integer network as a program for small processors, or the float network in doubles.

The former gives the integers of `snnconv.quantize.run`, bit for bit: every width is proven, and nothing in it is left
open by the language. The latter gives the numbers of the NumPy loop in float64, to the last bit. Both call no library,
allocate nothing, and keep their state in one struct of the caller's.

    program     a program before it is text: names, struct, functions, type of numbers, golden vectors
    integers    the program of an integer network: functions of its nodes
    members     what they keep in the struct, and where their values are
    neuron_loop the loop over a layer's neurons
    doubles     the program of a float network
    golden      golden vectors of a float network, with sums in the order of its program
    tracer      a neuron's step in C, written from its step in Python
    loops       loops over weights and over windows
    source      network.h and network.c
    self_test   golden.h, self_test.c and the Makefile
    packages    CMakeLists.txt and the Arduino library
    readme      README.md
    compiling   compiling and running what was written
"""

from __future__ import annotations

from pathlib import Path

from ...errors import ExportError, ParameterError
from ...graph import SpikingGraph
from ...graph.file import save
from ...graph.passes import fold_affine
from ...graph.passes.fold import fold_padding
from ...quantize import IntegerGraph
from ...quantize.proofs import drives
from ...quantize.ranges import span
from ...runtime.result import Result
from ..golden import Golden, golden_vectors
from ..integers import INTEGERS, OPTIONS, changes, comment, identifiers, run_folder, to_integers
from ..params.numbers import arrays
from ..params.report import report
from ..programs import with_licence
from ..target import Check, Inputs, Option, Plan, Settings, Target
from . import doubles
from .compiling import Sizes, build, compiler, measure
from .doubles import DoubleWriter
from .golden import golden_vectors as double_vectors
from .integers import IntegerWriter
from .packages import packages
from .program import Program, Vectors
from .readme import GRAPH, arithmetic_of, readme
from .self_test import MAKEFILE, golden_header, self_test
from .source import header, source

__all__ = ["TARGET", "plan"]


NUMBERS = Option("numbers", str, "int", "what the program computes in", ("int", "double"))


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the integer network, or the float network, as C99."""
    return (_plan_doubles if settings.options[NUMBERS.name] == "double" else _plan_integers)(graph, settings)


def _plan_integers(graph: SpikingGraph, settings: Settings) -> Plan:
    integers = to_integers(graph, settings)
    _check_rectified(integers)
    golden = golden_vectors(integers, settings)
    writer = IntegerWriter(integers)
    program = writer.program()
    files = _files(program, writer.vectors(golden))
    equal = "its integers equal those of snnconv.quantize.run bit for bit"
    sizes = _tested(files, graph.name)
    if sizes is None:
        notes = (f"{equal}, by construction; no C compiler is here: make test in the folder compares them",)
    else:
        kernels = sum(fields["kernel"].nbytes for fields in arrays(integers).values())
        text = "" if sizes.text is None else f"code and constants {sizes.text:,} bytes at -Os on this machine, "
        size = f"{text}weights {kernels:,} bytes, RAM {sizes.ram:,} bytes"
        notes = (f"{equal}; compiled here, its self-test passes ({golden.size})", size, golden.note)

    def write(path: Path) -> None:
        _write(path, files, program, readme(comment(integers.name), program, golden.size, golden.n_steps))
        integers.save(path / INTEGERS)
        (path / "REPORT.md").write_text(report(integers), "utf-8")

    return Plan(write, run_folder, (), changes(graph, integers), notes)


def _plan_doubles(graph: SpikingGraph, settings: Settings) -> Plan:
    for option in OPTIONS:
        if option.name != "golden" and settings.options[option.name] != option.default:
            raise ParameterError(f"{option.flag} is for integers: it has no meaning with --numbers double.")
    writer = DoubleWriter(fold_padding(fold_affine(graph)), settings.dt)
    limits = doubles.limits(writer)
    if limits:
        return Plan(_write_nothing, limits=limits)
    golden = double_vectors(writer, settings)
    program = writer.program()
    files = _files(program, golden)
    equal = "it equals the NumPy loop in float64 with sums in the order of the inputs, to the last bit"
    sizes = _tested(files, graph.name)
    if sizes is None:
        notes = (f"{equal}; no C compiler is here: make test in the folder compares them",)
    else:
        size = "" if sizes.text is None else f"; code and constants {sizes.text:,} bytes at -Os on this machine"
        notes = (f"{equal}; compiled here, its self-test passes ({golden.size})", f"RAM {sizes.ram:,} bytes{size}")

    def write(path: Path) -> None:
        steps = arithmetic_of(writer.graph)
        _write(path, files, program, readme(comment(writer.graph.name), program, golden.size, golden.n_steps, steps))
        save(graph, path / GRAPH, settings.dt)

    def run(path: Path, inputs: Inputs, n_steps: int) -> Result:
        return doubles.run(writer, path, inputs, n_steps)

    if sizes is None:
        return Plan(write, notes=notes, unmeasured="there is no C compiler here: gcc, cc or clang")
    return Plan(write, run, notes=notes)


def check_folder(path: Path) -> list[Check]:
    """Compile and run the self-test, outside of the folder."""
    if compiler() is None:
        return [Check("program", None, "there is no C compiler here: gcc, cc or clang")]
    built = build(path)
    return [Check("program", built.passed, f"compiled with -O2: {built.said}")]


def c_files(integers: IntegerGraph, golden: Golden) -> dict[str, str]:
    """The files of an integer network's program, by name."""
    writer = IntegerWriter(integers)
    return _files(writer.program(), writer.vectors(golden))


def _files(program: Program, vectors: Vectors) -> dict[str, str]:
    files = {
        "params.h": program.params,
        "network.h": header(program),
        "network.c": source(program),
        "golden.h": golden_header(vectors),
        "self_test.c": self_test(program, vectors),
        "Makefile": MAKEFILE,
    }
    return {name: with_licence(name, text) for name, text in files.items()}


def _tested(files: dict[str, str], name: str) -> Sizes | None:
    """Sizes of the program, once it has passed its own test; None where there is no compiler."""
    if compiler() is None:
        return None
    built, sizes = measure(files)
    if not built.passed:
        raise ExportError(f"the program for '{name}' does not pass its own test: {built.said}.")
    return sizes


def _write(path: Path, files: dict[str, str], program: Program, instructions: str) -> None:
    (name,) = identifiers([program.title.split()[-1]]).values()
    more = packages(program, files, name, min(100, program.max_steps))
    for name, text in (files | more | {"README.md": instructions}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, "utf-8")


def _check_rectified(integers: IntegerGraph) -> None:
    """The proven range of a drive that is rectified is that behind it; the program needs that before it."""
    for layer in integers.populations.values():
        if layer.is_rectified:
            low, high = drives(layer, [integers[name].ranges["value"] for name in layer.inputs])
            if not span(low, high).is_int32:
                raise ExportError(f"layer '{layer.name}': int32 does not hold its drive. Lower --bits.")


def _write_nothing(path: Path) -> None:
    raise ExportError("the program cannot hold the network.")


TARGET = Target(
    "c",
    "_c",
    "a C99 program with a self-test, in integers or doubles: dense, convolutions, pools, LIF, IF, lowpass",
    "what has no integer form: Alpha synapses, functions of means, other neurons; in doubles, branches that join",
    plan,
    (NUMBERS, *OPTIONS),
    is_folder=True,
    check_folder=check_folder,
)
