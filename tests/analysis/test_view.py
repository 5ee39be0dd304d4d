"""Reprs, frames and pages show the numbers of the graph and of the run, and load nothing."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

import snnconv
from snnconv.analysis.view import activity
from snnconv.api import view
from snnconv.cli import app
from snnconv.errors import InputError, ModelFileError, ParameterError, SnnconvError
from snnconv.graph import Dense, Input, Population, SpikingGraph
from snnconv.graph.show import HEADINGS, summary_rows
from snnconv.neurons import IF, Tanh
from snnconv.runtime.recorder import as_result
from snnconv.runtime.result import Result
from snnconv.text.plain import number

from ..helpers.networks import random_cnn

N_STEPS = 47  # no multiple of the steps that are run at a time
VOID = {"meta", "input", "br", "hr"}


class Page(HTMLParser):
    """What a browser would read: tags, the cells of tables, texts, and what is embedded."""

    def __init__(self, text):
        super().__init__()
        self.attributes, self.tables, self.texts, self.elements = [], [], [], {}
        self._open = []
        self.feed(text)
        self.close()
        assert self._open == [], "elements that are not closed"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self._open.append((tag, attributes.get("id", "")))

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        tag, identity = self._open[-1] if self._open else ("", "")
        self.texts.append(data)
        self.elements.setdefault(identity or tag, []).append(data)
        if tag in ("td", "th"):
            self.tables[-1][-1][-1] += data

    @property
    def data(self):
        """What the page's script draws."""
        return json.loads("".join(self.elements["run-data"]))

    def rows(self, *first):
        """Rows of the tables whose first cells are these."""
        return [row for table in self.tables for row in table if tuple(row[: len(first)]) == first]


@pytest.fixture(scope="module")
def model():
    return random_cnn()


@pytest.fixture(scope="module")
def graph(model):
    return snnconv.convert(model, synapse=0.002, verbose=False)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((3, 12, 12, 2))


@pytest.fixture(scope="module")
def result(graph, x):
    return snnconv.reference.run(graph, x, N_STEPS, record=["lif1.spikes", "lif2.rates", "hidden"])


@pytest.fixture(scope="module")
def made(graph, x):
    return view(graph, x, sample=2, n_steps=N_STEPS)


@pytest.fixture(scope="module")
def page(made):
    return Page(made.html)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, graph, x):
    path = tmp_path_factory.mktemp("view")
    graph.save(path / "net.snn.h5")
    np.save(path / "x.npy", x)
    return path


ODD = "<b>&\"'</script>"


def by_hand(neuron, n=3, name="p"):
    """A graph of one dense layer with weights that make n different neurons fire."""
    kernel = np.linspace(-1.5, 3.0, n).reshape(1, n) * 400
    nodes = (
        Input(name="in", shape=(1,)),
        Dense(name=f"{name}.linear", inputs=("in",), shape=(n,), kernel=kernel),
        Population(
            name=name, inputs=(f"{name}.linear",), shape=(n,), neuron=neuron, neuron_bias=np.zeros(n), gain=np.ones(n)
        ),
    )
    return SpikingGraph(nodes, {name: name}, name=name)


def test_frame_has_every_spike(result):
    pytest.importorskip("pandas")
    frame = result.to_frame("lif1")
    assert list(frame.columns) == ["sample", "step", "time_s", "unit", "unit_0", "unit_1", "unit_2", "count"]
    rebuilt = np.zeros_like(result.spikes["lif1"])
    rebuilt[frame["sample"], frame["step"] - 1, frame["unit_0"], frame["unit_1"], frame["unit_2"]] = frame["count"]
    np.testing.assert_array_equal(rebuilt, result.spikes["lif1"])
    np.testing.assert_allclose(frame["time_s"], frame["step"] * 0.001)
    assert frame["unit"].tolist() == (frame["unit_0"] * 96 + frame["unit_1"] * 8 + frame["unit_2"]).tolist()
    assert frame.equals(frame.sort_values(["sample", "step", "unit"], ignore_index=True))
    assert list(result.to_frame("hidden").columns) == ["sample", "step", "time_s", "unit", "count"]


