"""XLA programs give what the Simulator gives: from rest and from a state, in chunks, and with inputs that vary."""

import json
import os
import re
import subprocess
import venv

import keras
import numpy as np
import pytest
from keras import layers as kl

import snnconv
from snnconv import export
from snnconv.errors import ExportError, InputError, ParameterError
from snnconv.export import xla
from snnconv.export.xla import program
from snnconv.export.xla.calls import Calls
from snnconv.files.manifest import changed_files
from snnconv.runtime.compiled import scan

from ..helpers.networks import randomise

N_STEPS = 40


@pytest.fixture(scope="module")
def graph():
    """Two inputs and outputs, LIF under constant current, a synapse, IF with several spikes, max pooling."""
    keras.utils.set_random_seed(0)
    image, numbers = keras.Input((6, 6, 2), name="image"), keras.Input((4,), name="numbers")
    x = snnconv.layers.LIF(200.0, name="lif")(kl.Conv2D(4, 3, name="conv")(image))
    x = kl.MaxPooling2D(2, name="max")(kl.ReLU(name="relu")(kl.Conv2D(3, 2, padding="same", name="conv2")(x)))
    x = kl.Concatenate(name="join")([kl.Flatten(name="flat")(x), numbers])
    x = snnconv.layers.IF(150.0, name="if")(kl.Dense(12, name="dense")(x))
    ends = [kl.Dense(3, activation="softmax", name="left")(x), kl.Dense(2, name="right")(x)]
    model = randomise(keras.Model([image, numbers], ends, name="two"))
    return snnconv.convert(model, synapse={"lif": 0.004}, verbose=False)


def samples(n, steps=None):
    rng = np.random.default_rng(1)
    varying = () if steps is None else (steps,)
    return {"image": rng.uniform(0, 2, (n, *varying, 6, 6, 2)), "numbers": rng.uniform(0, 2, (n, 4))}


def in_chunks_of(steps, monkeypatch):
    monkeypatch.setattr(program, "sizes", lambda graph, n, n_steps, *_: (n, steps))


def test_a_tensorflow_without_stablehlo_is_named(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(program.tf, "__version__", "2.18.1")
    with pytest.raises(ExportError, match=r"TensorFlow 2\.18\.1 cannot write .* Install TensorFlow 2\.19 or later"):
        xla.export_xla(graph, tmp_path / "net", N_STEPS)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("chunk", "reduce"), [(N_STEPS, "last"), (7, "mean")], ids=["one chunk", "padded chunks"])
def test_answers_are_those_of_predict(graph, reduce, chunk, monkeypatch):
    """float64, where no spike moves; only the order of sums differs."""
    in_chunks_of(chunk, monkeypatch)
    whole = program.Whole(graph, Calls(N_STEPS, 0.001, reduce=reduce, dtype="float64"), 2)
    found, x = whole.batches(samples(3), whole.start({})), samples(3)
    simulator = snnconv.Simulator(graph, dtype="float64")
    for label, expected in simulator.predict(x, N_STEPS, reduce=reduce).items():
        np.testing.assert_allclose(found["output", label], expected, atol=1e-11)
    for name, expected in simulator.run(x, N_STEPS, record="all.rates").rates.items():
        assert expected.any()
        np.testing.assert_allclose(found["rates", name], expected, rtol=1e-12)


@pytest.mark.parametrize("varies", [False, True], ids=["held", "varying"])
def test_calls_one_behind_the_other_are_one_run(graph, varies, monkeypatch):
    """In float32, where spikes of constant currents come from a formula: the same program as the Simulator's."""
    in_chunks_of(8, monkeypatch)
    x, half = samples(2, N_STEPS if varies else None), N_STEPS // 2
    calls = Calls(half, 0.001, frozenset(["image"] if varies else []), "none", "spikes")
    whole, parts = program.Whole(graph, calls, 2), []
    state = whole.start(dict.fromkeys(graph.populations, 0.5))
    for steps in (slice(half), slice(half, None)):
        found = whole({"image": x["image"][:, steps] if varies else x["image"], "numbers": x["numbers"]}, state)
        state = {name: value for (kind, name), value in found.items() if kind == "state"}
        parts.append(found)
    expected = snnconv.Simulator(graph, initial_voltage=0.5).run(x, N_STEPS, record="all")
    for name, spikes in expected.spikes.items():
        joined = np.concatenate([part["spikes", name] for part in parts], 1)
        assert joined.dtype == spikes.dtype
        assert spikes.any()
        np.testing.assert_array_equal(joined, spikes)
    for label, output in expected.outputs.items():
        joined = np.concatenate([part["output", label] for part in parts], 1)
        np.testing.assert_allclose(joined, output, atol=1e-5)  # sums in another order
    for name, value in state.items():
        node, _, variable = name.rpartition("/")
        np.testing.assert_allclose(value, expected.state[node][variable], rtol=1e-5, atol=1e-5)


