"""What the pages of the documentation show works as it stands there; see tests/helpers/doc_blocks.py."""

import os
import re
import shutil
import textwrap
from pathlib import Path
from unittest.mock import patch

import keras
import pytest

from snnconv.neurons import NEURONS

from ..helpers import doc_blocks
from ..helpers.doc_blocks import ROOT, Page, blocks

PAGES = [pytest.param(path, id=path.stem) for path in doc_blocks.pages()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder but for the configs of the repository; neurons that a page defines are forgotten again."""
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "configs", "configs")
    with patch.dict(NEURONS):
        yield tmp_path


def run(path: Path, make_folder, are_slow_run: bool) -> None:
    page = Page(make_folder)
    for block in blocks(path.read_text("utf-8"), f"docs/{path.name}"):
        is_left_out = "not run" in block.marks or ("slow" in block.marks and not are_slow_run)
        if (block.is_python or block.is_shell) and not is_left_out:
            page.run(block)


@pytest.mark.full
@pytest.mark.parametrize("path", PAGES)
def test_the_blocks_of_a_page_run_in_order(path, tmp_path_factory, folder):
    keras.utils.set_random_seed(0)
    run(path, tmp_path_factory.mktemp, are_slow_run=False)


SLOW = [each for each in PAGES if "<!-- slow:" in each.values[0].read_text("utf-8")]


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW)
def test_slow_blocks_run_too(path, tmp_path_factory, folder):
    for tool in set(re.findall(r"<!-- slow: needs (\w+)", path.read_text("utf-8"))):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}")
    keras.utils.set_random_seed(0)
    run(path, tmp_path_factory.mktemp, are_slow_run=True)


# --- what the tests above rest on


def one(text: str):
    (block,) = blocks(textwrap.dedent(text))
    return block


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("```python\nx = 1\nassert x == 2\n```", AssertionError, "^$"),
        ("```sh\nsnnconv inspect missing.keras\n```", AssertionError, "page:1: 'snnconv inspect .* ended with 2"),
        ("```text\n$ snnconv --version\nsnnconv 0.1.0 alpha\n```", AssertionError, "prints something else"),
        ("```text\n$ snnconv inspect missing.keras\nname  kind\n```", AssertionError, "ended with 2 instead of"),
        ("```text\n$ false\n```", AssertionError, "ended with 1"),
        ("<!-- run instead: snnconv --version\nsnnconv -h -->\n```sh\nsnnconv --help\n```", ValueError, "zip"),
        ("<!-- before: 1 / 0 -->\n```python\npass\n```", ZeroDivisionError, "division by zero"),
    ],
)
def test_a_block_that_fails_fails(folder, text, error, message):
    with pytest.raises(error, match=message):
        Page().run(one(text))


def test_an_error_names_the_line_of_the_page(folder):
    text = "# Title\n\n```python\na = 1\nb = a.real_part\n```\n"
    with pytest.raises(AttributeError) as caught:
        Page().run(blocks(text, "docs/page.md")[0])
    last = caught.traceback[-1]
    assert (str(last.path).endswith("docs/page.md:3"), last.lineno + 1) == (True, 5)


def test_blocks_share_names_and_outputs_may_have_other_numbers(folder):
    page = Page()
    for block in blocks("<!-- before: a = 3 -->\n```python\nb = a + 1\n```\ntext\n\n```python\nassert b == 4\n```\n"):
        page.run(block)
    page.run(one("```text\n$ echo 12.5 % of 100 spikes; echo; echo done\n9 % of 7 spikes\n...\ndone\n```"))


def test_marks_are_read():
    block = one("<!-- slow: minutes -->\n<!-- before:\nx = 1\n-->\n```sh\nls\n```")
    assert block.marks == {"slow": "minutes", "before": "x = 1"}
    assert one("<!-- before: x = 1 -->\n\ntext\n\n```sh\nls\n```").marks == {}


def test_every_mark_is_one_that_is_known():
    for path in doc_blocks.pages():
        for comment in re.findall(r"<!--\s*(.*?)[:\n]", path.read_text("utf-8")):
            assert comment in ("before", "run instead", "slow", "not run", "output"), f"{path.name}: {comment}"
