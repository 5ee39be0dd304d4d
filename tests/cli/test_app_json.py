"""With --json a command prints JSON and nothing else, with the keys that docs/command_line.md names."""

import json
import re
import shutil

import pytest
import typer

from snnconv.cli import app

from ..helpers.cli_files import folder_of_files, invoke
from ..helpers.doc_blocks import ROOT, blocks, short_demo

GROUP = typer.main.get_command(app)

RUNS = {
    "export": ["export", "model.snn.h5", "-t", "nengo", "--steps", "20"],
    "export --list": ["export", "--list"],
    "inspect": ["inspect", "model.keras"],
    "inspect --layer": ["inspect", "model.snn.h5", "--layer", "lif"],
    "explain": ["explain", "model.keras", "lif", "0", "--input", "x.npy", "--steps", "5"],
    "view": ["view", "model.snn.h5", "--steps", "20"],
    "simulate": ["simulate", "model.snn.h5", "-i", "x.npy", "--steps", "10", "--precision", "bfloat16"],
    "verify": ["verify", "model.keras", "--steps", "10"],
    "verify FOLDER": ["verify", "model_c"],
    "diagnose": ["diagnose", "model.snn.h5", "-i", "x.npy", "-s", "capture.npz"],
    "quantize": ["quantize", "model.snn.h5", "--steps", "10"],
    "energy": ["energy", "model.snn.h5", "--data", "x.npy", "--steps", "10"],
    "metrics": ["metrics", "model.snn.h5", "--data", "x.npy", "--steps", "10"],
    "doctor": ["doctor", "model.snn.h5", "--data", "xy.npz", "--steps", "1"],
    "env": ["env"],
    "finetune": ["finetune", "model.snn.h5", "--data", "x.npy", "--distill", "1", "--steps", "2", "--epochs", "1"],
    "tune": ["tune", "model.snn.h5", "--data", "x.npy", "--steps", "2", "--scales", "1", "--synapses", "none"],
}
CODES = dict.fromkeys(("diagnose", "doctor", "tune"), 1)


def documented() -> dict[str, dict[str, set[str]]]:
    """Keys by command and place, as the page has them."""
    page = (ROOT / "docs" / "command_line.md").read_text("utf-8")
    (block,) = [block for block in blocks(page) if block.text.startswith("demo\n")]
    found: dict[str, dict[str, set[str]]] = {}
    for section in block.text.strip().split("\n\n"):
        command, *lines = section.split("\n")
        places: dict[str, set[str]] = {}
        for line in re.sub(r",\n +", ", ", "\n".join(lines)).split("\n"):
            place, colon, keys = line.strip().rpartition(": ")
            if not keys.startswith("as "):
                places[place if colon else ""] = set(keys.split(", "))
        found[command] = places
    return found


KEYS = documented()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of_files(tmp_path_factory.mktemp)


def at(contents, place):
    """The objects at a place such as layers[].matches[]; those that are null are left out."""
    found = [contents]
    for part in filter(None, place.split(".")):
        found = [each if part == "*" else each[part.removesuffix("[]")] for each in found]
        if part.endswith("[]"):
            found = [item for each in found for item in each]
        if part == "*":
            found = [item for each in found for item in each.values()]
        found = [each for each in found if each is not None]
    return found


def as_json(done, code=0):
    """What a command printed, if that was JSON and nothing else."""
    assert done.exit_code == code, done.output
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    return json.loads(done.stdout, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


SLOW = ("tune", "quantize", "finetune")  # whose JSON their own tests look at too


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in RUNS]
)
def test_json_alone_with_the_documented_keys(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    contents = as_json(invoke(*RUNS[name], "--json"), CODES.get(name, 0))
    for place, keys in KEYS[name].items():
        objects = at(contents, place)
        assert objects, f"{name}: nothing lies at {place}"
        for each in objects:
            assert keys <= set(each), f"{name}: {place} has no {sorted(keys - set(each))}"
    assert set(contents) == KEYS[name][""], "the page names all keys"


def test_the_demo_prints_what_train_does_and_the_verification(tmp_path_factory):
    contents = as_json(short_demo(tmp_path_factory.mktemp)[1])
    assert set(contents) == {*KEYS["train"][""], "verification"}
    assert set(contents["verification"]) == KEYS["verify"][""]
    assert contents["verification"]["passed"]


def test_every_command_with_json_is_documented():
    have = {name for name, command in GROUP.commands.items() if "--json" in {o for p in command.params for o in p.opts}}
    assert have == {name.split()[0] for name in KEYS}


def test_errors_are_the_same_with_json(folder):
    done = invoke("inspect", folder / "missing.keras", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.fullmatch(r"snnconv: error: there is no file [^\n]+\n", done.stderr)


def test_numbers_that_json_lacks_are_null(folder):
    found = json.loads(invoke("inspect", folder / "relu.h5", "--json").stdout)
    assert found["populations"][0]["parameters"]["min_voltage"] is None


def test_a_failed_check_prints_json_too(folder, tmp_path):
    shutil.copytree(folder / "model_c", tmp_path / "model_c")
    (tmp_path / "model_c" / "params.h").write_text("")
    done = invoke("verify", tmp_path / "model_c", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["passed"] is False
    assert found["checks"] == [{"what": "files", "passed": False, "said": "params.h is changed"}]
