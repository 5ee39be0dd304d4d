"""One table in all its forms: lines of 80 columns, a terminal, HTML."""

import re
from html import unescape

import pytest
from rich.console import Console

from snnconv.text.plain import WIDTH, broken, value_range
from snnconv.text.table import MOST_ROWS, Table
from snnconv.text.terminal import drawn

HEADINGS = ("layer", "spikes", "what")
ROWS = [("lif", "1,204", "kept"), ("a_long_name_of_a_layer", "7", "kept\ntwice"), ("total", "1,211")]


def on_a_terminal(table: Table) -> list[str]:
    console = Console(width=WIDTH, force_terminal=False)
    with console.capture() as capture:
        console.print(drawn(table))
    return [line.rstrip() for line in capture.get().rstrip("\n").split("\n")]


def test_text_stands_to_the_left_and_numbers_to_the_right():
    assert Table(HEADINGS, ROWS, left=(0, 2), indent=0).lines() == [
        "layer                   spikes  what",
        "─" * 37,
        "lif                      1,204  kept",
        "a_long_name_of_a_layer       7  kept",
        "                                twice",
        "total                    1,211",
    ]


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize("name_width", [None, 12])
@pytest.mark.parametrize("ends", [(), (1,), (0, 1)])
def test_lines_and_terminal_show_the_same(gap, name_width, ends):
    table = Table(HEADINGS, ROWS, left=(0, 2), ends=ends, name_width=name_width, gap=gap, indent=0)
    assert table.lines() == on_a_terminal(table)


def test_title_and_notes_stand_around_a_table_on_a_terminal():
    lines = on_a_terminal(Table(HEADINGS, ROWS, title="Spikes", notes=("of one run",)))
    assert (lines[0], lines[-1]) == ("Spikes", "of one run")


def test_long_names_are_broken_behind_underscores():
    lines = Table(HEADINGS, ROWS, name_width=12, indent=0).lines()
    assert [line[:12].rstrip() for line in lines[3:6]] == ["a_long_name_", " of_a_layer", "total"]


def test_columns_that_may_be_wrapped_are_until_80_columns_are_enough():
    rows = [("x" * 10, "one word after the other " * 6), ("y", "short")]
    lines = Table(("name", "text"), rows, left=(0, 1), wrap=(1,)).lines()
    assert max(map(len, lines)) <= WIDTH
    assert "".join(line[14:].strip() + " " for line in lines[2:-1]).split() == rows[0][1].split()


def test_a_table_without_columns_to_wrap_keeps_every_character():
    assert len(Table(("name", "n"), [("x" * 100, "1")]).lines()[0]) > WIDTH


def test_brackets_and_colons_of_names_are_shown():
    names = ("[bold]a", "conv[left]", "in:on:out", "back\\")
    table = Table(("layer", "n"), [(name, "1") for name in names], title="Net '[red]b'", notes=("[c]",), indent=0)
    assert on_a_terminal(table) == ["Net '[red]b'", *table.lines(), "[c]"]


@pytest.mark.parametrize("wrap", [(), (0,), (0, 2)])
def test_a_name_that_cannot_be_broken_takes_no_digits_and_no_letters_away(wrap):
    table = Table(("name", "n", "what"), [("x" * 100, "1,234,567", "kept as " + "y" * 50)], left=(0, 2), wrap=wrap)
    lines = on_a_terminal(table)
    assert max(map(len, lines)) <= WIDTH
    assert "1,234,567" in lines[2]
    assert ["".join(lines).count(letter) for letter in "xy"] == [100, 50]


def test_html_escapes_and_marks_the_row_behind_an_end():
    html = Table(("<a>", "n"), [("b & c", "1\n2"), ("total", "3")], ends=(0,), notes=("<i>",)).html()
    assert "<a>" not in html
    assert "<i>" not in html
    cells = [unescape(cell) for cell in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", html)]
    assert cells == ["<a>", "n", "b & c", "12", "total", "3"]
    assert [("border-top" in row) for row in re.findall(r"<tr>.*?</tr>", html)] == [False, False, True]


def test_html_of_many_rows_shows_the_first_and_the_last_and_says_so():
    html = Table(("n",), [(str(n),) for n in range(MOST_ROWS + 50)], ends=(MOST_ROWS + 48,)).html()
    assert html.count("<tr>") == MOST_ROWS + 1
    assert f">{MOST_ROWS + 49}<" in html
    assert html.count("border-top") == 1
    assert f"{MOST_ROWS} of {MOST_ROWS + 50} rows shown" in html


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("conv2d_of_block_1", ["conv2d_of_", " block_1"]),
        ("a.b_and__c.d", ["a.b_and__", " c.d"]),
        ("between 0.123 and 1", ["between", " 0.123 and", " 1"]),
        ("populations/lif/kernel", ["populations/", " lif/", " kernel"]),
        ("unbreakable", ["unbreakable"]),
    ],
)
def test_texts_are_broken_where_a_reader_joins_them(text, lines):
    assert broken(text, 10) == lines


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (None, ""),
        ([], ""),
        ([2.0332448, 2.0332448], "2.033"),
        ([-0.0], "0"),
        ([0.5, 1], "0.5…1"),
        ([-123.4, 5678], "-123…\n5678"),
    ],
)
def test_ranges_of_values_are_short(values, text):
    assert value_range(values) == text
