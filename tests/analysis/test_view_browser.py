"""Pages in a browser: moved through by mouse and keyboard, and checked for accessibility."""

import os
from pathlib import Path

import numpy as np
import pytest

import snnconv
from snnconv.api import view

from ..helpers.browser import BROWSER, framed, reported, with_script
from ..helpers.html_page import Page
from ..helpers.networks import random_cnn

N_STEPS = 47
PROBE = """
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
  const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const bounds = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new MouseEvent("mousemove", { clientX: bounds.left + 9, clientY: bounds.top + 18 }));
  found.hover = document.getElementById("neuron").textContent;
  const places = { clientX: bounds.left + (bounds.width * 10.5) / slider.max, clientY: bounds.top + 27 };
  canvas.dispatchEvent(new MouseEvent("click", places));
  found.click = [document.getElementById("neuron").textContent, slider.value];
  found.canvas = [canvas.getAttribute("role"), canvas.tabIndex];
  const trace = document.getElementById("voltage");
  const drawn = () => trace.getContext("2d").getImageData(0, 0, trace.width, trace.height).data.filter((c) => c).length;
  found.traces = [drawn()];
  press("Home");
  found.home = slider.value;
  press("End");
  for (let rows = 0; rows < 60; rows += 10) press("PageUp");
  for (let row = 0; row < 60; row++) press("ArrowDown");
  found.neuron = document.getElementById("neuron").textContent;
  found.traces.push(drawn());
  const picker = document.getElementById("sample");
  picker.selectedIndex = 1;
  picker.dispatchEvent(new Event("change"));
  found.picked = document.getElementById("about").textContent;
  found.maps = [...document.querySelectorAll("canvas.maps")].map((map) => {
    const read = (x, y) => {
      const place = map.getBoundingClientRect(), at = { clientX: place.left + x, clientY: place.top + y };
      map.dispatchEvent(new MouseEvent("mousemove", at));
      return map.previousElementSibling.textContent;
    };
    const pixels = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
    return { painted: pixels.some((c) => c), first: read(1, 1), between: read(map.width + 1, 1) };
  });
  report(found);
});
"""
PAINTINGS = """
addEventListener("load", async () => {
  const pens = CanvasRenderingContext2D.prototype, paint = pens.fillRect;
  let painted = new Set();
  pens.fillRect = function (...place) {
    if (this.canvas.className === "maps") painted.add(this.canvas.dataset.layer);
    paint.apply(this, place);
  };
  const seen = async (act) => {
    painted = new Set();
    await act();
    return [...painted];
  };
  const main = document.querySelector("main"), first = document.querySelector("details"), found = {};
  const resize = (width) => {
    main.style.width = width;
    dispatchEvent(new Event("resize"));
  };
  const toggle = (open) => new Promise((done) => {
    first.addEventListener("toggle", done, { once: true });
    first.open = open;
  });
  found.same = await seen(() => resize(""));
  found.narrow = await seen(() => resize("200px"));
  found.folded = await seen(() => toggle(false));
  found.wide = await seen(() => resize(""));
  found.opened = await seen(() => toggle(true));
  report(found);
});
"""


AXE = os.environ.get("SNNCONV_AXE", "")  # the path of axe.min.js, from npm's axe-core
AXE_PROBE = """%s
addEventListener("load", async () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  document.getElementById("raster").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }));
  const { violations } = await axe.run();
  const page = document.documentElement;
  report({
    width: innerWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    violations: violations.map(({ impact, id, nodes }) => [impact, id, nodes[0].html.slice(0, 200)]),
    overflow: page.scrollWidth - page.clientWidth,
  });
});
"""


@pytest.fixture(scope="module")
def graph():
    return snnconv.convert(random_cnn(), synapse=0.002, verbose=False)


@pytest.fixture(scope="module")
def made(graph):
    x = np.random.default_rng(0).random((3, 12, 12, 2))
    return view(graph, x, sample=[2, 0], labels=[7, 8, 9], n_steps=N_STEPS)


