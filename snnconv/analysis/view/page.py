"""The page: one file that loads nothing, and works without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from ..._version import __version__
from ...files.output import MARK, check_ending
from ...files.writing import replacing
from ...graph import PopulationView, ReadoutView, SpikingGraph
from ...graph.show import nodes_table
from ...text.picture import N_BINS, even_edges, histogram
from ...text.plain import number, plural, run_text, shape_text
from ...text.table import Table
from ..explain import Explanation
from ..explain.explanation import place_text
from ..explain.layer import LayerExplanation
from ..explain.layer_text import array_table, gain_text, layer_title
from ..plot.drawing import layout
from ..plot.rates import rate_edges
from . import svg
from .activity import MOST_MAPPED, Activity, LayerActivity
from .samples import ShownSample, in_bytes, run_data

N_OPEN = 4  # layers whose numbers are not folded up
MOST_LAYERS = 60  # that are told in full
MOST_WEIGHTS = 16_384  # of a kernel that is drawn
ENDINGS = (".html", ".htm")
HEIGHT = 700  # pixels of the page inside a notebook


@dataclass(frozen=True, eq=False)
class View:
    """A page about a network.

    Parameters
    ----------
    html : str
        The page: one file that loads nothing.
    activity : Activity
        The run that it shows.
    """

    html: str
    activity: Activity

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all.

        Raises
        ------
        ModelFileError
            If it cannot be written, or the name ends as those of another format do.
        """
        check_ending(path, ENDINGS)
        with replacing(path) as temporary:
            temporary.write_text(self.html, "utf-8")

    def to_dict(self) -> dict[str, Any]:
        """The run that the page shows as plain data: steps with spikes, outputs, and what the rate network expects."""
        return run_data(self.activity)

    def __repr__(self) -> str:
        return f"<page of {len(self.html):,} characters; write it with save('report.html')>"

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{HEIGHT}px;border:1px solid rgba(128,128,128,0.5)"
        return f'<iframe title="a network in spikes" srcdoc="{escape(self.html)}" style="{style}"></iframe>'


def page(graph: SpikingGraph, explanation: Explanation, samples: Sequence[ShownSample]) -> str:
    """All of the page as HTML.

    Parameters
    ----------
    explanation : Explanation
        Of the whole network.
    samples : sequence of ShownSample
        The first is shown when the page opens, and its rates stand with the layers.
    """
    layers, activity = explanation.layers, samples[0].activity
    links = {layer.name: f"layer-{place}" for place, layer in enumerate(layers[:MOST_LAYERS])}
    of_layer = {layer.name: layer for layer in activity.layers}
    drawing = layout(graph)
    run = run_text(activity.n_steps, activity.dt)
    told = "".join(
        _layer(graph, layer, of_layer.get(layer.name), links[layer.name], place < N_OPEN, activity)
        for place, layer in enumerate(layers[:MOST_LAYERS])
    )
    left = len(layers) - MOST_LAYERS
    more = f"<p class='note'>{plural(left, 'more layer')}: snnconv explain MODEL LAYER</p>" if left > 0 else ""
    data = [sample.to_dict() for sample in samples]
    parts = [
        f"<h1>{escape(graph.name)}</h1>",
        f"<p>{escape(_counts(graph))} in steps of dt = {number(activity.dt * 1e3)} ms. "
        "J: current of a neuron; kernel', dense_bias': gain and normalisation folded in.</p>",
        _contents(layers[:MOST_LAYERS], links),
        "<h2 id='run'>A sample in spikes</h2>",
        f"<p><span id='about'>{escape(samples[0].about)}</span>, {run}.</p>",
        _PLAYER,
        "<h2 id='graph'>The graph</h2>",
        f"<p class='note'>{escape(drawing.remark)}</p>" if drawing.remark else "",
        f"<div class='panes'><div class='scroll' tabindex='0' role='region' "
        f"aria-label='the graph'>{svg.graph(drawing, links)}</div><div class='scroll nodes' tabindex='0' role='region' "
        f"aria-label='all nodes'>"
        f"{nodes_table(graph.nodes).html()}</div></div>",
        "<h2 id='layers'>Layers</h2>",
        told,
        more,
        "<h2 id='variables'>Every variable of the Keras model</h2>",
        _variables(explanation),
        "<h2 id='needed'>What it takes to get the same spikes elsewhere</h2>",
        Table(
            ("what", "name", "value", "in the export"),
            [(each.kind, each.name, each.value, each.place) for each in explanation.requirements],
            left=range(4),
        ).html(),
        f"<p class='note'>snnconv {__version__}</p>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="generator" content="{MARK}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(graph.name)}: snnconv</title><style>{_text('page.css')}</style></head>\n"
        f"<body><main>{chr(10).join(filter(None, parts))}</main>\n"
        f'<script type="application/json" id="run-data">{_embedded(data)}</script>\n'
        f"<script>{_text('page.js')}</script></body></html>\n"
    )


def _contents(layers: Sequence[LayerExplanation], links: Mapping[str, str]) -> str:
    """Links to the parts of the page and to the layers."""
    titles = {
        "run": "A sample in spikes",
        "graph": "The graph",
        "layers": "Layers",
        "variables": "Variables",
        "needed": "What it takes elsewhere",
    }
    parts = [f"<li><a href='#{link}'>{title}</a></li>" for link, title in titles.items()]
    each = "".join(f"<li><a href='#{links[layer.name]}'>{escape(layer.name)}</a></li>" for layer in layers)
    parts[2] = f"<li><a href='#layers'>Layers</a><ul>{each}</ul></li>"
    return f"<nav aria-label='contents'><ul>{''.join(parts)}</ul></nav>"