def test_errors(graph, tmp_path):
    for wrong, message in (
        ({"reduce": "sum"}, "--reduce must be one of mean, last, none. Received 'sum'"),
        ({"dtype": "float16"}, "--dtype must be one of float32, float64"),
        ({"batch_size": 0}, "batch_size must be a whole number above 0, or several. Received 0"),
        ({"n_steps": 0}, "n_steps must be"),
    ):
        with pytest.raises(ParameterError, match=message):
            graph.export_xla(tmp_path / "out", **{"n_steps": 5, **wrong})
    with pytest.raises(InputError, match="varying names 'sound', which is no input"):
        graph.export_xla(tmp_path / "out", 5, varying="sound")
    with pytest.raises(ParameterError, match=r"--batch-sizes must be whole numbers above 0.* Received '1;2'"):
        export.export(graph, tmp_path / "out", "xla", n_steps=5, batch_sizes="1;2")
    assert not any(tmp_path.iterdir())


@pytest.fixture(scope="module")
def folder(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("xla") / "net_xla"
    verdict = export.export(graph, path, "xla", n_steps=20, n_samples=3, batch_sizes="1,2")
    assert str(verdict).startswith("exact"), verdict
    return path


def test_folder_has_all_that_a_program_needs(folder):
    about = json.loads((folder / "signature.json").read_text("utf-8"))["programs"]
    weights = np.load(folder / "weights.npz")
    for n, each in about.items():
        text = (folder / each["stablehlo"]).read_text("utf-8")
        (main,) = re.findall(r"func\.func (?:public )?@main\(([^\n]*)\) ->", text)
        shapes = [tuple(array["shape"]) for array in each["arguments"]] + [weights[w].shape for w in each["weights"]]
        given = [tuple(map(int, re.findall(r"(\d+)x", shape))) for shape in re.findall(r"tensor<([^>]*)>", main)]
        assert given == shapes
        assert all(array["shape"][0] == int(n) for array in each["arguments"] + each["results"])
        assert "loc(" not in text
        assert b".py" not in (folder / each["hlo"]).read_bytes()
    assert not changed_files(folder)


def test_verify_says_what_it_needs(folder, monkeypatch):
    monkeypatch.setattr(xla.importlib.util, "find_spec", lambda name: None)
    (files, run) = export.verify_folder(folder)
    assert files.passed
    assert (run.passed, run.said) == (None, "JAX is not installed here: pip install jax")


@pytest.mark.slow
def test_jax_alone_runs_it(folder, tmp_path):
    """In an environment that has neither TensorFlow nor snnconv."""
    venv.create(tmp_path / "jax", with_pip=True)
    python = tmp_path / "jax" / ("Scripts" if os.name == "nt" else "bin") / "python"
    installed = subprocess.run([python, "-m", "pip", "install", "-q", "jax", "numpy"], capture_output=True, check=False)
    if installed.returncode:
        pytest.skip("pip could not install jax")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        command = [str(python), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)

    assert run("-c", "import tensorflow").returncode
    done = run("run.py")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.partition(" on ")[0] for line in lines] == ["PASSED: batches of 1", "PASSED: batches of 2"]
    assert all(" 0 of " in line for line in lines), lines
    halves = run("-c", _TWICE)
    assert halves.stdout.split() == ["True"], halves.stderr


_TWICE = """
import numpy as np
from run import Network
golden, network = np.load("golden.npz"), Network(1)
x = {name: golden[f"input/{name}"][:1] for name in ("image", "numbers")}
_, state = network(x)
results, later = network(x, state)
print(any(not np.array_equal(later[name], state[name]) for name in state))
"""


def test_a_program_for_gpus_gives_the_same_spikes(graph, monkeypatch):
    monkeypatch.setattr(scan, "_MOST_TOGETHER", 4)  # XLA takes minutes to compile 25 steps for a CPU
    found = {}
    for platform in ("cpu", "gpu"):
        whole = program.Whole(graph, Calls(8, 0.001, record="spikes", dtype="float64", platform=platform), 3)
        found[platform] = whole.batches(samples(3), whole.start({})), whole.stablehlo()
    for (kind, name), values in found["cpu"][0].items():
        if kind == "spikes":
            assert np.any(values), name
            np.testing.assert_array_equal(found["gpu"][0][kind, name], values)
    assert found["cpu"][1] != found["gpu"][1]