@pytest.mark.full
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_the_page_follows_mouse_and_keyboard(made, tmp_path):
    found, console = reported(with_script(made.html, PROBE), tmp_path)
    assert console == []
    assert found["errors"] == []
    page = Page(made.html)
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
    layer, neurons = data["layers"][1], page.samples[0]["neurons"][1]
    unit, rate = layer["shown"][0], neurons["rates"][0]
    at = ", ".join(map(str, np.unravel_index(unit, neurons["shape"])))
    assert found["neuron"].startswith(f"lif2, neuron {unit} ({at}): ")
    assert found["hover"].startswith("lif1, neuron 0 (0, 0, 0): ")
    clicked, step = found["click"]
    shown = [each["shown"] for each in data["layers"]]
    row = int((27 - 16) / min(9, 480 / sum(map(len, shown))))  # below 16 pixels of the layer's name
    assert clicked.startswith(f"lif1, neuron {shown[0][row]} (")
    assert " Step 11: " in clicked
    assert (step, found["home"]) == ("11", "1")
    assert found["canvas"] == ["application", 0], "it has a role, and the keyboard reaches it"
    assert float(found["neuron"].split(": ")[1].split(" Hz")[0]) == pytest.approx(rate, rel=1e-3)
    current = float(found["neuron"].split("J = ")[1].split(". ")[0])
    assert current == pytest.approx(neurons["currents"][0], rel=1e-3)
    assert min(found["traces"]) > 100, "voltages are drawn"
    assert found["picked"] == "Sample 0, label 7"


@pytest.mark.full
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_kernels_and_rates_of_convolutions_are_tiles_that_name_their_values(graph, made, tmp_path):
    found, _ = reported(with_script(made.html, PROBE), tmp_path)
    captions = [each["first"].split("; ") for each in found["maps"]]
    sizes = ["kernel', 3×3 for each of 2×8", "Rates of the 8", "kernel', 3×3 for each of 8×12", "Rates of the 12"]
    assert [caption.partition(" channels")[0] for caption, _ in captions] == sizes
    assert all(each["painted"] for each in found["maps"])
    kernel, rates = graph.populations["lif1"].kernel, Page(made.html).samples[1]["neurons"][0]["maps"]
    assert captions[0][1].startswith("weight 0 (0, 0, 0, 0): ")
    shown = float(captions[0][1].split(": ")[1].removesuffix(" J per x"))
    assert shown == pytest.approx(kernel[0, 0, 0, 0], abs=np.ptp(kernel) / 250)  # a byte holds it
    assert captions[1][1].startswith("neuron 0 (0, 0, 0): ")
    assert captions[1][1].endswith(" Hz")
    assert found["maps"][1]["between"].endswith(f"black {rates['low']:.4g} Hz, white {rates['high']:.4g} Hz")


@pytest.mark.full
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_tiles_are_painted_where_they_are_seen_and_change(made, tmp_path):
    found, _ = reported(with_script(made.html, PAINTINGS), tmp_path)
    both = ["lif1", "lif2"]
    assert found == {"same": [], "narrow": both, "folded": [], "wide": ["lif2"], "opened": ["lif1"]}


@pytest.mark.full
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_a_single_sample_has_no_picker(graph, tmp_path):
    look = 'addEventListener("load", () => report(document.getElementById("choose").offsetParent === null));'
    assert reported(with_script(view(graph, n_steps=3).html, look), tmp_path)[0]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None or not AXE, reason="needs Chromium and axe-core: SNNCONV_AXE=…/axe.min.js")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(made, tmp_path, width, scheme):
    page = with_script(made.html, AXE_PROBE % Path(AXE).read_text("utf-8"))
    found, _ = reported(framed(page, width), tmp_path, scheme)
    assert (found["width"], found["dark"]) == (width, scheme == "dark")
    assert [each for each in found["violations"] if each[0] in ("serious", "critical")] == []
    assert found["overflow"] <= 0
