"""What a terminal, a pipe and a narrow screen get."""

import io
import re
import sys
import time

import pytest

from snnconv.cli.screen import show
from snnconv.runtime import reference
from snnconv.text import progress
from snnconv.text.progress import track
from snnconv.text.table import Table

from ..helpers.cli_files import folder_of_files, invoke
from ..helpers.small_graphs import graph_of, inputs_of


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


def a_terminal(monkeypatch):
    """Make one, in the test itself: pytest puts its own standard error in place between fixtures and test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of_files(tmp_path_factory.mktemp)


def work(*bars, n=3):
    with track(n, what=bars[0]) as advance:
        for _ in range(n):
            time.sleep(0.05)
            if bars[1:]:
                work(*bars[1:], n=1)
            advance()


# --- progress


def test_a_bar_shows_the_share_and_the_time_left_and_vanishes(monkeypatch):
    terminal = a_terminal(monkeypatch)
    work("calibrating")
    shown = terminal.getvalue()
    assert "calibrating" in shown
    assert re.search(r"\d%[^%]*0:00:0\d", re.sub(r"\x1b\[[0-9;]*m", "", shown))
    assert shown.rstrip().endswith("\x1b[2K"), "the last thing is an empty line"


def test_a_bar_comes_before_the_first_part_is_done(monkeypatch):
    terminal = a_terminal(monkeypatch)
    with track(2, what="converting"):
        time.sleep(0.3)
        assert "converting" in terminal.getvalue()


def test_parts_of_work_with_a_bar_have_none(monkeypatch):
    terminal = a_terminal(monkeypatch)
    work("outer", "inner")
    assert "outer" in terminal.getvalue()
    assert "inner" not in terminal.getvalue()
    work("later")
    assert "later" in terminal.getvalue(), "and afterwards there are bars again"


def test_short_work_has_no_bar(monkeypatch):
    terminal = a_terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    work("quick")
    assert terminal.getvalue() == ""


def test_an_error_takes_the_bar_away(monkeypatch):
    terminal = a_terminal(monkeypatch)

    def fail():
        with track(2, what="failing"):
            time.sleep(0.1)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    work("later")
    assert "later" in terminal.getvalue()


def test_no_bar_without_a_terminal_or_on_a_dumb_one(monkeypatch):
    terminal = a_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    work("simulating")
    assert terminal.getvalue() == ""
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setenv("TERM", "xterm")
    work("simulating")
    assert pipe.getvalue() == ""


def test_the_numpy_loop_has_a_bar(monkeypatch):
    terminal = a_terminal(monkeypatch)
    graph = graph_of("dense")
    reference.run(graph, inputs_of(graph), 3000)
    assert "NumPy loop" in terminal.getvalue()


# --- text


def test_a_pipe_gets_no_control_codes(folder):
    for arguments in (["inspect"], ["export", "-t", "npz", "-o", folder / "piped.npz"]):
        done = invoke(arguments[0], folder / "model.snn.h5", *arguments[1:])
        assert "\x1b" not in done.stdout
        assert done.stderr == ""


def test_no_color_means_no_colours(folder, monkeypatch):
    arguments = ("verify", folder / "model.snn.h5", "--steps", "10")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the stream for a terminal
    assert "\x1b[1;32m" in invoke(*arguments).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", invoke(*arguments).stdout)


def test_narrow_screens_cut_no_number_off(folder, monkeypatch):
    arguments = ("inspect", folder / "model.snn.h5", "--layer", "lif")
    wide = invoke(*arguments).stdout
    monkeypatch.setenv("COLUMNS", "30")
    assert invoke(*arguments).stdout.split() == wide.split()


def test_tables_are_never_wider_than_80_columns(capsys):
    show(Table(("name", *"abc"), [("x" * 60, *["1234567890"] * 3)]))
    assert max(map(len, capsys.readouterr().out.splitlines())) == 80
