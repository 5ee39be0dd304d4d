"""Small pictures as SVG: histograms, rasters and curves, for a page and for notebooks, light or dark."""

from __future__ import annotations

from html import escape

import numpy as np

from .plain import number, plural

WIDTH, HEIGHT, FOOT = 250, 92, 30  # pixels of a histogram; of what stands below its axis
RASTER_WIDTH, ROW = 500, 3  # pixels of a raster, and of a neuron's row in it
MOST_ROWS = 60  # neurons in a raster
N_BINS = 40  # of a histogram
CURVES_HEIGHT, MOST_CURVES, MOST_POINTS = 120, 20, 250  # pixels; curves in a picture; points of a curve
# Colours of the page's style sheet; a notebook has none of them, and its own ink.
BAR, MARK, GREY = "var(--bar, #0072b2)", "var(--mark, #d55e00)", "var(--grey, #777)"
TEXT = "display:block;fill:currentColor;font:11px system-ui,sans-serif"


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
        f'<rect style="fill:{BAR}" x="{place * width:.2f}" y="{room * (1 - count / highest):.2f}" '
        f'width="{max(width - 0.6, 0.4):.2f}" height="{room * count / highest:.2f}">'
        f"<title>{number(edges[place])} … {number(edges[place + 1])} "
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
        zero = f'<line style="stroke:{MARK};stroke-dasharray:3 3" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{room}"/>'
    return (
        f'<figure style="margin:0"><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}" style="{TEXT}">'
        f'<line style="stroke:{GREY}" x1="0" x2="{WIDTH}" y1="{room}" y2="{room}"/>'
        f"{zero}{bars}{below}</svg></figure>"
    )


def even_edges(values: np.ndarray) -> np.ndarray:
    """Edges of bins over the range of the values; a range around a single one."""
    low, high = float(np.min(values)), float(np.max(values))
    if not high > low:
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    return np.linspace(low, high, N_BINS + 1)


def raster(spikes: np.ndarray, dt: float, title: str) -> str:
    """Spikes of some neurons, evenly spaced, as marks over time.

    Parameters
    ----------
    spikes : (n_steps, *units) array
        Counts per step.
    dt : float
        Length of a step, in seconds.
    """
    flat = spikes.reshape(len(spikes), -1)
    n_steps, n_neurons = flat.shape
    rows = np.unique(np.linspace(0, n_neurons - 1, min(n_neurons, MOST_ROWS)).astype(int))
    column, height = RASTER_WIDTH / n_steps, ROW * len(rows)
    steps, units = np.nonzero(flat[:, rows])
    width = max(column * 0.8, 0.8)
    marks = "".join(
        f"M{step * column:.1f} {unit * ROW}h{width:.1f}v{ROW - 1}h-{width:.1f}z"
        for step, unit in zip(steps.tolist(), units.tolist(), strict=True)
    )
    some = f"{len(rows)} of {n_neurons:,} neurons" if len(rows) < n_neurons else plural(n_neurons, "neuron")
    caption = escape(f"{title}: {some} over {number(n_steps * dt * 1e3)} ms")
    return _framed(caption, height, f'<path fill="currentColor" d="{marks}"/>')


def curves(values: np.ndarray, dt: float, title: str) -> str:
    """Numbers over time as lines, the one that ends highest in colour.

    Parameters
    ----------
    values : (n_steps, n_values) array
        Of more than 20 the 20 that end highest are drawn.
    dt : float
        Length of a step, in seconds.
    """
    n_steps, n_values = values.shape
    shown = np.argsort(-values[-1], kind="stable")[:MOST_CURVES]
    steps = np.unique(np.linspace(0, n_steps - 1, min(n_steps, MOST_POINTS)).astype(int))
    drawn = values[np.ix_(steps, shown)].astype("float64")
    low, high = float(drawn.min()), float(drawn.max())
    x = RASTER_WIDTH * (steps + 1) / n_steps
    y = CURVES_HEIGHT - 4 - (CURVES_HEIGHT - 8) * (drawn - low) / (high - low if high > low else 1.0)
    lines = "".join(
        f'<polyline points="{" ".join(f"{at:.1f},{height:.1f}" for at, height in zip(x, line, strict=True))}" '
        f'style="fill:none;stroke:{BAR if place == 0 else GREY};stroke-width:{2 if place == 0 else 1}">'
        f"<title>{unit}: {number(end)}</title></polyline>"
        for place, (unit, line, end) in reversed(
            [*enumerate(zip(shown.tolist(), y.T, drawn[-1].tolist(), strict=True))]
        )
    )
    some = f"{len(shown)} of {n_values:,} values" if len(shown) < n_values else plural(n_values, "value")
    caption = escape(
        f"{title}: {some} over {number(n_steps * dt * 1e3)} ms, from {number(low, 3)} to {number(high, 3)}; "
        f"highest at the end: {shown[0]}"
    )
    return _framed(caption, CURVES_HEIGHT, lines)


def _framed(caption: str, height: int, content: str) -> str:
    return (
        f'<figure style="margin:6px 0"><figcaption>{caption}</figcaption><svg viewBox="0 0 {RASTER_WIDTH} {height}" '
        f'width="{RASTER_WIDTH}" height="{height}" role="img" aria-label="{caption}" '
        f'style="display:block;max-width:100%;border:1px solid {GREY}">{content}</svg></figure>'
    )