def test_frame_counts_several_and_negative_spikes():
    pytest.importorskip("pandas")
    spikes = {"p": np.array([[[0, 2], [-1, 0]]])}
    frame = Result(np.zeros((1, 2, 1)), 2, 0.01, spikes=spikes).to_frame("p")
    assert frame.to_dict("records") == [
        {"sample": 0, "step": 1, "time_s": 0.01, "unit": 1, "count": 2},
        {"sample": 0, "step": 2, "time_s": 0.02, "unit": 0, "count": -1},
    ]
    none = Result(np.zeros((1, 2, 1)), 2, 0.01, spikes={"p": 0 * spikes["p"]}).to_frame("p")
    assert (len(none), list(none.columns)) == (0, list(frame.columns))


def test_frame_says_what_is_missing(result, monkeypatch):
    with pytest.raises(InputError, match="the spikes of 'lif2' were not recorded. Run with record="):
        result.to_frame("lif2")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SnnconvError, match=r"to_frame needs pandas: pip install 'snnconv\[frames\]'"):
        result.to_frame("lif1")


def test_records_are_in_the_order_of_the_network(graph, result, x):
    assert result.recorded == ("lif1", "lif2", "hidden")
    found = snnconv.reference.run(graph, x[:1], 2, record="all")
    arrays = {"output/classes": found.output}  # as the fast runtime gathers them, by name
    for name in sorted(graph.populations):
        arrays |= {f"spikes/{name}": found.spikes[name], f"rates/{name}": found.rates[name]}
    for each in (found, as_result(graph, arrays, 2, 0.001)):
        for records in (each.spikes, each.rates):
            assert list(records) == list(graph.populations)


def test_repr_of_a_graph_has_the_rows_of_its_summary(graph):
    (table,) = Page(graph._repr_html_()).tables
    cells = [[cell.replace("\n", "") for cell in row] for row in summary_rows(graph)]
    assert table == [list(HEADINGS), *cells]
    assert [row[0] for row in cells] == [*(node.name for node in graph.nodes), "total"]


def test_repr_of_a_population_has_its_arrays_and_parameters(graph):
    page = Page(graph.populations["lif1"]._repr_html_())
    kernel = graph.populations["lif1"].kernel
    low, mean, high = (number(function(kernel), 3) for function in (np.min, np.mean, np.max))
    assert page.rows("kernel'") == [["kernel'", "gain × norm × conv1/kernel", "3×3×2×8", low, mean, high, "J per x"]]
    assert page.rows("tau_rc") == [["tau_rc", "0.02", "s, membrane time constant"]]
    assert "J = conv(x, kernel') + dense_bias' + neuron_bias" in "".join(page.texts)
    assert Page(graph.readouts["classes"]._repr_html_()).rows("kernel'")[0][-1] == "y per x"


def test_repr_of_a_result_says_what_its_neurons_did(graph, result):
    page = Page(result._repr_html_())
    spikes = result.spikes["lif1"]
    rates = spikes.sum(1, dtype=float) / (N_STEPS * 0.001)
    silent = f"{(rates == 0).mean():.1%}"
    activity = [f"{rates.mean():.4g}", f"{rates.max():.4g}", silent, f"{spikes.sum():,}"]
    assert page.rows("lif1") == [["lif1", "spikes", f"(3, {N_STEPS}, 12, 12, 8)", *activity]]
    assert page.rows("hidden")[0][1] == "spikes, voltages, rates"
    assert page.rows("lif2")[0][1:3] == ["rates", "(3, 2, 2, 12)"]
    assert f"{N_STEPS} steps of 1 ms = 0.047 s" in page.texts[0]
    assert "recorded ['lif1', 'lif2', 'hidden']" in repr(result)
    plain = snnconv.reference.run(graph, np.zeros((1, 12, 12, 2)), 1)
    assert "run with record='all'" in "".join(Page(plain._repr_html_()).texts)
    assert "Result of 1 sample, 1 step of 1 ms" in plain._repr_html_()


