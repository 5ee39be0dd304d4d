"""`view`: a network and a sample in spikes as one page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ..errors import ParameterError
from ..explanation import explain, keras_sources
from ..files import replacing
from ..graph import SpikingGraph, load
from ..graph.explanation import Source, one_sample
from ..graph.file import is_graph_file
from ..runs import check_dt, check_steps
from ..synapses import Synapse
from ..verification import random_inputs
from .activity import Activity, record
from .page import page, run_data

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
            If it cannot be written.
        """
        with replacing(path) as temporary:
            temporary.write_text(self.html, "utf-8")

    def to_dict(self) -> dict[str, Any]:
        """The run that the page shows as plain data: steps with spikes, outputs, and what the rate network expects."""
        return run_data(self.activity)

    def __repr__(self) -> str:
        return f"<page of {len(self.html):,} characters; write it with save('report.html')>"

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{HEIGHT}px;border:1px solid rgba(128,128,128,0.5)"
        return f'<iframe srcdoc="{escape(self.html)}" style="{style}"></iframe>'


def view(
    model: Any,
    x: Any = None,
    *,
    sample: int = 0,
    n_steps: int = 100,
    dt: float = 0.001,
    synapse: Synapse | float | Mapping[str, Synapse | float] | None = None,
    max_neurons: int = 60,
    sources: Sequence[Source] | None = None,
) -> View:
    """Everything about a network on one page for a browser, without a network connection.

    The page has the graph, the equations and numbers of every layer, histograms of weights and rates, the variables of
    the Keras model with their units, what it takes to get the same spikes elsewhere, and a sample in spikes: a raster
    and the outputs, to be stepped through in time. ``snnconv.view(model, x).save("report.html")`` writes it; in a
    notebook it shows itself.

    Parameters
    ----------
    model : keras.Model, SpikingGraph, or path of either
    x : (n, *input) array, or (n, n_steps, *input) array; or a list or a dict of them; or None
        None: random numbers in 0…1, which the page says.
    sample : int
        Which sample of `x`.
    n_steps : int
        Steps to run, in the NumPy reference.
    dt : float
        Length of a step, in seconds.
    synapse
        As in `snnconv.convert`, for a Keras model.
    max_neurons : int
        Most neurons of a layer in the raster, evenly spaced. Of many layers or steps fewer are shown, so that the page
        stays small; it says how many of how many.
    sources : sequence of Source or None
        The variables of the Keras model that a graph came from.

    Returns
    -------
    View

    Raises
    ------
    InputError, ParameterError
        If the sample is not there, or the data or a parameter is out of range.
    ConversionError, ModelFileError
        If the model cannot be read or converted.
    """
    n_steps = check_steps(n_steps, dt)
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 1:
        raise ParameterError(f"max_neurons must be a whole number above 0. Received {max_neurons!r}.")
    if not isinstance(model, SpikingGraph):
        from ..conversion import convert, load_keras_model

        is_path = isinstance(model, (str, os.PathLike))
        if is_path and is_graph_file(model):
            graph = load(model)
        else:
            keras_model = load_keras_model(model) if is_path else model
            graph = convert(keras_model, synapse=synapse, verbose=False)
            sources = keras_sources(keras_model) if sources is None else sources
    else:
        graph = model
    check_dt(graph, dt)
    given = random_inputs(graph) if x is None else x
    xs = one_sample(graph.check_inputs(given, "float64", n_steps), sample)
    activity = record(graph, xs, n_steps, dt, max_neurons)
    about = f"Sample {sample}" + (" of random numbers in 0…1, as no inputs were given" if x is None else "")
    return View(page(graph, explain(graph, dt=dt, sources=sources), activity, about), activity)
