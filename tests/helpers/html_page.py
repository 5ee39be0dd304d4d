"""HTML as a browser would read it."""

import json
from html.parser import HTMLParser

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
        """The run that the page's script draws first."""
        return self.samples[0]["run"]

    @property
    def samples(self):
        """All samples that the page's script draws."""
        return json.loads("".join(self.elements["run-data"]))

    def rows(self, *first):
        """Rows of the tables whose first cells are these."""
        return [row for table in self.tables for row in table if tuple(row[: len(first)]) == first]