def _layer(
    graph: SpikingGraph,
    layer: LayerExplanation,
    run: LayerActivity | None,
    link: str,
    is_open: bool,
    activity: Activity,
) -> str:
    lines = [f"{name}: {text}" for name, text in layer.equations.items()]
    if layer.neuron:
        lines.insert(1, f"gain: {gain_text(layer)}")
    numbers = array_table(layer).html() if layer.arrays else ""
    view = (graph.populations if layer.neuron else graph.readouts)[layer.name]
    pictures = list(_arrays(view, layer))
    maps = _kernel_tiles(view, layer)
    if run is not None:
        if len(run.shape) == 3 and run.n_neurons <= MOST_MAPPED:
            maps += _maps(run)
        edges = rate_edges([run.rates, run.expected], 1 / (activity.n_steps * activity.dt), N_BINS)
        low, high = (float(function([run.rates, run.expected])) for function in (np.min, np.max))
        for what, rates in (("rates in spikes", run.rates), ("rate network", run.expected)):
            title = f"{what}: mean {number(rates.mean())} Hz; {(rates == 0).mean():.1%} silent, not drawn"
            pictures.append(histogram(rates[rates != 0], edges, title, "Hz", (min(low, 0.0), high)))
    equations = "".join(f"<div class='equation'>{escape(line)}</div>" for line in lines)
    return (
        f"<details id='{link}'{' open' if is_open else ''}><summary>{escape(layer_title(layer))}</summary>"
        f"{equations}{numbers}{maps}<div class='pictures'>{''.join(pictures)}</div></details>"
    )


def _kernel_tiles(view: PopulationView | ReadoutView, layer: LayerExplanation) -> str:
    """A picture of a convolution's kernel: a tile for each pair of an input channel and a filter."""
    kernel = view.kernel
    if kernel is None or kernel.ndim != 4 or kernel.size > MOST_WEIGHTS or kernel.shape[:2] == (1, 1):
        return ""
    tall, wide = kernel.shape[:2]
    unit = next(array.unit for array in layer.arrays if array.name == "kernel'")
    packed = escape(json.dumps(in_bytes(kernel)))
    caption = f"kernel', {tall}×{wide} for each of {shape_text(kernel.shape[2:])} channels"
    return _tiles(layer.name, caption, f"data-what='weight' data-unit='{escape(unit)}' data-kernel='{packed}'")


def _maps(run: LayerActivity) -> str:
    """A picture of a layer's rates, channel by channel."""
    tall, wide, channels = run.shape
    caption = f"Rates of the {plural(channels, 'channel')}, {tall}×{wide} neurons each"
    return _tiles(run.name, caption, "data-what='neuron' data-unit='Hz'")


def _tiles(name: str, caption: str, data: str) -> str:
    """A canvas that the script paints with one tile per channel; it names what the mouse points at."""
    head = f"<figcaption>{escape(caption)}; <span class='range'></span></figcaption>"
    label = f"aria-label='{escape(caption)} of {escape(name)}'"
    return (
        f"<figure>{head}<canvas class='maps' role='img' data-layer='{escape(name)}' {label} {data}></canvas></figure>"
    )


def _arrays(view: PopulationView | ReadoutView, layer: LayerExplanation) -> Iterable[str]:
    """Histograms of a layer's arrays."""
    values = {"kernel'": view.kernel, "dense_bias'": view.dense_bias, "neuron_bias": getattr(view, "neuron_bias", None)}
    for array in layer.arrays:
        found = values[array.name]
        if found is not None and np.size(found) > 1:
            title = f"{array.name}, {shape_text(array.shape)}"
            yield histogram(np.ravel(found), even_edges(found), title, array.unit)


def _variables(explanation: Explanation) -> str:
    rows = [
        (
            variable.path,
            shape_text(variable.shape),
            "yes" if variable.is_trainable else "no",
            variable.role,
            variable.unit,
            place_text(variable),
        )
        for variable in explanation.variables
    ]
    if not rows:
        return "<p>The graph keeps none.</p>"
    headings = ("variable", "shape", "trains", "what it is", "unit", "in the export")
    return Table(headings, rows, left=range(6)).html()


def _counts(graph: SpikingGraph) -> str:
    n_neurons = sum(int(np.prod(view.shape)) for view in graph.populations.values())
    return f"{plural(len(graph.nodes), 'node')}, {plural(len(graph.populations), 'population')}, {n_neurons:,} neurons"


def _embedded(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _text(name: str) -> str:
    return files("snnconv.analysis.view").joinpath(name).read_text("utf-8")


_PLAYER = """<div id="player">
<div class="controls">
<label id="choose" hidden>sample <select id="sample"></select></label>
<button id="back" aria-label="one step back">◀</button><button id="play">play</button>
<button id="on" aria-label="one step on">▶</button>
<label>step <input id="step" type="range" min="1" value="1"></label><output id="now"></output>
<label>show <select id="window"></select></label>
</div>
<div class="panes"><div id="spikes"><canvas id="raster" tabindex="0" role="application" aria-describedby="neuron"
aria-label="Spikes of the neurons shown over time. Up and down choose a neuron, left and right a step."></canvas>
<p id="neuron" aria-live="polite">Point at a neuron, or choose one with the arrow keys.</p>
<canvas id="voltage" role="img" aria-label="Voltage of the chosen neuron over time" hidden></canvas></div>
<div id="values"><div id="pictures"></div>
<div class="wide" tabindex="0" role="region" aria-label="spikes and rates"><table id="rates"></table></div>
<div id="outputs"></div></div></div>
<p class="note" id="shown"></p>
<noscript><p>The raster needs JavaScript.</p></noscript>
</div>"""
