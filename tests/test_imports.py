"""Who may import whom, and that importing the package is cheap."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import snnconv

PACKAGE = Path(snnconv.__file__).parent

# A module imports only from its own row and the rows above it.
LAYERS = [
    ("errors", "manifest", "files", "html", "heaps", "hdf5", "progress", "toml_sections"),
    ("neurons", "synapses", "numpy_ops"),
    ("graph",),
    ("passes",),
    ("runs", "frames", "result_html", "reference", "tensorflow_ops", "runtime", "simulator"),
    ("calibration", "health", "quantize", "integer_stepper", "integer_simulator", "integer_comparison"),
    ("export",),
    ("regularizers", "layers", "precision", "rounded_weights", "trace", "keras_files", "conversion"),
    ("verification", "plot", "datasets", "config", "training", "callbacks", "explanation", "diagnosis"),
    (
        "accounting",
        "viewer",
    ),
    ("tuning",),
    ("cli", "__main__"),
]
ROWS = {module: row for row, modules in enumerate(LAYERS) for module in modules}
MAY_IMPORT_KERAS = {
    *("tensorflow_ops", "runtime", "simulator"),
    *("integer_stepper", "integer_simulator"),
    *("regularizers", "layers", "trace", "keras_files", "conversion"),
    *("datasets", "training", "rounded_weights", "callbacks", "cli"),
}


def files() -> Iterator[tuple[str, Path]]:
    """Every source file but the package's own __init__.py, with the name of the module in the table."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


EACH_FILE = pytest.mark.parametrize(
    ("module", "path"), [pytest.param(*file, id=str(file[1].relative_to(PACKAGE))) for file in files()]
)


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports when it runs, inside functions too; not what only type checkers read."""
    module = ("snnconv", *path.relative_to(PACKAGE).with_suffix("").parts)

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            children = node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        elif isinstance(node, ast.ImportFrom):
            source = module[: -node.level] if node.level else ()
            source = ".".join([*source, *(node.module or "").split(".")]).rstrip(".")
            # "from . import neurons" imports a module of the package, any other "from" a name out of a module
            yield from (f"{source}.{alias.name}" for alias in node.names) if source == "snnconv" else [source]
            return
        else:
            children = list(ast.iter_child_nodes(node))
        for child in children:
            yield from visit(child)

    return visit(ast.parse(path.read_text("utf-8")))


def test_the_table_names_every_module():
    missing = {module for module, _ in files()} - set(ROWS)
    assert not missing, f"give {sorted(missing)} a row in LAYERS"
    gone = {module for module in ROWS if not list(PACKAGE.glob(f"{module}*"))}
    assert not gone, f"take {sorted(gone)} out of LAYERS"


@EACH_FILE
def test_modules_import_from_their_own_row_and_above(module, path):
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package != "snnconv" or rest == "__version__":
            continue
        imported = rest.split(".")[0]
        assert imported in ROWS, f"{path} imports {name}; import from the module that defines it"
        assert ROWS[imported] <= ROWS[module], f"{path} imports {name}, which lies below it"


@EACH_FILE
def test_only_some_modules_import_keras_or_tensorflow(module, path):
    heavy = {name for name in imports(path) if name.split(".")[0] in ("keras", "tensorflow")}
    assert not heavy or module in MAY_IMPORT_KERAS, f"{path} imports {sorted(heavy)}"


def test_the_package_itself_imports_nothing_before_it_is_used():
    assert list(imports(PACKAGE / "__init__.py")) == ["__future__", "importlib", "typing"]


def loaded(code: str) -> set[str]:
    """Top-level packages in sys.modules after `code` ran in a fresh interpreter."""
    code = f"{code}\nimport sys\nprint('LOADED', *sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


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
    assert not loaded(code) & heavy


@pytest.mark.parametrize("name", snnconv.__all__)
def test_every_public_name_is_there(name):
    assert getattr(snnconv, name) is not None
    assert name in dir(snnconv)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'snnconv' has no attribute 'Simulater'"):
        snnconv.Simulater  # noqa: B018
