"""The floors of the house: who may import whom; and that importing the package is cheap."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import snnconv

PACKAGE = Path(snnconv.__file__).parent

# A room imports only from the floors below its own, whatever the form of the import.
FLOORS = (
    ("_version", "_late", "errors", "text"),
    ("files", "neurons"),
    ("graph", "layers"),
    ("runtime",),
    ("quantize", "conversion", "tuning"),
    ("analysis", "export", "training"),
    ("api",),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}
MAY_IMPORT_KERAS = ("layers", "runtime", "quantize/simulator", "quantize/stepper", "conversion", "training", "cli")
MAY_IMPORT_KERAS += ("export/saved_model",)

MODULES = {
    ".".join(("snnconv", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def module_of(name: str) -> str | None:
    """The module of the package that an import of that full name loads, a folder's __init__ included."""
    return next((each for each in (name, f"{name}.__init__") if each in MODULES), None)


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Full name and line of every import: in functions, for type checkers alone, and by string too."""
    parts = module.split(".")
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = ".".join([*(parts[: -node.level] if node.level else ()), *(node.module or "").split(".")]).rstrip(
                "."
            )
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield (name if module_of(name) else source), node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) in (
            "import_module",
            "__import__",
        ):
            yield from ((each.value, node.lineno) for each in node.args[:1] if isinstance(each, ast.Constant))


def room_of(module: str) -> str:
    return module.split(".")[1]


ARROWS: dict[str, dict[str, int]] = defaultdict(dict)  # module -> modules of the package that it imports, and the line
for _module in MODULES:
    for _name, _line in imports(_module):
        if (_imported := module_of(_name)) and _imported != _module:
            ARROWS[_module][_imported] = _line


def circles() -> list[list[str]]:
    """Groups of modules that import each other, straight or through others (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        waiting.append(module)
        for imported in ARROWS[module]:
            if imported not in order:
                visit(imported)
            if imported in waiting:
                low[module] = min(low[module], low[imported])
        if low[module] == order[module]:
            group = waiting[waiting.index(module) :]
            del waiting[waiting.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in MODULES:
        if module not in order:
            visit(module)
    return found


def test_rooms_import_only_from_lower_floors():
    assert {room_of(module) for module in MODULES} == set(FLOOR_OF), "FLOORS and the listing of snnconv/ differ"
    wrong = [
        f"{MODULES[module].relative_to(PACKAGE)}:{line} imports {imported}"
        for module in MODULES
        for imported, line in ARROWS[module].items()
        if room_of(module) != room_of(imported) and FLOOR_OF[room_of(imported)] >= FLOOR_OF[room_of(module)]
    ]
    wrong += [
        f"{MODULES[module].relative_to(PACKAGE)}:{line} imports {name}"
        for module in MODULES
        for name, line in imports(module)
        if name.split(".")[0] in ("keras", "tensorflow")
        and not str(MODULES[module].relative_to(PACKAGE)).startswith(MAY_IMPORT_KERAS)
    ]
    assert not wrong


def test_no_modules_import_each_other():
    assert not circles()


def test_the_package_itself_imports_nothing_before_it_is_used():
    loaded_modules = [name for name in loaded("import snnconv", whole=True) if name.startswith("snnconv")]
    assert loaded_modules == ["snnconv", "snnconv._late", "snnconv._version"]


@pytest.mark.parametrize("name", sorted(snnconv._MODULES))
def test_public_modules_can_be_imported_by_their_short_names(name):
    module = import_module(f"snnconv.{name}")
    assert module is import_module(snnconv._MODULES[name], "snnconv") is getattr(snnconv, name)
    assert module.__spec__.name == module.__name__ == f"snnconv{snnconv._MODULES[name]}"


def loaded(code: str, whole: bool = False) -> list[str]:
    """Packages in sys.modules after `code` ran in a fresh interpreter, or the whole names of all modules."""
    name = "name" if whole else "name.split('.')[0]"
    code = f"{code}\nimport sys\nprint('LOADED', *sorted({{{name} for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rsplit("LOADED", 1)[1].split()


HEAVY = {"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "nengo"}
HELP = """
import sys
from snnconv.cli import main
sys.argv = ["snnconv", {arguments}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import snnconv; dir(snnconv)", HEAVY | {"numpy", "h5py", "rich"}),
        ("import snnconv; snnconv.neurons, snnconv.synapses, snnconv.errors", HEAVY | {"h5py", "rich"}),
        ("import snnconv; snnconv.load, snnconv.SpikingGraph, snnconv.passes, snnconv.reference", HEAVY),
        (HELP.format(arguments="'--help'"), HEAVY),
        (HELP.format(arguments="'export', '--help'"), HEAVY),
    ],
    ids=["package", "neurons", "graph and reference", "snnconv --help", "snnconv export --help"],
)
def test_imports_are_light(code, heavy):
    assert not {*loaded(code)} & heavy


@pytest.mark.parametrize("name", snnconv.__all__)
def test_every_public_name_is_there(name):
    assert getattr(snnconv, name) is not None
    assert name in dir(snnconv)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'snnconv' has no attribute 'Simulater'"):
        snnconv.Simulater  # noqa: B018
