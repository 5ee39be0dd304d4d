"""The C program in doubles: every spike of the float64 reference, whatever the compiler does."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

import snnconv
from snnconv import export
from snnconv.errors import ExportError, ParameterError
from snnconv.export import verify_folder
from snnconv.export.c import compiling
from snnconv.export.c.doubles import DoubleWriter
from snnconv.export.c.doubles import run as run_program
from snnconv.export.c.golden import ORDERED, golden_vectors
from snnconv.export.target import Settings
from snnconv.graph import Affine, Dense, MaxPool
from snnconv.neurons import IF, LIF, SteppedLIF, Tanh, numpy_ops
from snnconv.runtime import reference

from ..helpers.c_programs import NEEDS_COMPILER, SANITIZE
from ..helpers.examples import at_most
from ..helpers.integer_networks import Line, calibrated_digits, random_line, with_start

pytestmark = NEEDS_COMPILER
OPTIONS = [("-O0",), ("-O2",), ("-O3",), ("-O1", *SANITIZE)]


def written(graph, folder, x, n_steps=40, **options):
    return export.export(graph, folder, "c", x=x, n_steps=n_steps, numbers="double", **options)


def digits():
    x, _ = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    line = Line((64,))
    for number in (1, 2):
        line.dense(f"d{number}", rng.normal(0, 0.3, (64, 64)), rng.normal(0, 0.1, 64))
        line.neurons(f"n{number}", LIF(), rng.normal(1, 0.3, 64))
    return line.dense("out", rng.normal(size=(64, 10)), rng.normal(size=10)).graph("digits"), x[:200] / 16


def test_200_digits_for_100_steps_give_every_spike_of_the_reference(tmp_path):
    """NumPy sums up in blocks, the program in order: no voltage of 2.5 million is so near to 1 that this matters."""
    graph, x = digits()
    verdict = written(graph, tmp_path / "net", x, 100)
    expected = reference.run(graph, x, 100, record="all.spikes")
    assert verdict.exact
    assert verdict.measured.total.n_spikes == sum(int(spikes.sum()) for spikes in expected.spikes.values()) > 80_000
    assert re.search(
        "to the last bit; compiled here, its self-test passes \\(4 samples of 100 steps\\)", verdict.notes[0]
    )
    inputs = graph.check_inputs(x, "float64")
    found = run_program(DoubleWriter(graph, 0.001), tmp_path / "net", inputs, 100)
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name], spikes)
    # sums of 64 numbers around 1000, in another order: some of the last of 53 bits
    np.testing.assert_allclose(found.output, expected.output, rtol=0, atol=1e-9)


@pytest.mark.full
@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_no_optimisation_changes_anything(options, tmp_path):
    """The self-test compares spikes, voltages and sums with ==."""
    graph, x = digits()
    written(graph, tmp_path / "net", x[:3], 50, golden=3)
    assert compiling.build(tmp_path / "net", options).said.startswith("PASSED: 3 samples of 50 steps;")


@at_most(6)
@given(
    seed=st.integers(0, 10**6),
    conv=st.booleans(),
    neuron=st.sampled_from(["LIF", "SteppedLIF", "IF", "IF with many spikes"]),
    synapse=st.booleans(),
    refractory=st.sampled_from([0.0, 0.001, 0.0035]),
    min_voltage=st.sampled_from([0.0, -0.7, -math.inf, None]),
    start=st.sampled_from([0.0, 0.5]),
    varies=st.booleans(),
)
def test_the_program_gives_the_spikes_of_the_reference(
    tmp_path_factory, seed, conv, neuron, synapse, refractory, min_voltage, start, varies
):
    """With every check of undefined behaviour that the compiler has; the verdict is that of NumPy's own sums."""
    kind = "LIF" if "LIF" in neuron else "IF"
    floor = 0.0 if min_voltage is None and kind == "LIF" else min_voltage
    graph = random_line(seed, conv=conv, neuron=kind, synapse=synapse, tau_ref=refractory, min_voltage=floor)
    graph = with_start(graph, start)
    if neuron == "SteppedLIF":
        graph = changed(graph, lambda lif: SteppedLIF(lif.tau_rc, lif.tau_ref, lif.amplitude, lif.min_voltage))
    elif neuron == "IF with many spikes":
        graph = changed(graph, lambda old: IF(old.amplitude, old.min_voltage, 7 if seed % 2 else None))
    lead = (3, 25) if varies else (3,)
    x = np.random.default_rng(seed).uniform(-1, 2, (*lead, *graph.inputs[0].shape))
    x *= 20 if neuron == "IF with many spikes" else 1
    folder = tmp_path_factory.mktemp("c") / "net"
    verdict = written(graph, folder, x, 25)
    assert verdict.measured.total.share == 0
    assert compiling.build(folder, ("-O1", *SANITIZE)).said.startswith("PASSED: 3 samples of 25 steps;")


