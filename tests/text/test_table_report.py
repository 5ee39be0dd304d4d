"""Reports as text: titles, tables and lines, with an empty line between sections."""

from snnconv.text.table import Report, Section, Table

TABLE = Table(("name", "n"), [("a", "1")])


def test_a_section_is_its_title_and_the_lines_of_its_parts():
    section = Section("Spikes", [TABLE, "  one neuron"])
    assert section.lines == (*TABLE.lines(), "  one neuron")
    assert str(section).split("\n") == ["Spikes", *section.lines]


def test_a_section_without_a_title_starts_with_its_lines():
    assert str(Section("", ["first", "second"])) == "first\nsecond"


def test_sections_of_a_report_have_an_empty_line_between():
    report = Report([Section("A network"), Section("Layers", [TABLE]), Section("Done", style="bold")])
    assert str(report) == "\n\n".join(["A network", "\n".join(["Layers", *TABLE.lines()]), "Done"])
