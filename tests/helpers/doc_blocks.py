"""Code blocks of Markdown pages, run as a reader would: in order, in one folder, in one Python namespace.

What a reader does not see stands in an HTML comment right before a block:

- ``<!-- before: … -->`` is Python that makes what the text says is there: files, arrays; `demo(path)` gives the folder
  that `snnconv demo` writes;
- ``<!-- run instead: … -->`` has a line for each command of a block that would take too long here;
- ``<!-- slow: reason -->`` is for the slow tests;
- ``<!-- not run: reason -->`` is run by nobody, such as what needs another machine;
- ``<!-- output: reason -->`` has an output that is not what is printed here.
"""

import contextlib
import functools
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner, Result

from snnconv.cli import app

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
MARK = re.compile(r"<!-- (before|run instead|slow|not run|output):\s(.*?)\s*-->\s*", re.S)
NUMBER = re.compile(r"[-+]?\d[\d,.]*(?:e[-+]?\d+)?")


def docs_module(name: str) -> ModuleType:
    """A module of the folder docs, which Sphinx runs; the test is skipped without Sphinx."""
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "docs"))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and what is said of it in comments."""

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_python(self) -> bool:
        return self.language == "python"

    @property
    def is_shell(self) -> bool:
        return self.language in ("sh", "console") or (self.language == "text" and self.text.startswith("$ "))


def blocks(text: str, page: str = "page") -> list[Block]:
    """All fenced blocks of a Markdown text."""
    found = []
    for match in FENCE.finditer(text):
        marks, rest = {}, text[: match.start()].rstrip()
        while rest.endswith("-->") and (mark := MARK.fullmatch(text, rest.rindex("<!--"), len(rest))):
            marks[mark[1]] = mark[2]
            rest = rest[: mark.start()].rstrip()
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match[2], textwrap.dedent(match[3]), marks))
    return found


def commands(block: Block) -> list[tuple[str, str | None]]:
    """Command lines of a shell block, each with the output that is shown below it; None where there is none."""
    if not block.text.startswith("$ "):
        lines = block.text.replace("\\\n", " ").splitlines()
        return [(line, None) for line in lines if line.strip() and not line.startswith("#")]
    parts = re.split(r"^\$ ", block.text, flags=re.M)[1:]
    pairs = [part.partition("\n") for part in parts]
    return [(command, output if output.strip() else None) for command, _, output in pairs]


class Page:
    """Runs the blocks of a page in a folder that is the current one.

    Parameters
    ----------
    make_folder : function (name) -> path, or None
        With it, what ``snnconv demo`` writes comes from `short_demo`.
    """

    def __init__(self, make_folder: Callable[[str], Path] | None = None):
        self.names: dict[str, object] = {"demo": self._demo}  # for `before`
        self._make_folder = make_folder

    def run(self, block: Block) -> str:
        """Run a block, and return what it printed; the errors say which block it is.

        Raises
        ------
        AssertionError
            If a command fails, or prints something else than the page shows.
        """
        if "before" in block.marks:
            self._python(textwrap.dedent(block.marks["before"]), block)
        if block.is_python:
            return self._python(block.text, block)
        pairs = commands(block)
        instead = block.marks.get("run instead", "").splitlines() or [command for command, _ in pairs]
        printed = []
        for command, (_, shown) in zip(instead, pairs, strict=True):
            printed.append(self._command(command.strip(), shown, block))
            if shown is not None and "output" not in block.marks:
                check_output(printed[-1], shown, f"{block.place}: {command}")
        return "".join(printed)

    def _demo(self, path: str) -> None:
        assert self._make_folder is not None
        shutil.copytree(short_demo(self._make_folder)[0], path, dirs_exist_ok=True)

    def _python(self, code: str, block: Block) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * block.line + code, block.place, "exec"), self.names)
        return printed.getvalue()

    def _command(self, command: str, shown: str | None, block: Block) -> str:
        arguments = shlex.split(command, comments=True)
        if not arguments or arguments[:2] == ["pip", "install"]:
            return ""
        if arguments == ["snnconv", "demo"] and self._make_folder is not None:
            self._demo("snnconv-demo")
            return ""
        if arguments[:2] == ["python", "-c"]:
            return self._python(arguments[2], block)
        if arguments[0] == "snnconv":
            done = CliRunner().invoke(app, arguments[1:])
            code, printed = done.exit_code, done.output
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                raise done.exception
        else:
            if "make" in arguments and (shutil.which("make") is None or shutil.which("cc") is None):
                pytest.skip("there is no make, or no C compiler")
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            command = re.sub(r"\bmake\b", "make -s", command) if shown is None else command
            environment = {**os.environ, "PATH": path}
            ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=environment)
            code, printed = ran.returncode, ran.stdout + ran.stderr
        expected = expected_codes(shown)
        assert code in expected, f"{block.place}: '{command}' ended with {code} instead of {expected}:\n{printed}"
        return printed


def expected_codes(shown: str | None) -> tuple[int, ...]:
    """With which codes a command may end that prints this."""
    if shown is None:
        return (0,)
    if "snnconv: error:" in shown:
        return (2,)
    is_wrong = re.search(r"FAIL|^Different|^Failed|\d+ findings?$", shown, re.M)
    return (1, 2) if is_wrong else (0,)  # make has 2 where a program that it runs has 1


def check_output(printed: str, shown: str, place: str) -> None:
    """Compare an output with what a page shows of it: the same words; numbers, rules and line breaks may differ."""
    start = 0
    text = _words(printed)
    for part in re.split(r"^\s*\.\.\.\s*$", shown, flags=re.M):
        words = _words(part)
        found = text.find(words, start)
        assert found >= 0, f"{place} prints something else. The page:\n{part}\nPrinted:\n{printed}"
        start = found + len(words)


def _words(text: str) -> str:
    text = re.sub(r"[─━█▏▎▍▌▋▊▉▁▂▃▄▅▆▇|]+", " ", text)
    text = re.sub(r"\b[mµnp](?=[JW]\b)", "", NUMBER.sub("0", text))  # the prefix of a unit goes with its number
    return " ".join(text.split())


@functools.cache
def short_demo(make_folder: Callable[[str], Path]) -> tuple[Path, Result]:
    """The folder that `snnconv demo --json` writes after a fifth of its training, and the result; made once."""
    module = sys.modules["snnconv.cli.demo"]
    config = module.demo_config()
    short = replace(config, training=replace(config.training, epochs=3))
    folder = make_folder("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "demo_config", lambda: short)
        done = CliRunner().invoke(app, ["demo", "-o", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return folder, done


def pages() -> Iterator[Path]:
    """The pages of the documentation."""
    return iter(sorted((ROOT / "docs").glob("*.md")))