def changed(graph, change):
    nodes = [
        dataclasses.replace(node, neuron=change(node.neuron)) if node.name in graph.populations else node
        for node in graph.nodes
    ]
    return dataclasses.replace(graph, nodes=tuple(nodes))


def test_geometry_of_every_kind(tmp_path):
    """One and three dimensions, strides, dilation, groups, padding, pools, dense layers and gains at each place."""
    rng = np.random.default_rng(0)
    line = Line((5, 4, 6, 2)).pad("pad", 1, 0)
    line.conv("c1", rng.normal(0, 1, (2, 3, 2, 1, 4)), groups=2)
    line.neurons("n1", LIF(), np.linspace(0.8, 1.2, 4).reshape(1, 1, 1, 4))
    line.pool("p1", 2, strides=1).pool("p2", 2).add(
        Dense, "each", (*line.last.shape[:-1], 3), kernel=rng.normal(size=(4, 3))
    )
    line.add(Affine, "affine", scale=rng.uniform(0.5, 2, line.last.shape), offset=rng.normal(size=line.last.shape))
    line.neurons("n2", LIF(), rng.normal(1, 0.2, line.last.shape)).flatten()
    graph = line.dense("out", rng.normal(size=(line.last.shape[0], 3))).graph("geometry")
    x = rng.random((3, 5, 4, 6, 2))
    assert written(graph, tmp_path / "a", x).measured.total.n_spikes > 50
    assert compiling.build(tmp_path / "a", ("-O1", *SANITIZE)).passed
    line = Line((12, 3)).conv("c1", rng.normal(0, 1, (3, 3, 4)), strides=2, padding=2, dilation=2)
    line.neurons("n1", LIF(), np.full(4, 1.0)).flatten()
    graph = line.dense("out", rng.normal(size=(line.last.shape[0], 2))).graph()
    graph = dataclasses.replace(graph, outputs={"y": "out", "spikes": "n1"})
    verdict = written(graph, tmp_path / "b", rng.random((3, 12, 3)))
    assert verdict.exact
    assert compiling.build(tmp_path / "b", ("-O1", *SANITIZE)).passed


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_sums_in_order_are_the_sums(groups):
    rng = np.random.default_rng(groups)
    x, kernel = rng.normal(size=(2, 7, 6, 4)), rng.normal(size=(3, 2, 4 // groups, 8))
    geometry = ((2, 1), ((1, 0), (0, 2)), (1, 2), groups)
    # 24 products of numbers around 1 in another order
    np.testing.assert_allclose(
        ORDERED.conv(x, kernel, *geometry), numpy_ops.conv(x, kernel, *geometry), rtol=0, atol=1e-13
    )
    x, kernel = rng.normal(size=(2, 3, 5)), rng.normal(size=(5, 4))
    np.testing.assert_allclose(ORDERED.matmul(x, kernel), x @ kernel, rtol=0, atol=1e-13)
    assert set(numpy_ops.__all__) == set(vars(ORDERED))


@pytest.mark.full
def test_calibrated_digits_start_at_half_their_threshold(tmp_path):
    graph, x = calibrated_digits()
    verdict = written(graph, tmp_path / "net", x, 16)
    assert verdict.exact
    assert all(check.passed for check in verify_folder(tmp_path / "net"))
    stored = snnconv.load(tmp_path / "net/network.snn.h5")
    assert [view.node.initial_voltage for view in stored.populations.values()] == [0.5, 0.5]
    text = (tmp_path / "net/network.c").read_text()
    (tmp_path / "net/network.c").write_text(text.replace("_voltage[j] = 0.5;", "_voltage[j] = 0.0;"))
    assert re.match("FAILED: sample 0, step 0: output of n1", compiling.build(tmp_path / "net").said)


@pytest.mark.parametrize("array", ["snn_d1_kernel", "snn_n2_neuron_bias", "snn_out_bias"])
def test_a_billionth_of_one_number_fails_the_self_test(array, tmp_path):
    graph = random_line(0, min_voltage=-math.inf)
    x = np.random.default_rng(0).random((4, 7))
    written(graph, tmp_path / "net", x)
    file = tmp_path / "net/params.h"
    text = file.read_text()
    start = text.index("{", text.index(f"{array}[")) + 1
    number = text[start : text.index(",", start)].strip()
    file.write_text(text[:start] + text[start:].replace(number, repr(float(number) * (1 + 1e-9)), 1))
    said = compiling.build(tmp_path / "net").said
    assert re.match(r"FAILED: sample \d, step \d+: (output of n\d|voltage of n\d|sum of output y) \d is ", said)


def test_the_step_of_a_held_input_leaves_it_alone(tmp_path):
    graph = random_line(0)
    written(graph, tmp_path / "net", np.random.default_rng(0).random((4, 7)))
    before, step = (tmp_path / "net/network.c").read_text().split("int32_t snn_step(snn_network *net)")
    step = step.split("int32_t snn_argmax")[0]
    assert "    present_d1(net, input);" in before
    assert re.findall(r"    (\w+)\(net", step) == ["step_n1", "step_d2", "step_n2", "step_out"]


def test_no_function_of_a_library_is_called(tmp_path):
    written(random_line(1, neuron="IF"), tmp_path / "net", np.random.default_rng(0).random((4, 7)) * 50)
    assert "math.h" not in "".join(file.read_text() for file in (tmp_path / "net").glob("*.[ch]"))


def test_fast_mathematics_do_not_compile(tmp_path):
    written(random_line(1), tmp_path / "net", np.random.default_rng(0).random((4, 7)))
    built = compiling.build(tmp_path / "net", ("-O3", "-ffast-math"))
    assert not built.passed
    assert "compile without -ffast-math" in built.said


def test_what_it_lacks_is_named_together(tmp_path):
    line = Line((4, 4, 1)).add(MaxPool, "max", (2, 2, 1), size=(2, 2), strides=(2, 2), padding=((0, 0),) * 2)
    line.neurons("bent", Tanh()).pool("p", 2, padding=1).flatten()
    graph = line.dense("out", np.ones((line.last.shape[0], 2))).graph()
    message = r"cannot hold the operation MaxPool of 'max'; the Tanh neurons of 'bent'; the padded pooling of 'p'\."
    with pytest.raises(ExportError, match=message):
        written(graph, tmp_path / "net", np.zeros((1, 4, 4, 1)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bits": 4}, ParameterError, "--bits is for integers: it has no meaning with --numbers double"),
        ({"code": "rate"}, ParameterError, "--code is for integers"),
        ({"golden": 0}, ExportError, "--golden must be a whole number above 0"),
        ({"numbers": "float"}, ParameterError, "--numbers must be one of int, double"),
    ],
)
def test_mistakes_are_named(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export.export(random_line(0), tmp_path / "net", "c", n_steps=5, **{"numbers": "double"} | options)
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_it_is_written_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    verdict = written(random_line(2), tmp_path / "c", np.zeros((1, 7)), 20)
    assert str(verdict) == "not measured: there is no C compiler here: gcc, cc or clang."
    assert [check.passed for check in verify_folder(tmp_path / "c")] == [True, None]


def test_names_cannot_leave_their_comments_nor_meet(tmp_path):
    rng = np.random.default_rng(0)
    line = Line((3,))
    for name in ["a*/ int main(void){}", "A_int_main_void", 'n"; \\', "ü\n#error", "2", "for", "output y"]:
        line.dense(f"d{name}", rng.normal(0, 1, (line.last.shape[0], 4))).neurons(name, LIF(), np.full(4, 1.5))
    graph = line.dense("*/ out ??/n", rng.normal(size=(4, 2))).graph("net */")
    assert written(graph, tmp_path / "net", rng.random((2, 3))).exact


def test_golden_vectors_are_smaller_for_large_networks():
    rng = np.random.default_rng(0)
    line = Line((20, 20, 1)).conv("c", rng.normal(0, 1, (3, 3, 1, 64))).neurons("n", LIF(), np.ones(64))
    graph = line.flatten().dense("out", rng.normal(size=(line.last.shape[0], 2))).graph()
    options = Settings(0.001, graph.check_inputs(rng.random((8, 20, 20, 1)), "float64"), 100, {"golden": 4})
    assert golden_vectors(DoubleWriter(graph, 0.001), options).size == "1 sample of 12 steps"


def test_the_readme_says_how_to_use_it(tmp_path):
    written(random_line(2), tmp_path / "net", np.zeros((1, 7)), 20)
    readme = (tmp_path / "net/README.md").read_text("utf-8")
    program = re.search(r"```c\n(.*?)```", readme, re.DOTALL).group(1)
    (tmp_path / "use.c").write_text(program + "int main(void) { double x[7] = {0}; return classify(x) < 0; }\n")
    folder = Path(tmp_path / "net")
    command = [compiling.compiler(), *compiling.FLAGS, "-I", folder, "-o", tmp_path / "use", tmp_path / "use.c"]
    assert compiling.run([*map(str, command), str(folder / "network.c")]).said == ""
    assert compiling.run([str(tmp_path / "use")]).passed
