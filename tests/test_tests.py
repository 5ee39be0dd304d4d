"""The tests themselves: they mirror the package, their files are short, and each asserts something."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import snnconv

TESTS, PACKAGE = Path(__file__).parent, Path(snnconv.__file__).parent
FILES = sorted(path for path in TESTS.rglob("*.py") if "benchmarks" not in path.parts)
MODULES = [path for path in FILES if path.name.startswith("test_")]
ACROSS = {".", "whole"}  # folders of what crosses rooms
MAX_LINES = 300

Function = tuple[Path, str]
Names = dict[str, set[Function]]


def test_files_are_short():
    lengths = {str(path.relative_to(TESTS)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length >= MAX_LINES} == {}


def test_files_mirror_the_package():
    """tests/room/test_module.py, or test_module_subject.py, has a module or folder of that name in the room."""
    for path in MODULES:
        folder = str(path.parent.relative_to(TESTS))
        if folder in ACROSS:
            continue
        room = next((each for each in (PACKAGE / folder, PACKAGE / f"{folder}.py") if each.exists()), None)
        assert room is not None, f"{path}: snnconv has no room {folder}"
        names = {each.stem for each in [room, *room.rglob("*")] if each.suffix in ("", ".py")}
        subject = path.stem.removeprefix("test_")
        assert any(f"{subject}_".startswith(f"{name}_") for name in names), f"{path}: nothing in {room} has that name"


def asserts_itself(function: ast.AST) -> bool:
    """Whether there is an assert statement, pytest.raises, pytest.warns, pytest.fail or numpy.testing in it."""
    calls = ("np.testing.assert", "pytest.raises", "pytest.warns", "pytest.fail")
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and ast.unparse(node).startswith(calls))
        for node in ast.walk(function)
    )


def helpers_of(function: ast.AST, names: Names) -> set[Function]:
    """Functions and methods of the tests that it names."""
    found = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    return set[Function]().union(*(names[name] for name in found if name in names))


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for outer in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        yield from (each for each in outer.body if isinstance(each, ast.FunctionDef))


def functions() -> Iterator[tuple[Path, ast.FunctionDef, Names]]:
    """Every function and method, with those of the tests that its file has or imports, by name.

    Of a file from which it imports, it is taken to know all: a class brings its methods.
    """
    trees = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
    for path, tree in trees.items():
        names: Names = defaultdict(set)
        sources = {path}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                source = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                sources |= {source.with_suffix(".py"), *(source / f"{alias.name}.py" for alias in node.names)}
                for alias in node.names:
                    names[alias.asname or alias.name].add((source.with_suffix(".py"), alias.name))
        for source in sources & set(trees):
            for each in functions_of(trees[source]):
                names[each.name].add((source, each.name))
        yield from ((path, each, names) for each in functions_of(tree))


def test_every_test_asserts_something():
    every = list(functions())
    helpers = {(path, each.name): helpers_of(each, names) for path, each, names in every}
    asserting = {(path, each.name) for path, each, _ in every if asserts_itself(each)}
    while more := {name for name, called in helpers.items() if name not in asserting and called & asserting}:
        asserting |= more
    tests = [(path, name) for path, name in helpers if path in MODULES and name.startswith("test_")]
    assert len(tests) > 900
    assert [f"{path.relative_to(TESTS)}::{name}" for path, name in tests if (path, name) not in asserting] == []
