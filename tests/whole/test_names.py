"""Layers of any name: a graph is saved, read back and exported, or the name is refused before there is a graph."""

import dataclasses

import pytest

import snnconv
from snnconv.errors import SnnconvError
from snnconv.export import TARGETS, export

from ..helpers.distribution import small


def renamed(name):
    """A graph whose population and output have this name."""
    graph = small()

    def new(old):
        return name if old == "lif" else old

    nodes = tuple(
        dataclasses.replace(node, name=new(node.name), inputs=tuple(map(new, node.inputs))) for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=nodes, outputs={name: new(next(iter(graph.outputs.values())))})


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", ".", "a/./b", "a\0b"])
def test_names_that_files_cannot_hold_are_refused(name):
    with pytest.raises(SnnconvError, match="a layer or an output is named .*, which files cannot hold"):
        renamed(name)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["two\nlines", "x" * 300, "ä ö */ \"'", "../up"])
def test_other_names_go_everywhere(tmp_path, name):
    graph = renamed(name)
    graph.save(tmp_path / "g.snn.h5")
    assert [node.name for node in snnconv.load(tmp_path / "g.snn.h5").nodes] == [node.name for node in graph.nodes]
    for target in TARGETS.values():
        if not target.uses_tensorflow:
            out = tmp_path / f"o{target.suffix}"
            export(graph, out, target.name, 0.001, approximate=True, n_steps=5, n_samples=2)
            assert out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["g.snn.h5", *(f"o{target.suffix}" for target in TARGETS.values() if not target.uses_tensorflow)]
    )
