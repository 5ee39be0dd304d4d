"""Pages in a headless Chromium, and what their scripts report.

A window is never narrower than 500 pixels. A page as narrow as a telephone is shown in a frame, whose width is what its
style sheet asks for.
"""

import json
import shutil
import subprocess
from html import escape
from pathlib import Path

from .html_page import Page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
SCHEMES = ("dark", "light")  # as Blink counts them
# A script calls report(…) once; the report stands in the page around the frame, where there is one.
REPORT = """<script>
const report = (found) => {
  const made = parent.document.createElement("pre");
  made.id = "probe";
  made.textContent = JSON.stringify(found);
  parent.document.body.appendChild(made);
};
</script>"""


def with_script(html: str, script: str) -> str:
    """A page with a script at its head that can call ``report(…)``."""
    assert "<body>" in html
    return html.replace("<body>", f"<body>{REPORT}<script>{script}</script>", 1)


def framed(html: str, width: int) -> str:
    """A page that shows another in a frame."""
    style = f"width:{width}px;height:900px;border:0"
    return f'<!DOCTYPE html><html><body><iframe srcdoc="{escape(html)}" style="{style}"></iframe></body></html>'


def reported(html: str, folder: Path, scheme: str = "light") -> tuple[dict, list[str]]:
    """The report of a page's script, and the lines on the console."""
    path = folder / "page.html"
    path.write_text(html, "utf-8")
    return reported_at(path.as_uri(), folder, scheme)


def reported_at(address: str, folder: Path, scheme: str = "light", seconds: int = 5) -> tuple[dict, list[str]]:
    """The report of the script of a page at an address, and the lines on the console.

    Parameters
    ----------
    seconds : int
        Of the page's own clock, which runs ahead while the page waits.
    """
    flags = [f"--blink-settings=preferredColorScheme={SCHEMES.index(scheme)}", "--window-size=1400,950"]
    flags += [f"--user-data-dir={folder / 'profile'}", f"--virtual-time-budget={seconds * 1000}", "--dump-dom"]
    done = subprocess.run([BROWSER, *FLAGS, *flags, address], capture_output=True, text=True, timeout=300, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "willReadFrequently" not in line]
    return json.loads("".join(Page(done.stdout).elements["probe"])), console
