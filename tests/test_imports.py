"""The floors of the house: who may import whom; and that importing the package is cheap."""

import re
import subprocess
import sys
from importlib import import_module

import pytest

import snnconv

from .house import FLOOR_OF, PACKAGE, House, room_of

MAY_IMPORT_KERAS = ("layers", "runtime", "quantize/simulator", "quantize/stepper", "conversion", "training", "cli")
MAY_IMPORT_KERAS += ("export/saved_model", "export/xla")

HOUSE = House()


def test_rooms_import_only_from_lower_floors():
    assert {room_of(module) for module in HOUSE.paths} == set(FLOOR_OF), "FLOORS and the listing of snnconv/ differ"
    heavy = [
        f"{path}:{line} imports {name}"
        for module, path in HOUSE.paths.items()
        for name, line in HOUSE.imports(module)
        if name.split(".")[0] in ("keras", "tensorflow")
        and not str(path.relative_to(PACKAGE)).startswith(MAY_IMPORT_KERAS)
    ]
    assert not HOUSE.upward() + heavy


def test_the_page_on_the_architecture_has_the_same_floors():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \| (`.*?`) \|", page, re.MULTILINE)
    told = {(int(floor), room) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}
    assert told == {(floor, room) for room, floor in FLOOR_OF.items()}


def test_imports_by_a_computed_name_are_few():
    """The package finds its public names, the command its commands, and a reader of files the user's own module."""
    assert HOUSE.computed_imports() == {"snnconv.__init__", "snnconv.cli.__init__", "snnconv.conversion.files.custom"}


def test_no_modules_import_each_other():
    assert not HOUSE.circles()


def test_the_package_itself_imports_nothing_before_it_is_used():
    loaded_modules = [name for name in loaded("import snnconv", whole=True) if name.startswith("snnconv")]
    assert loaded_modules == ["snnconv", "snnconv._late", "snnconv._version"]


@pytest.mark.parametrize("name", sorted(snnconv._MODULES))
def test_public_modules_can_be_imported_by_their_short_names(name):
    module = import_module(f"snnconv.{name}")
    assert module is import_module(snnconv._MODULES[name], "snnconv") is getattr(snnconv, name)
    assert module.__spec__.name == module.__name__ == f"snnconv{snnconv._MODULES[name]}"


@pytest.mark.parametrize(
    ("name", "home"),
    [("passes.fold", "graph.passes.fold"), ("plot.rates", "analysis.plot.rates")],
)
def test_modules_behind_a_short_name_are_not_loaded_twice(name, home):
    with pytest.raises(ModuleNotFoundError, match=rf"import snnconv\.{home} instead of snnconv\.{name}\."):
        import_module(f"snnconv.{name}")


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
        (HELP.format(arguments="'--help'"), HEAVY | {"numpy", "h5py"}),
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