def test_reprs_escape_names_and_have_no_script():
    graph = by_hand(IF(), name=ODD)
    result = snnconv.reference.run(graph, np.ones((1, 1)), 5, record="all")
    for shown in (graph, graph.populations[ODD], graph.readouts[ODD], result):
        page = Page(shown._repr_html_())
        assert ODD in "".join(page.texts)
        tags = {tag for tag, _, _ in page.attributes}
        assert not tags & {"script", "b"}
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_the_page_loads_nothing(made, page):
    loads = {"src", "href", "data", "action", "srcset", "poster", "xlink:href", "background"}
    targets = {value for _, name, value in page.attributes if name in loads}
    assert all(target.startswith("#layer-") for target in targets)
    identities = {value for _, name, value in page.attributes if name == "id"}
    assert {target.removeprefix("#") for target in targets} <= identities
    assert not [tag for tag, _, _ in page.attributes if tag in ("link", "iframe", "img", "object", "embed", "base")]
    assert not re.search(r"https?:|@import|fetch\(|XMLHttpRequest|import\(|WebSocket", made.html)
    assert set(re.findall(r"url\(([^)]*)\)", made.html)) == {"#head"}


def test_the_page_names_every_node_and_tells_every_layer(graph, page):
    text = "".join(page.texts)
    for node in graph.nodes:
        assert node.name in text
    titles = page.elements["summary"]
    for name in (*graph.populations, *graph.readouts):
        assert sum(f"'{name}':" in title for title in titles) == 1
    cells = [[cell.replace("\n", "") for cell in row] for row in summary_rows(graph)]
    assert [list(HEADINGS), *cells] in page.tables


def test_the_numbers_are_those_of_the_graph(graph, page):
    kernels = [row for row in page.rows("kernel'") if len(row) == 7]
    views = [*graph.populations.values(), *graph.readouts.values()]
    assert len(kernels) == len(views)
    for row, each in zip(kernels, views, strict=True):
        low, mean, high = (number(function(each.kernel), 3) for function in (np.min, np.mean, np.max))
        assert row[2:] == ["×".join(map(str, each.kernel.shape)), low, mean, high, row[-1]]
    variables = {row[0]: row for row in page.tables[-2]}
    assert variables["lif1/gain"] == [
        "lif1/gain",
        "8",
        "no",
        "gain",
        "J per u",
        "populations/lif1/gain: for the record",
    ]
    explained = graph.explain()
    assert [row[0] for row in page.tables[-2][1:]] == [variable.path for variable in explained.variables]
    assert [row[4] for row in page.tables[-2][1:]] == [variable.unit for variable in explained.variables]
    assert [row[1:3] for row in page.tables[-1][1:]] == [[each.name, each.value] for each in explained.requirements]


def test_histograms_count_every_weight(graph, page):
    pictures = "".join(page.texts)
    bars = [int(text.rpartition(": ")[2].replace(",", "")) for text in page.elements["title"][1:] if "J per x" in text]
    sizes = [each.kernel.size for each in graph.populations.values()]
    assert sum(bars) == sum(sizes)
    assert "rates in spikes: mean" in pictures


def test_the_spikes_are_those_of_the_run(graph, x, page, made):
    data = page.data
    assert (data["n_steps"], data["dt"]) == (N_STEPS, 0.001)
    assert data == made.to_dict()
    whole = snnconv.reference.run(graph, x[2:], N_STEPS, record="all")
    rates = graph.rate_values(x[2:])
    assert [layer["name"] for layer in data["layers"]] == list(graph.populations)
    for layer in data["layers"]:
        spikes = whole.spikes[layer["name"]][0].reshape(N_STEPS, -1)
        assert layer["n_neurons"] == spikes.shape[1]
        assert len(layer["shown"]) == min(60, layer["n_neurons"])
        steps = [(np.nonzero(spikes[:, unit])[0] + 1).tolist() for unit in layer["shown"]]
        assert layer["steps"] == steps
        assert layer["counts"] == [None] * len(steps)
        assert layer["per_step"] == spikes.sum(1).tolist()
        expected = rates[layer["name"]].mean() / graph.populations[layer["name"]].amplitude
        assert layer["expected"] == pytest.approx(expected, rel=1e-5)  # six digits are written
    (output,) = data["outputs"]
    np.testing.assert_allclose(np.transpose(output["values"]), whole.output[0], rtol=1e-5, atol=1e-12)
    assert output["shown"] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(output["expected"], rates[graph["classes"].inputs[0]][0], rtol=1e-5)


