"""NIR files with the structures of those of NIR's paper: what is read gives the spikes of NIR's own equations.

The files themselves are not here. `lif_norse` is one neuron; `scnn_mnist` (Sinabs) has convolutions, IF neurons and
sums over windows; the `braille` ones (snnTorch) have current-based neurons, feedback, and a graph in the graph.
"""

from itertools import pairwise

import nir
import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.cli.app import app
from snnconv.errors import ConversionWarning, ModelFileError
from snnconv.export.nir.execute import execute
from snnconv.export.nir.file import read_file
from snnconv.runtime import reference

rng = np.random.default_rng(3)


def full(value, *shape):
    return np.full(shape, float(value))


def cuba(n, leak=0.0):
    parameters = {"tau_syn": 2e-3, "tau_mem": 4e-3, "r": 1.0, "v_leak": leak, "v_threshold": 0.4, "v_reset": 0.0}
    return nir.CubaLIF(**{key: full(value, n) for key, value in parameters.items()}, w_in=full(1.5, n))


def graph(nodes, edges=None):
    return nir.NIRGraph(nodes, list(pairwise(nodes)) if edges is None else edges, type_check=False)


def ends(*shape, n_out):
    return nir.Input(np.array(shape)), nir.Output(np.array([n_out]))


def lif_norse():
    first, last = ends(1, n_out=1)
    lif = nir.LIF(full(5e-3, 1), full(1, 1), full(0.02, 1), full(0.1, 1), full(0, 1))
    return graph({"input": first, "affine": nir.Affine(full(1, 1, 1), full(0.01, 1)), "lif": lif, "output": last})


def scnn_mnist():
    def conv(c_in, c_out, size):
        weight = rng.normal(size=(c_out, c_in, 3, 3)) / 3
        return nir.Conv2d((size, size), weight, 1, 1, 1, 1, rng.normal(size=c_out) / 9)

    def fire(*shape):
        return nir.IF(full(800, *shape), full(1, *shape), full(0, *shape))

    def pool():
        return nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))

    first, last = ends(2, 8, 8, n_out=5)
    nodes = [first, conv(2, 3, 8), fire(3, 8, 8), pool(), conv(3, 4, 4), fire(4, 4, 4), pool()]
    nodes += [nir.Flatten({"input": np.array([4, 2, 2])}, 0, -1), nir.Affine(rng.normal(size=(5, 16)), full(0, 5))]
    return graph({str(number): node for number, node in enumerate([*nodes, fire(5), last])})


def braille(is_recurrent, is_nested=True):
    first, last = ends(6, n_out=4)
    w = nir.Affine(rng.normal(size=(8, 8)), full(0, 8))
    lif, inner = cuba(8), [("input", "lif"), ("lif", "output")]
    if is_recurrent:
        inner += [("lif", "w_rec"), ("w_rec", "lif")]
    parts = {"lif": lif, **({"w_rec": w} if is_recurrent else {})}
    around = {
        "input": first,
        "fc1": nir.Affine(rng.normal(size=(8, 6)), rng.normal(size=8)),
        "fc2": nir.Linear(rng.normal(size=(4, 8))),
        "lif2": cuba(4, leak=0.05),
        "output": last,
    }
    edges = [("input", "fc1"), ("fc2", "lif2"), ("lif2", "output")]
    if is_nested:
        nested = graph({"input": nir.Input(np.array([8])), **parts, "output": nir.Output(np.array([8]))}, inner)
        return graph({**around, "lif1": nested}, [*edges, ("fc1", "lif1"), ("lif1", "fc2")])
    named = [(f"lif1.{a}", f"lif1.{b}") for a, b in inner if "put" not in a + b]
    flat = {f"lif1.{name}": node for name, node in parts.items()}
    return graph({**around, **flat}, [*edges, *named, ("fc1", "lif1.lif"), ("lif1.lif", "fc2")])


def integrators():
    first, last = ends(3, n_out=3)
    li = nir.LI(full(3e-3, 3), full(2, 3), np.array([0.1, 0.2, 0.3]))
    two = nir.CubaLI(*(full(value, 3) for value in (2e-3, 3e-3, 1.5, 0.1)), w_in=full(0.7, 3))
    return graph({"input": first, "li": li, "scale": nir.Scale(np.array([1.0, 2.0, 3.0])), "two": two, "out": last})


def mean_pool():
    first, last = ends(2, 5, 5, n_out=4)
    pool = nir.AvgPool2d(np.array([3, 3]), np.array([2, 2]), np.array([1, 1]))
    flat, linear = nir.Flatten({"input": np.array([2, 3, 3])}, 0, -1), nir.Linear(rng.normal(size=(4, 18)))
    return graph({"input": first, "pool": pool, "flat": flat, "linear": linear, "out": last})


