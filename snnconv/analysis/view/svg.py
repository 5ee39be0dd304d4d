"""Pictures of a page: histograms and the graph, as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from ...text.plain import number
from ..plot.drawing import BOX_HEIGHT, BOX_WIDTH, Drawing

WIDTH, HEIGHT, FOOT = 250, 92, 30  # pixels of a histogram; of what stands below its axis
COLUMN, ROW = 230, 58  # pixels of the graph's grid
LETTER = 7.4  # pixels that a letter of a name takes


def histogram(
    values: np.ndarray, edges: np.ndarray, title: str, unit: str, ends: tuple[float, float] | None = None
) -> str:
    """Bars with the range below them; what a bar counts shows where the mouse is.

    Parameters
    ----------
    ends : (low, high) or None
        What is written at the ends of the axis. None: the outermost edges.
    """
    counts, _ = np.histogram(values, edges)
    low, high = ends or (edges[0], edges[-1])
    highest = max(int(counts.max()), 1)
    width, room = WIDTH / len(counts), HEIGHT - FOOT
    bars = "".join(
        f'<rect x="{place * width:.2f}" y="{room * (1 - count / highest):.2f}" width="{max(width - 0.6, 0.4):.2f}" '
        f'height="{room * count / highest:.2f}"><title>{number(edges[place])} … {number(edges[place + 1])} '
        f"{escape(unit)}: {count:,}</title></rect>"
        for place, count in enumerate(counts)
        if count
    )
    below = (
        f'<text x="0" y="{room + 13}">{number(low, 3)}</text>'
        f'<text x="{WIDTH}" y="{room + 13}" text-anchor="end">{number(high, 3)} {escape(unit)}</text>'
        f'<text x="{WIDTH / 2}" y="{room + 27}" text-anchor="middle">highest bar: {highest:,}</text>'
    )
    zero = ""
    if low < 0 < high:
        x = WIDTH * -edges[0] / (edges[-1] - edges[0])
        zero = f'<line class="zero" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{room}"/>'
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<line x1="0" x2="{WIDTH}" y1="{room}" y2="{room}"/>'
        f"{zero}{bars}{below}</svg></figure>"
    )


def even_edges(values: np.ndarray, n: int = 40) -> np.ndarray:
    """Edges of `n` bins over the range of the values; a range around a single one."""
    low, high = float(np.min(values)), float(np.max(values))
    if not high > low:
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    return np.linspace(low, high, n + 1)


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