def test_inputs_that_vary_in_time_are_run_as_such(graph, x):
    varying = np.random.default_rng(1).random((1, 25, 12, 12, 2))
    data = view(graph, varying, n_steps=25).to_dict()
    spikes = snnconv.reference.run(graph, varying, 25, record="lif2.spikes").spikes["lif2"]
    assert data["layers"][1]["per_step"] == spikes[0].reshape(25, -1).sum(1).tolist()
    expected = graph.rate_values(varying.mean(1))["lif1"].mean() / graph.populations["lif1"].amplitude
    assert data["layers"][0]["expected"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("neuron", [IF(), Tanh()])
def test_several_and_negative_spikes_are_counted(neuron):
    graph = by_hand(neuron)
    x = np.array([[2.0]])
    layer = view(graph, x, n_steps=30).to_dict()["layers"][0]
    spikes = snnconv.reference.run(graph, x, 30, record="all").spikes["p"][0]
    assert np.any((spikes != 0) & (spikes != 1))
    for steps, counts, row in zip(layer["steps"], layer["counts"], spikes.T, strict=True):
        rebuilt = np.zeros(30, int)
        rebuilt[np.array(steps, int) - 1] = 1 if counts is None else counts
        np.testing.assert_array_equal(rebuilt, row)


def test_pages_of_large_networks_stay_small(monkeypatch):
    made = view(by_hand(IF(), n=30_000), np.array([[1.0]]), n_steps=300)
    layer = made.to_dict()["layers"][0]
    assert (layer["n_neurons"], len(layer["shown"])) == (30_000, 60)
    assert len(made.to_dict()["outputs"][0]["shown"]) == 20
    assert len(made.html) < 300_000
    assert (
        len(view(by_hand(IF(), n=50), np.array([[1.0]]), n_steps=20, max_neurons=7).to_dict()["layers"][0]["shown"])
        == 7
    )
    monkeypatch.setattr(activity, "MOST_CELLS", 1000)
    long = view(by_hand(IF(), n=100), np.array([[0.1]]), n_steps=50).to_dict()
    assert len(long["layers"][0]["shown"]) == 20


def test_names_cannot_end_the_script(tmp_path):
    made = view(by_hand(IF(), name=ODD), np.array([[1.0]]), n_steps=5)
    page = Page(made.html)
    assert page.data["layers"][0]["name"] == ODD
    assert sum(tag == "script" for tag, name, _ in page.attributes if name == "id") == 1
    made.save(tmp_path / "odd.html")
    assert (tmp_path / "odd.html").read_text("utf-8") == made.html


def test_a_keras_model_gives_all_its_variables(model, x):
    made = view(model, x, n_steps=2)
    table = next(table for table in Page(made.html).tables if table and table[0][0] == "variable")
    assert [row[0] for row in table[1:]] == [variable.path for variable in model.variables]
    assert "srcdoc=" in made._repr_html_()
    assert "save('report.html')" in repr(made)


def test_without_inputs_it_says_that_they_are_random(graph):
    text = "".join(Page(view(graph, n_steps=2).html).texts)
    assert "Sample 0 of random numbers in 0…1, as no inputs were given, 2 steps of 1 ms" in text


def test_wrong_arguments(graph, x):
    with pytest.raises(InputError, match="sample must be a number from 0 to 2"):
        view(graph, x, sample=3)
    with pytest.raises(ParameterError, match="max_neurons must be a whole number above 0. Received 0"):
        view(graph, x, max_neurons=0)
    with pytest.raises(ParameterError, match="n_steps must be a whole number"):
        view(graph, x, n_steps=0)


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_command_writes_the_page(folder, graph, x):
    out = folder / "report.html"
    done = run("view", folder / "net.snn.h5", "-i", folder / "x.npy", "--sample", 1, "--steps", 12, "-o", out)
    assert done.exit_code == 0, done.output
    assert "Wrote" in done.output
    assert "random" not in done.output
    assert Page(out.read_text("utf-8")).data == view(graph, x, sample=1, n_steps=12).to_dict()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_the_command_names_the_page_after_the_model(folder):
    done = run("view", folder / "net.snn.h5", "--steps", 3, "--neurons", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["file"] == str(folder / "net.html")
    assert found["n_bytes"] == (folder / "net.html").stat().st_size
    assert Page((folder / "net.html").read_text("utf-8")).data["layers"] == found["layers"]
    assert [len(layer["shown"]) for layer in found["layers"]] == [2, 2, 2]
    assert "random numbers" in run("view", folder / "net.snn.h5", "--steps", 2).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "net.snn.h5"), "is the model itself"),
        (("-i", "x.npy", "-o", "x.npy"), "is the file of inputs itself"),
        (("-o", "none/report.html"), "there is no folder"),
        (("--neurons", "0"), "--neurons must be a whole number above 0"),
        (("--steps", "0"), "n_steps must be a whole number above 0"),
        (("-i", "x.npy", "--sample", "9"), "sample must be a number from 0 to 2"),
        (("-i", "y.npy"), "there is no file"),
    ],
)
def test_the_command_refuses_and_writes_nothing(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    (folder / "net.html").unlink(missing_ok=True)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run("view", "net.snn.h5", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_page_that_cannot_be_written(made, tmp_path):
    with pytest.raises(ModelFileError, match="cannot write"):
        made.save(tmp_path / "none" / "report.html")


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """
<script>
const found = { errors: [] };
addEventListener("error", (event) => found.errors.push(String(event.message)));
addEventListener("load", () => {
  const slider = document.getElementById("step"), canvas = document.getElementById("raster");
  const look = (step) => {
    slider.value = step;
    slider.dispatchEvent(new Event("input"));
    const cells = [...document.querySelectorAll("#rates td:nth-child(-n+3)")].map((cell) => cell.textContent);
    const values = [...document.querySelectorAll(".value span:last-child")].map((cell) => cell.textContent);
    const ink = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.filter((c) => c).length;
    return { now: document.getElementById("now").textContent, cells, values, ink };
  };
  found.at = [5, 30].map(look);
  document.getElementById("window").selectedIndex = 0;
  document.getElementById("on").click();
  found.next = document.getElementById("now").textContent;
  found.note = document.getElementById("shown").textContent;
  const report = document.createElement("pre");
  report.id = "probe";
  report.textContent = JSON.stringify(found);
  document.body.appendChild(report);
});
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_the_slider_moves_through_the_run(made, page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(made.html.replace("<body>", f"<body>{PROBE}", 1), "utf-8")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [BROWSER, *flags, profile, "--virtual-time-budget=3000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads("".join(Page(done.stdout).elements["probe"]))
    assert found["errors"] == []
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if "willReadFrequently" not in line] == []  # that one is for the probe itself
    data = page.data
    for step, seen in zip((5, 30), found["at"], strict=True):
        assert seen["now"] == f"{step} of {N_STEPS}, {step} ms"
        counts = [str(layer["per_step"][step - 1]) for layer in data["layers"]]
        assert seen["cells"][1::3] == counts
        so_far = [sum(layer["per_step"][:step]) / layer["n_neurons"] / (step * 0.001) for layer in data["layers"]]
        np.testing.assert_allclose([float(text) for text in seen["cells"][2::3]], so_far, rtol=1e-3)
        means = [np.mean(values[:step]) for values in data["outputs"][0]["values"]]
        np.testing.assert_allclose([float(text) for text in seen["values"]], means, rtol=1e-3, atol=1e-3)
        assert seen["ink"] > 1000
    assert found["at"][0] != found["at"][1]
    assert found["next"] == f"31 of {N_STEPS}, 31 ms"
    assert found["note"] == "lif1: 60 of 1,152 neurons shown"
