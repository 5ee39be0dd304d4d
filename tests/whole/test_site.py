"""The site of the documentation, as it is built, in a browser."""

import functools
import http.server
import json
import re
import subprocess
import sys
import threading

import pytest

from ..helpers.browser import BROWSER, REPORT, reported_at
from ..helpers.doc_blocks import ROOT, docs_module

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")]

# Opens pages one after the other in a frame, and reports what a function finds in each.
VISITS = """<!DOCTYPE html><html><body>{report}
<iframe id="frame" style="width:{width}px;height:900px;border:0"></iframe>
<script>
const look = {look};
addEventListener("load", async () => {{
  const frame = document.getElementById("frame"), found = {{}};
  for (const page of {pages}) {{
    await new Promise((done) => {{ frame.onload = done; frame.src = page; }});
    await new Promise((done) => setTimeout(done, {wait}));
    found[page] = look(frame.contentDocument, frame.contentWindow);
  }}
  report(found);
}});
</script></body></html>"""
SIZES = """(page, window) => ({
  over: page.documentElement.scrollWidth - page.documentElement.clientWidth,
  width: window.innerWidth,
  paper: window.getComputedStyle(page.body).backgroundColor,
})"""
RESULTS = """(page) => [...page.querySelectorAll("#search-results li a")].map((link) => link.textContent)"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(folder / "trees")]
    subprocess.run([*command, str(ROOT / "docs"), str(folder / "html")], check=True)
    return folder / "html"


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(site, address, tmp_path):
    """A function that opens pages, and gives what a function of JavaScript finds in each."""

    def visited(pages, look, width=1280, scheme="light", wait=30):
        options = {"report": REPORT, "width": width, "look": look, "pages": json.dumps(pages), "wait": wait}
        (site / "visits.html").write_text(VISITS.format(**options), "utf-8")
        return reported_at(f"{address}/visits.html", tmp_path, scheme, seconds=600)[0]

    return visited


def pages_of(site):
    paths = [path for path in site.rglob("*.html") if "_static" not in path.parts and path.name != "visits.html"]
    return sorted(path.relative_to(site).as_posix() for path in paths)


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(site, visit, width, scheme):
    found = visit(pages_of(site), SIZES, width, scheme)
    assert len(found) > 150
    assert [page for page, seen in found.items() if seen["over"] > 0] == []
    assert {seen["width"] for seen in found.values()} == {width}
    red, _, _ = next(iter({seen["paper"] for seen in found.values()})).removeprefix("rgb(").split(",")
    assert (int(red) < 64) == (scheme == "dark")


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("Conv2D", {"Layers and activations", "The first hour: a tutorial"}),
        ("tutorial", {"The first hour: a tutorial"}),
        ("Simulator", {"Simulator"}),
    ],
)
def test_the_search_finds(visit, words, titles):
    page = f"search.html?q={words}"
    found = visit([page], RESULTS, wait=20_000)[page]
    assert titles <= {each.rpartition(".")[2] for each in found}


def test_every_room_class_and_notebook_has_its_page(site):
    reference, pages = docs_module("reference"), pages_of(site)
    assert {f"{name}.html" for name in ("install", "layers", "first_hour", "changelog")} <= {*pages}
    assert {f"api/{module}.html" for module in reference.MODULES} <= {*pages}
    seen: dict[int, str] = {}
    classes = [page for module in reference.MODULES for page in reference.module_pages(module, seen)]
    assert {f"api/{page}.html" for page in classes} <= {*pages}
    assert re.findall("<h2>([^<]*)", (site / "api.html").read_text("utf-8")) == list(reference.ROOMS)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shown = (site / "notebooks" / f"{notebook.stem}.html").read_text("utf-8")
        assert "cell_output" in shown
        assert "stderr" not in shown
        assert "oneDNN" not in shown


def test_the_page_of_layers_has_its_tables(site):
    html = (site / "layers.html").read_text("utf-8")
    rows = [re.sub("<[^>]*>", "|", row) for row in re.findall("<tr.*?</tr>", html.replace("\n", ""))]
    cells = [tuple(filter(None, row.split("|"))) for row in rows]
    assert ("Conv2D", "Conv", "yes") in [row[:3] for row in cells]
    assert ("relu", "IF", "as inside") in cells
    assert "list-table" not in html
