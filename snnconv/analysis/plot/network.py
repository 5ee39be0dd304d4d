"""The graph as boxes and arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...graph import SpikingGraph
from .canvas import GREY, LINE, new_axes
from .drawing import BOX_HEIGHT, BOX_WIDTH, MOST_BOXES, Box, layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILLS = {
    "input": "#E6E6E6",
    "weights": "#CFE2F0",
    "neurons": "#F7D9C4",
    "synapse": "#CDEBE0",
    "output": "#E8D5E4",
    "other": "white",
}
COLUMN, ROW = 2.4, 0.62  # inches
TITLE_SIZE, TEXT_SIZE = 8.0, 6.5  # points, of a box in a figure of its own
LEAST_HEIGHT = 14.0  # points, of a box with two lines
NARROW = 0.6  # width of a letter, of its height


def network(graph: SpikingGraph, *, max_boxes: int = MOST_BOXES, ax: Axes | None = None) -> Axes:
    """The nodes as boxes with their kinds and shapes, the inputs at the top, and arrows to what they feed.

    Colours tell inputs, weights, neurons, synapses and outputs apart.

    Parameters
    ----------
    max_boxes : int
        Where there are more nodes, those one behind the other share a box, up to the next neurons; the title says so.
    """
    drawing = layout(graph, max_boxes)
    rightmost = max([drawing.width - 0.5, *(x for arrow in drawing.arrows for x, _ in arrow.points)]) + 0.1
    width, height = COLUMN * (rightmost + 0.5), ROW * drawing.height + 0.4
    ax = new_axes(ax, (max(width, 2.5), max(height, 1.5)))
    ax.set(xlim=(-0.55, rightmost), ylim=(drawing.height - 0.6, -0.6))
    ax.set_axis_off()
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    for arrow in drawing.arrows:
        path = Path(list(arrow.points), [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        style: Any = {"arrowstyle": "-|>", "mutation_scale": 8, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
        ax.add_patch(FancyArrowPatch(path=path, color=GREY, **style))
    for box in drawing.boxes:
        corner = (box.x - BOX_WIDTH / 2, box.y - BOX_HEIGHT / 2)
        style = {"boxstyle": "round,pad=0,rounding_size=0.06", "linewidth": 0.8, "edgecolor": GREY}
        ax.add_patch(FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, facecolor=FILLS[box.role], **style))
        _write(ax, box)
    remark = f"; {drawing.remark}" if drawing.remark else ""
    ax.set_title(f"{graph.name}{remark}", fontsize="medium")
    return ax


def _write(ax: Axes, box: Box) -> None:
    """A box's name and kind, as large as fits it."""
    corners = ax.transData.transform([(0, 0), (BOX_WIDTH, BOX_HEIGHT)])
    width, height = abs(corners[1] - corners[0]) * 72 / ax.figure.dpi

    lines = [(box.title, -0.13, TITLE_SIZE, "bold"), (box.text, 0.14, TEXT_SIZE, "normal")]
    if height < LEAST_HEIGHT:
        lines = [(box.title, 0.0, TITLE_SIZE, "bold")]
    for text, offset, most, weight in lines:
        size = min(most, 0.75 * height / len(lines), width / (NARROW * max(len(text), 1)))
        ax.text(box.x, box.y + offset, text, ha="center", va="center", fontsize=size, weight=weight, color=LINE)
