"""The picture of a graph, as SVG: on a page, and by itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ...graph import SpikingGraph
from ...graph.show import nodes_table
from ..plot.drawing import BOX_HEIGHT, BOX_WIDTH, Drawing, layout

COLUMN, ROW = 230, 58  # pixels of the graph's grid
LETTER = 7.4  # pixels that a letter of a name takes
N_OPEN = 40  # nodes of a graph whose picture is not folded up in a notebook

# In a notebook there is no style sheet of the page: its colours, readable on white and on black.
STYLE = """<style>
.snnconv-graph text { font: 11px system-ui, sans-serif; text-anchor: middle; fill: #1b1b1b; }
.snnconv-graph .name { font-weight: 600; font-size: 12px; }
.snnconv-graph rect { fill: #e6e6e6; stroke: #777; } .snnconv-graph .weights rect { fill: #cfe2f0; }
.snnconv-graph .neurons rect { fill: #f7d9c4; } .snnconv-graph .synapse rect { fill: #cdebe0; }
.snnconv-graph .output rect { fill: #e8d5e4; }
.snnconv-graph .arrow { fill: none; stroke: #777; } .snnconv-graph marker path { fill: #777; }
</style>"""


def graph(drawing: Drawing, links: Mapping[str, str]) -> str:
    """Boxes and arrows.

    Parameters
    ----------
    links : mapping of str to str
        Where on the page there is more about a node.
    """
    right = max([drawing.width - 0.5, *(x for arrow in drawing.arrows for x, _ in arrow.points)]) + 0.1
    width, height = (right + 0.5) * COLUMN, drawing.height * ROW

    def at(point: tuple[float, float]) -> str:
        return f"{(point[0] + 0.5) * COLUMN:.1f} {(point[1] + 0.5) * ROW:.1f}"

    arrows = "".join(
        f'<path class="arrow" marker-end="url(#head)" d="M {at(arrow.points[0])} C {at(arrow.points[1])}, '
        f'{at(arrow.points[2])}, {at(arrow.points[3])}"/>'
        for arrow in drawing.arrows
    )
    boxes = []
    for box in drawing.boxes:
        x, y = (box.x + 0.5 - BOX_WIDTH / 2) * COLUMN, (box.y + 0.5 - BOX_HEIGHT / 2) * ROW
        middle = x + BOX_WIDTH * COLUMN / 2
        content = (
            f'<g class="{box.role}"><title>{escape(", ".join(box.names))}</title><rect x="{x:.1f}" y="{y:.1f}" rx="4" '
            f'width="{BOX_WIDTH * COLUMN:.1f}" height="{BOX_HEIGHT * ROW:.1f}"/>'
            f'<text class="name" x="{middle:.1f}" y="{y + 15:.1f}">{escape(_short(box.title))}</text>'
            f'<text x="{middle:.1f}" y="{y + 29:.1f}">{escape(_short(box.text))}</text></g>'
        )
        link = links.get(box.title)
        boxes.append(f'<a href="#{link}">{content}</a>' if link else content)
    return (
        f'<svg class="graph" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        'role="group" aria-label="nodes of the graph and their connections">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M 0 0 L 8 4 L 0 8 z"/></marker></defs>{arrows}{"".join(boxes)}</svg>'
    )


def _short(text: str) -> str:
    most = int(BOX_WIDTH * COLUMN / LETTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def graph_html(shown: SpikingGraph) -> str:
    """The table of a graph's nodes, and its picture below."""
    folded = "" if len(shown.nodes) > N_OPEN else " open"
    picture = f'{STYLE}<div class="snnconv-graph" style="overflow-x:auto" tabindex="0">{graph(layout(shown), {})}</div>'
    table = nodes_table(shown.nodes, f"Spiking graph '{shown.name}'").html()
    return f"{table}<details{folded}><summary>picture</summary>{picture}</details>"
