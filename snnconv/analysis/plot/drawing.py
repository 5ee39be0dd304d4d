"""The layout of a graph: boxes and arrows with their places, for whatever draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...graph.nodes import Conv, ConvTranspose, Filter, Input, Node, Population, Weighted
from ...graph.show import SHORT_KINDS
from ...text.plain import shape_text

if TYPE_CHECKING:
    from ...graph.spiking_graph import SpikingGraph

BOX_WIDTH, BOX_HEIGHT = 0.88, 0.62  # in a grid whose columns and rows are 1 apart
MOST_BOXES = 60

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """One node, or nodes one behind the other.

    Parameters
    ----------
    names : tuple of str
        Of the nodes, in order of execution.
    role : str
        "input", "weights", "neurons", "synapse", "output" or "other".
    text : str
        What the last of them is, as in "LIF 12×12×8".
    x, y : float
        Middle of the box: its column, and its row counted downwards from 0.
    """

    names: tuple[str, ...]
    role: str
    text: str
    x: float
    y: float

    @property
    def title(self) -> str:
        """Name of the node that the box stands for."""
        return self.names[-1]


@dataclass(frozen=True)
class Arrow:
    """A cubic Bézier curve from one box to another: its four points."""

    source: str
    target: str
    points: tuple[Point, Point, Point, Point]


@dataclass(frozen=True)
class Drawing:
    """Boxes and arrows of a graph.

    Parameters
    ----------
    boxes : tuple of Box
    arrows : tuple of Arrow
    n_nodes, n_hidden : int
        Nodes of the graph, and how many of them are in no box.
    width, height : float
        Columns and rows.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    n_nodes: int
    n_hidden: int
    width: float
    height: float

    @property
    def remark(self) -> str:
        """The number of nodes that were left out or put together, or nothing."""
        if self.n_hidden:
            return f"{self.n_nodes - self.n_hidden} of {self.n_nodes} nodes"
        return "" if len(self.boxes) == self.n_nodes else f"{self.n_nodes} nodes in {len(self.boxes)} boxes"


def layout(graph: SpikingGraph, most: int = MOST_BOXES) -> Drawing:
    """Give every node a box, from the inputs at the top downwards.

    Of more than `most` nodes those that stand one behind the other share a box, up to the next neurons; of more boxes
    than that the first ones are left.
    """
    groups: list[tuple[Node, ...]] = [(node,) for node in graph.nodes]
    if len(groups) > most:
        groups = _chains(graph)
    shown = groups[:most]
    home = {node.name: number for number, group in enumerate(shown) for node in group}
    feeds = [
        list(dict.fromkeys(home[name] for node in group for name in node.inputs if home.get(name, place) != place))
        for place, group in enumerate(shown)
    ]
    rows: list[int] = []
    for sources in feeds:
        rows.append(1 + max((rows[source] for source in sources), default=-1))
    columns = _columns(rows, feeds)
    boxes = tuple(_box(graph, group, columns[place], rows[place]) for place, group in enumerate(shown))
    arrows = tuple(_arrow(boxes, source, place) for place, sources in enumerate(feeds) for source in sources)
    n_hidden = len(graph.nodes) - len(home)
    return Drawing(boxes, arrows, len(graph.nodes), n_hidden, max(columns) + 1.0, max(rows) + 1.0)


def _chains(graph: SpikingGraph) -> list[tuple[Node, ...]]:
    """Nodes one behind the other, up to neurons, a merge, a fork or an output."""
    groups: list[list[Node]] = []
    open_groups: dict[str, list[Node]] = {}
    for node in graph.nodes:
        group = open_groups.pop(node.inputs[0], None) if len(node.inputs) == 1 else None
        if group is None:
            group = []
            groups.append(group)
        group.append(node)
        ends = isinstance(node, (Input, Population)) or graph.is_output(node.name)
        if not ends and len(graph.consumers(node.name)) == 1:
            open_groups[node.name] = group
    return sorted((tuple(group) for group in groups), key=_last_place(graph))


def _last_place(graph: SpikingGraph):
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    return lambda group: places[group[-1].name]


def _columns(rows: Sequence[int], feeds: Sequence[Iterable[int]]) -> list[float]:
    """Column of each box: below what feeds it, and at least 1 from others in its row."""
    columns = [0.0] * len(rows)
    for row in range(max(rows) + 1):
        members = [place for place, own in enumerate(rows) if own == row]
        wanted = {}
        for order, place in enumerate(members):
            sources = [columns[source] for source in feeds[place]]
            wanted[place] = (sum(sources) / len(sources) if sources else float(order), order)
        members.sort(key=lambda place: wanted[place])
        at = -math.inf
        for place in members:
            at = max(wanted[place][0], at + 1)
            columns[place] = at
        middle = sum(columns[place] - wanted[place][0] for place in members) / len(members)
        for place in members:
            columns[place] -= middle
    least = min(columns)
    return [column - least for column in columns]


def _box(graph: SpikingGraph, group: tuple[Node, ...], x: float, y: float) -> Box:
    node = group[-1]
    roles = {Input: "input", Population: "neurons", Filter: "synapse", Weighted: "weights"}
    role = next((role for kind, role in roles.items() if isinstance(node, kind)), "other")
    if graph.is_output(node.name) and role != "neurons":
        role = "output"
    kinds = [_kind(each) for each in group]
    shown = kinds if len(kinds) <= 2 else [kinds[0], "…", kinds[-1]]
    return Box(tuple(each.name for each in group), role, f"{' → '.join(shown)}  {shape_text(node.shape)}", x, y)


def _kind(node: Node) -> str:
    if isinstance(node, Population):
        return node.neuron.kind
    if isinstance(node, Filter):
        return f"{node.synapse.kind} {node.synapse.tau * 1e3:g} ms"
    if isinstance(node, (Conv, ConvTranspose)):
        return f"{node.kind} {shape_text(node.kernel.shape[:-2])}"
    return SHORT_KINDS.get(node.kind, node.kind)


def _arrow(boxes: Sequence[Box], source: int, target: int) -> Arrow:
    start, end = boxes[source], boxes[target]
    between = [box for box in boxes if start.y < box.y < end.y]
    if not any(abs(box.x - _on_the_way(start, end, box.y)) < BOX_WIDTH for box in between):
        top, bottom = start.y + BOX_HEIGHT / 2, end.y - BOX_HEIGHT / 2
        bend = (bottom - top) / 2
        points = ((start.x, top), (start.x, top + bend), (end.x, bottom - bend), (end.x, bottom))
    else:  # around the boxes on the way
        right = max(start.x, end.x, *(box.x for box in between)) + BOX_WIDTH / 2
        out = right + 0.25 + 0.1 * min(end.y - start.y, 8.0)
        edge = BOX_WIDTH / 2
        points = ((start.x + edge, start.y), (out, start.y), (out, end.y), (end.x + edge, end.y))
    return Arrow(start.title, end.title, points)


def _on_the_way(start: Box, end: Box, y: float) -> float:
    return start.x + (end.x - start.x) * (y - start.y) / (end.y - start.y)
