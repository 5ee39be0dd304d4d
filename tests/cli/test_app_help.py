"""The command's help is true: its examples run, its exit codes are those it names, and shells can complete it."""

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import typer

import snnconv
from snnconv.cli import app
from snnconv.cli.app import EXIT_CODES

from ..helpers.cli_files import folder_of_files, invoke
from ..helpers.doc_blocks import ROOT

GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands

# What an example costs less with; the last of two values counts.
CHEAPER = {
    "tune": ["--scales", "1", "--synapses", "none", "--steps", "20", "--accuracy-drop", "100"],
    "quantize": ["--steps", "20", "--bits", "8"],
    "simulate": ["--steps", "20"],
    "doctor": ["--steps", "20"],
    "verify": ["--steps", "20"],
}
SLOW = ("demo", "train", "finetune", "tune", "quantize")  # other tests run them
FINDS_SOMETHING = ("doctor", "diagnose")  # which may end with 1


def examples() -> list[str]:
    texts = [inspect.cleandoc(command.help or "") for command in COMMANDS.values()]
    return [example for text in texts for example in re.findall(r"^- `snnconv (.*?)`", text, re.M)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of_files(tmp_path_factory.mktemp)


def test_every_command_has_examples():
    for name in COMMANDS:
        assert any(example.split()[0] == name for example in examples()), f"snnconv {name} has no example"


@pytest.mark.parametrize("example", examples())
def test_examples_can_be_parsed(example):
    name, *rest = shlex.split(example)
    assert not COMMANDS[name].make_context(name, rest).args  # nothing is left over


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "example",
    [pytest.param(each, marks=[pytest.mark.slow] if each.split()[0] in SLOW else []) for each in examples()],
)
def test_examples_run(folder, monkeypatch, example):
    monkeypatch.chdir(folder)
    name, *rest = shlex.split(example)
    whole_folder = rest[:1] == ["model_c"]
    extra = [] if whole_folder else CHEAPER.get(name, [])
    done = invoke(name, *rest, *extra)
    assert done.exit_code in ((0, 1) if name in FINDS_SOMETHING else (0,)), done.output
    assert done.stdout.strip()
    for option in ("-o", "--output"):
        if option in rest:
            assert os.path.exists(rest[rest.index(option) + 1])


# --- exit codes


def test_the_help_and_the_page_name_the_exit_codes():
    printed = " ".join(invoke("--help").stdout.replace("│", " ").split())
    page = (ROOT / "docs" / "command_line.md").read_text("utf-8")
    for code, meaning in EXIT_CODES.items():
        assert f"• {code} {meaning}" in printed
        assert f"| {code} |" in page


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["inspect", "model.snn.h5"], 0),
        (["export", "model.snn.h5", "-t", "nir", "-o", "a.nir", "--approximate", "--steps", "20"], 0),  # not exact
        (["diagnose", "model.snn.h5", "-i", "x.npy", "-s", "mine.npy"], 0),
        (["diagnose", "model.snn.h5", "-i", "x.npy", "-s", "capture.npz"], 1),
        (["doctor", "model.snn.h5", "--data", "xy.npz", "--steps", "1"], 1),
        (["verify", "changed_c"], 1),
        ([], 2),
        (["frobnicate"], 2),
        (["inspect", "missing.keras"], 2),
        (["simulate", "model.snn.h5", "--steps", "0"], 2),
        (["export", "model.snn.h5", "-t", "nir", "-o", "b.nir"], 2),  # refused, and nothing is written
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else str(value),
)
def test_exit_codes(folder, monkeypatch, arguments, code):
    monkeypatch.chdir(folder)
    if "changed_c" in arguments:
        shutil.copytree("model_c", "changed_c")
        with open("changed_c/params.h", "a") as file:
            file.write("\n")
    done = invoke(*arguments)
    assert done.exit_code == code, done.output
    assert ("snnconv: error: " in done.stderr) == (code == 2 and bool(arguments))


def test_interrupted_is_130(folder, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("snnconv.cli.model.load", interrupt)
    done = invoke("inspect", folder / "model.snn.h5")
    assert (done.exit_code, done.stderr) == (130, "snnconv: interrupted\n")


# --- completion


def complete(words: str, folder) -> set[str]:
    """What bash is offered behind these words, and that neither TensorFlow nor Keras was imported for it."""
    code = (
        "import sys, atexit; atexit.register(lambda: print('LOADED', *sys.modules)); import snnconv.cli as c; c.main()"
    )
    environment = {
        **os.environ,
        "_SNNCONV_COMPLETE": "complete_bash",
        "COMP_WORDS": f"snnconv {words}",
        "COMP_CWORD": str(len(f"snnconv {words}x".split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    offered, _, loaded = done.stdout.partition("LOADED")
    assert done.returncode == 0, done.stderr
    assert not {"tensorflow", "keras", "sklearn", "matplotlib"} & set(loaded.split())
    return set(offered.split())


def test_commands_options_and_values_are_completed(tmp_path):
    assert complete("ex", tmp_path) == {"explain", "export"}
    assert {"--steps", "--strategy"} <= complete("simulate model.snn.h5 --st", tmp_path)
    assert complete("export model.h5 --target n", tmp_path) == {"npz", "nir", "nengo"}
    assert "loihi" in complete("energy model.h5 --device ", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell, monkeypatch):
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    done = invoke("--show-completion")
    assert done.exit_code == 0
    assert "_SNNCONV_COMPLETE" in done.stdout


def test_completion_installs_into_a_home_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: "bash")
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: "bash")
    monkeypatch.setenv("HOME", str(tmp_path))
    done = invoke("--install-completion")
    assert done.exit_code == 0
    assert list(tmp_path.rglob("*snnconv*"))
    assert "snnconv" in (tmp_path / ".bashrc").read_text()


def test_the_version_is_the_packages():
    assert invoke("--version").stdout == f"snnconv {snnconv.__version__}\n"
