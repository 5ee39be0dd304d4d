"""The command as a whole: bad runs, bad usage, and processes that end with one line and no traceback."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import snnconv

from ..helpers.command import fails, run


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--steps", 0], "--steps must be a whole number above 0. Received 0"),
        (["--steps", "many"], "'--steps'"),
        (["--dt", 0], "dt must be above 0"),
        (["--dt", "nan"], "dt must be above 0"),
        (["--dtype", "float16"], "float32 or float64"),
        (["--initial-voltage", "2"], "--initial-voltage must be"),
        (["--initial-voltage", "high"], "must be 'uniform' or a number"),
        (["--record", "lif"], "Name it with -o"),
        (["--record", "lfi", "-o", "run.npz"], r"cannot record 'lfi'. Populations are \['lif'\]"),
        (["-o", "nowhere/run.npz"], "no folder 'nowhere'"),
        (["--input", "missing.npy"], "no file 'missing.npy'"),
        (["--input", "{files}/text.txt"], "damaged"),
        (["--input", "wrong.npy"], r"must have shape \(n, 16\).* Received \(20, 15\)"),
        (["--input", "nan.npy"], "holds NaN or infinity"),
        (["--input", "objects.npy"], "holds Python objects"),
        (["--input", "others.npz"], r"must hold an array 'input.*It holds \['a', 'b'\]"),
        (["--input", "empty.npy"], "holds no samples"),
        (["--input", "{files}/x.npy", "--labels", "few.npy"], "one for each of the 20 samples"),
        (["--input", "{files}/x.npy", "--labels", "high.npy"], "whole numbers from 0 to 3"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_bad_runs(files, tmp_path, monkeypatch, arguments, pattern):
    monkeypatch.chdir(tmp_path)
    x = np.load(files / "x.npy")
    np.save("wrong.npy", x[:, 1:])
    np.save("nan.npy", np.where(x > 2, np.nan, x))
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    np.savez("others.npz", a=x, b=x)
    np.save("empty.npy", x[:0])
    np.save("few.npy", np.zeros(7))
    np.save("high.npy", np.full(20, 4))
    before = sorted(os.listdir())
    arguments = [str(argument).format(files=files) for argument in arguments]
    fails(pattern, "simulate", files / "graph.snn.h5", *arguments)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["export"], "needs a MODEL"),
        (["export", "{files}/model.keras", "-t", "vhdl"], "no export target 'vhdl'. There are: hdf5, npz, json"),
        (
            ["export", "{files}/model.keras", "-o", "{files}/model.keras"],
            "which is read. Name another file|Name it 'model.snn.h5'",
        ),
        (["export", "{files}/graph.snn.h5"], "which is read. Name another file|Name it 'model.snn.h5'"),
        (["export", "{files}/model.keras", "-o", "{files}"], "it is a folder"),
        (["export", "{files}/model.keras", "-o", "{files}/nowhere/x.h5"], "there is no folder"),
        (["export", "{files}/model.keras", "-o", "{files}/text.txt/x.h5"], "there is no folder"),
        (
            ["export", "{files}/model.keras", "-o", "x", "--synapse", "-1"],
            "--synapse must be a number of seconds above 0",
        ),
        (["export", "{files}/graph.snn.h5", "-o", "x", "--scale-firing-rates", "0"], "must be a number above 0"),
        (["export", "{files}/graph.snn.h5", "-o", "x", "--dt", "-1"], "dt must be above 0"),
        (["inspect", "{files}/graph.snn.h5", "--layer", "lfi"], "no population or output .* There are: lif, readout"),
        (["verify", "{files}/graph.snn.h5", "--steps", "-3"], "--steps must"),
        (["verify", "{files}/graph.snn.h5", "--samples", "0"], "--samples"),
        (["verify", "{files}/model.keras", "--keras", "{files}/model.keras"], "--keras names the Keras file"),
        (["train", "missing.toml"], "there is no file 'missing.toml'"),
        (["train", "{files}/text.txt"], "not valid TOML"),
        (["train", "{config}", "-o", "{files}/text.txt/out"], "is not a folder"),
        (["train", "{config}", "--epochs", "0"], "--epochs must be"),
        (["demo", "-o", "{files}/text.txt"], "is not a folder"),
        (["frobnicate"], "No such command 'frobnicate'. See 'snnconv --help'"),
        (["exprt"], r"Did you mean 'export'\? See 'snnconv --help'"),
        (["export", "--frobnicate"], "No such option.*See 'snnconv export --help'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage(files, config, tmp_path, monkeypatch, arguments, pattern):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    fails(pattern, *(argument.format(files=files, config=config) for argument in arguments))
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(files, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    fails("may not be written to", "export", files / "graph.snn.h5", "-o", locked / "x.snn.h5")


def test_running_out_of_memory_is_one_line(files, monkeypatch):
    def run_out(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("snnconv.runtime.batches.Batches.run", run_out)
    fails("not enough memory", "simulate", files / "graph.snn.h5")


# --- the process itself


def process(*arguments, **options):
    command = [sys.executable, "-m", "snnconv", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def test_help_and_version():
    assert f"snnconv {snnconv.__version__}\n" == run("--version")
    printed = run("--help")
    for command in ("demo", "train", "export", "inspect", "simulate", "verify"):
        assert command in printed
        assert "Usage: snnconv" in run(command, "--help").replace("\n", " ").replace("root", "snnconv")


@pytest.mark.full
def test_a_process_says_nothing_on_standard_error_but_errors(folder, tmp_path):
    done = process("export", folder / "model.h5", "-o", tmp_path / "x.snn.h5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wrote" in done.stdout
    done = process("export", folder / "truncated.h5", "-o", tmp_path / "y.snn.h5")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"snnconv: error: cannot read [^\n]*\n", done.stderr)
    assert os.listdir(tmp_path) == ["x.snn.h5"]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_an_interrupt_is_one_line(folder, tmp_path):
    arguments = ["simulate", folder / "graph.snn.h5", "--steps", "2000000", "-o", tmp_path / "run.npz"]
    # A shell's background jobs, and what they start, ignore interrupts: a person's terminal does not.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{listen}; import snnconv.cli as c; print('ready', flush=True); c.main()"]
    started = subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    started.stdout.readline()
    time.sleep(1.5)
    started.send_signal(signal.SIGINT)
    _, error = started.communicate(timeout=60)
    assert (started.returncode, error) == (130, "snnconv: interrupted\n")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("command", ["simulate", "quantize", "doctor", "view"])
def test_labels_are_not_those_of_random_numbers(folder, command):
    fails("--labels are those of --input", command, folder / "graph.snn.h5", "--labels", folder / "y.npy")


@pytest.mark.parametrize("arguments", [["--help"], ["export", "--list"], ["export", "--list", "--json"]])
def test_a_reader_that_has_enough_is_no_failure(arguments):
    started = subprocess.Popen(
        [sys.executable, "-m", "snnconv", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.close()
    assert (started.stderr.read(), started.wait(60)) == ("", 141)
    started.stderr.close()


def test_module_and_script_are_the_same_command():
    assert Path(snnconv.__file__).with_name("__main__.py").is_file()
    assert process("--version").stdout == f"snnconv {snnconv.__version__}\n"


@pytest.mark.parametrize(("is_terminal", "written"), [(True, "loading\r\033[K"), (False, "")])
def test_a_terminal_is_told_what_takes_seconds(monkeypatch, is_terminal, written):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with sys.modules["snnconv.cli.app"]._said("loading"):
        assert stream.getvalue() == written.partition("\r")[0]
    assert stream.getvalue() == written
