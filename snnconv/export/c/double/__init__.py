"""C99 in doubles: the float network itself, as a program that rounds as the NumPy loop in float64 does."""

from __future__ import annotations

from pathlib import Path

from ....errors import ExportError, ParameterError
from ....graph import SpikingGraph
from ....graph.file import save
from ....graph.passes import fold_affine
from ....graph.passes.fold import fold_padding
from ....runtime.result import Result
from ...integers import OPTIONS
from ...programs import with_licence
from ...target import Inputs, Limit, Plan, Settings
from ..compiling import compiler, measure
from ..self_test import MAKEFILE
from .golden import golden_header, golden_vectors, self_test
from .names import Names
from .nodes import unsupported
from .readme import GRAPH, readme
from .run import run
from .source import header, params, source

__all__ = ["plan"]


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the float network as C99."""
    _check_options(settings)
    names = Names(fold_padding(fold_affine(graph)), settings.dt)
    limits = _limits(names.graph)
    if limits:
        return Plan(_write_nothing, limits=limits)
    golden = golden_vectors(names, settings)
    texts = {
        "params.h": params(names),
        "network.h": header(names),
        "network.c": source(names),
        "golden.h": golden_header(names, golden),
        "self_test.c": self_test(names, golden),
        "Makefile": MAKEFILE,
    }
    files = {name: with_licence(name, text) for name, text in texts.items()}
    equal = "it equals the NumPy loop in float64 with sums in the order of the inputs, to the last bit"
    notes = (f"{equal}; no C compiler is here: make test in the folder compares them",)
    if compiler() is not None:
        built, sizes = measure(files)
        if not built.passed:
            raise ExportError(f"the program for '{graph.name}' does not pass its own test: {built.said}.")
        size = "" if sizes.text is None else f"; code and constants {sizes.text:,} bytes at -Os on this machine"
        notes = (f"{equal}; compiled here, its self-test passes ({golden.size})", f"RAM {sizes.ram:,} bytes{size}")

    def write(path: Path) -> None:
        for name, text in files.items():
            (path / name).write_text(text, "utf-8")
        (path / "README.md").write_text(readme(names, golden), "utf-8")
        save(graph, path / GRAPH, settings.dt)

    def run_folder(path: Path, inputs: Inputs, n_steps: int) -> Result:
        return run(names, path, inputs, n_steps)

    if compiler() is None:
        return Plan(write, notes=notes, unmeasured="there is no C compiler here: gcc, cc or clang")
    return Plan(write, run_folder, notes=notes)


def _check_options(settings: Settings) -> None:
    """Raise ParameterError for options that only integers have."""
    for option in OPTIONS:
        if option.name != "golden" and settings.options[option.name] != option.default:
            raise ParameterError(f"{option.flag} is for integers: it has no meaning with --numbers double.")


def _limits(graph: SpikingGraph) -> tuple[Limit, ...]:
    layers: dict[tuple[str, str], list[str]] = {}
    for name, lack in unsupported(graph).items():
        layers.setdefault(lack, []).append(name)
    found = [Limit(what, tuple(names), advice=advice) for (what, advice), names in layers.items()]
    if len(graph.inputs) > 1:
        names = tuple(node.name for node in graph.inputs)
        found.append(Limit("several inputs", names, advice="Convert a model with one of them"))
    return tuple(found)


def _write_nothing(path: Path) -> None:
    raise ExportError("the program cannot hold the network.")
