"""Pages in a browser: moved through by mouse and keyboard, and checked for accessibility."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import snnconv
from snnconv.api import view

from ..helpers.html_page import Page
from ..helpers.networks import random_cnn

N_STEPS = 47
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
  const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const bounds = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new MouseEvent("mousemove", { clientX: bounds.left + 9, clientY: bounds.top + 18 }));
  found.hover = document.getElementById("neuron").textContent;
  for (let row = 0; row < 61; row++) press("ArrowDown");
  found.neuron = document.getElementById("neuron").textContent;
  const trace = document.getElementById("voltage");
  found.trace = trace.getContext("2d").getImageData(0, 0, trace.width, trace.height).data.filter((c) => c).length;
  const picker = document.getElementById("sample");
  picker.selectedIndex = 1;
  picker.dispatchEvent(new Event("change"));
  found.picked = document.getElementById("about").textContent;
  const painted = (map) => map.getContext("2d").getImageData(0, 0, map.width, map.height).data.some((c) => c);
  found.maps = [...document.querySelectorAll("canvas.maps")].filter(painted).length;
  const report = document.createElement("pre");
  report.id = "probe";
  report.textContent = JSON.stringify(found);
  document.body.appendChild(report);
});
</script>
"""


AXE = os.environ.get("SNNCONV_AXE", "")  # the path of axe.min.js, from npm's axe-core
AXE_PROBE = """
<script>%s</script>
<script>
addEventListener("load", async () => {
  const { violations } = await axe.run();
  const page = document.documentElement;
  const report = document.createElement("pre");
  report.id = "probe";
  report.textContent = JSON.stringify({
    violations: violations.map(({ impact, id, nodes }) => [impact, id, nodes[0].html.slice(0, 200)]),
    overflow: page.scrollWidth - page.clientWidth,
  });
  document.body.appendChild(report);
});
</script>
"""


@pytest.fixture(scope="module")
def made():
    x = np.random.default_rng(0).random((3, 12, 12, 2))
    graph = snnconv.convert(random_cnn(), synapse=0.002, verbose=False)
    return view(graph, x, sample=[2, 0], labels=[7, 8, 9], n_steps=N_STEPS)


def opened(html, probe, folder, *flags):
    """What a script at the head of a page reports, and the lines on the console."""
    path = folder / "report.html"
    path.write_text(html.replace("<body>", f"<body>{probe}", 1), "utf-8")
    usual = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [BROWSER, *usual, *flags, profile, "--virtual-time-budget=5000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "willReadFrequently" not in line]
    return json.loads("".join(Page(done.stdout).elements["probe"])), console


@pytest.mark.full
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_the_page_follows_mouse_and_keyboard(made, tmp_path):
    found, console = opened(made.html, PROBE, tmp_path)
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
    assert float(found["neuron"].split(": ")[1].split(" Hz")[0]) == pytest.approx(rate, rel=1e-3)
    assert found["trace"] > 100, "its voltage is drawn"
    assert found["picked"] == "Sample 0, label 7"
    assert found["maps"] == 2


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None or not AXE, reason="needs Chromium and axe-core: SNNCONV_AXE=…/axe.min.js")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious(made, tmp_path, width, scheme):
    probe = AXE_PROBE % Path(AXE).read_text("utf-8")
    number = ["dark", "light"].index(scheme)  # as Blink counts them
    flags = [f"--window-size={width},900", f"--blink-settings=preferredColorScheme={number}"]
    found, _ = opened(made.html, probe, tmp_path, *flags)
    assert [each for each in found["violations"] if each[0] in ("serious", "critical")] == []
    assert found["overflow"] <= 0