@pytest.mark.parametrize(
    ("made", "n_spiking"),
    [
        (lif_norse(), 1),
        (scnn_mnist(), 3),
        (braille(is_recurrent=False), 2),
        (braille(is_recurrent=False, is_nested=False), 2),
        (integrators(), 0),
        (mean_pool(), 0),
    ],
    ids=["lif_norse", "scnn_mnist", "braille_nested", "braille_flat", "integrators", "mean_pool"],
)
def test_what_is_read_does_what_the_equations_say(tmp_path, made, n_spiking):
    nir.write(tmp_path / "x.nir", made)
    read = snnconv.read_nir(tmp_path / "x.nir")
    assert read.dt == 1e-4
    (node,) = read.inputs
    x = np.random.default_rng(1).random((3, *node.shape))
    name = next(name for name, each in made.nodes.items() if isinstance(each, nir.Input))
    spikes, outputs = execute(read_file(tmp_path / "x.nir"), {name: np.moveaxis(x, -1, 1)}, 300, 1e-4)
    assert len(read.populations) == len(spikes) == n_spiking
    found = reference.run(read, x, 300, record=[f"{each}.spikes" for each in read.populations])
    for population, expected in spikes.items():
        assert expected.any()
        shape = (*expected.shape[:2], -1)
        order = np.moveaxis(found.spikes[population], -1, 2).reshape(shape)  # channels first, as there
        np.testing.assert_array_equal(order, expected.reshape(shape))
    (output,) = outputs.values()
    # sums of the same products in another order, and time constants through exp and log
    np.testing.assert_allclose(found.output, output, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("is_nested", [True, False])
def test_feedback_is_refused_with_the_nodes_that_feed_each_other(tmp_path, is_nested):
    nir.write(tmp_path / "braille.nir", braille(True, is_nested))
    with pytest.raises(ModelFileError, match=r"recurrent, .*'lif1\.(lif' -> 'lif1\.w_rec|w_rec' -> 'lif1\.lif)'"):
        snnconv.read_nir(tmp_path / "braille.nir")


def test_a_step_is_that_of_the_file_unless_another_is_asked_for(tmp_path):
    nir.write(tmp_path / "x.nir", lif_norse())
    x = np.full((1, 1), 0.12)
    spikes, _ = execute(read_file(tmp_path / "x.nir"), {"input": x}, 2000, 1e-4)
    read = snnconv.read_nir(tmp_path / "x.nir")
    found = snnconv.Simulator(read, dtype="float64").run(x, 2000, record="lif")
    assert found.dt == 1e-4
    assert found.spikes["lif"].sum() == spikes["lif"].sum() > 0
    read.save(tmp_path / "x.snn.h5")
    assert snnconv.load(tmp_path / "x.snn.h5").dt == 1e-4
    with pytest.warns(ConversionWarning, match=r"made for steps of 0\.0001 s, and is used with steps of 0\.001 s"):
        snnconv.Simulator(read, dt=0.001)
    slow = snnconv.read_nir(tmp_path / "x.nir", dt=0.001)  # an Euler step of a reader at 1 ms
    spikes, _ = execute(read_file(tmp_path / "x.nir"), {"input": x}, 200, 1e-3)
    np.testing.assert_array_equal(reference.run(slow, x, 200, record="lif").spikes["lif"], spikes["lif"])


def test_if_neurons_subtract_where_they_are_asked_to(tmp_path):
    """As Sinabs' do, from which such files come; the network then has an integer form."""
    nir.write(tmp_path / "x.nir", scnn_mnist())
    read = snnconv.read_nir(tmp_path / "x.nir", reset="subtraction")
    x = np.random.default_rng(1).random((2, 8, 8, 2))
    result = reference.run(read, x, 200, record="all")
    layer = read["2"]
    sent, left = result.spikes["2"].sum(1), result.voltages["2"][:, -1]
    brought = (read.rate_values(x)[layer.inputs[0]] + layer.neuron_bias) * read.dt * 200
    assert sent.any()
    np.testing.assert_allclose(sent + left, brought, atol=1e-9)  # no current is lost; sums of 200 rounded numbers
    assert snnconv.quantize.quantize(read).populations.keys() == read.populations.keys()
    with pytest.raises(snnconv.errors.ParameterError, match="reset must be 'zero' or 'subtraction'"):
        snnconv.read_nir(tmp_path / "x.nir", reset="none")


def test_a_file_of_snnconv_warns_of_another_step(tmp_path):
    from ..helpers.small_graphs import graph_of

    snnconv.export.export(graph_of("synapse"), tmp_path / "x.nir", "nir", n_steps=2)
    assert snnconv.read_nir(tmp_path / "x.nir").dt == 0.001
    with pytest.warns(ConversionWarning, match=r"written for steps of 0\.001 s"):
        assert snnconv.read_nir(tmp_path / "x.nir", dt=0.002).dt == 0.002


def test_the_command_line_takes_a_nir_file_as_a_model(tmp_path):
    made = braille(is_recurrent=False)
    made.nodes["fc1"].bias[:] = 0  # a synapse that filters a bias has no integer form
    nir.write(tmp_path / "x.nir", made)
    model = str(tmp_path / "x.nir")

    def command(*words):
        found = CliRunner().invoke(app, list(words))
        assert found.exit_code == 0, found.output
        return found.output

    assert "lif1.lif" in command("inspect", model)
    assert "0.1 ms" in command("simulate", model, "--steps", "30")
    command("export", model, "--target", "c", "-o", str(tmp_path / "net"), "--steps", "20")
    assert (tmp_path / "net" / "network.c").is_file()
    command("export", model, "--target", "verilog", "-o", str(tmp_path / "circuit"), "--steps", "20")
    assert (tmp_path / "circuit" / "rtl" / "snn_network.v").is_file()
    assert "A step is 0.0001 s" in (tmp_path / "net" / "network.h").read_text("utf-8")
