"""``snnconv inspect``: the layers of a network, or the numbers of one layer, as tables or as JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from ..text.plain import shape_text
from ..text.table import Table
from .options import Json, KerasOptions, Model

if TYPE_CHECKING:
    from ..graph import PopulationView, ReadoutView, SpikingGraph

N_VALUES = 2  # first values of an array that are shown


def inspect(
    model: Model,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="A population or an output, whose numbers to show.")
    ] = None,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Show the layers of a spiking network, or the numbers of one.

    Examples:

    - `snnconv inspect model.keras`

    - `snnconv inspect model.snn.h5 --layer lif`

    - `snnconv inspect model.snn.h5 --json`
    """
    from .model import find_model
    from .screen import print_json

    graph = find_model(model, keras).open().graph
    if layer is None:
        print_json(_graph_contents(graph)) if json else _show_graph(graph, model)
    elif layer in graph.populations:
        view = graph.populations[layer]
        print_json(_population_contents(view)) if json else _show_population(view)
    elif layer in graph.readouts:
        view = graph.readouts[layer]
        print_json(_readout_contents(view)) if json else _show_readout(view)
    else:
        names = list(dict.fromkeys([*graph.populations, *graph.readouts]))
        raise InputError(f"'{layer}' is no population or output of '{model}'. There are: {', '.join(names)}.")


def _show_graph(graph: SpikingGraph, path: Path) -> None:
    from ..graph.report import report_table
    from ..graph.show import summary_table
    from .screen import say, show

    show(summary_table(graph.nodes, graph.name))
    if graph.report:
        say("What became of each layer of the Keras model:")
        show(report_table(graph.report))
    if graph.populations:
        say(f"Numbers of one layer: snnconv inspect {path} --layer {next(iter(graph.populations))}")


def _show_population(view: PopulationView) -> None:
    from ..graph.show import parameter_rows
    from .screen import say, show

    n_neurons = math.prod(view.shape)
    shape = f" ({shape_text(view.shape)})" if len(view.shape) > 1 else ""
    say(f"Population '{view.name}': {n_neurons:,} {view.neuron.kind} neurons{shape}", "bold")
    say(f"J = {_current(view)} + neuron_bias")
    _show_arrays(
        {
            "kernel": view.kernel,
            "dense_bias": view.dense_bias,
            "neuron_bias": view.neuron_bias,
            "gain": view.gain,
            "trained kernel": view.trained.kernel,
            "trained dense_bias": view.trained.dense_bias,
            "trained neuron_bias": view.trained.neuron_bias,
        }
    )
    show(Table(("parameter", "value", ""), parameter_rows(view), left=(0, 2)))


def _show_readout(view: ReadoutView) -> None:
    from .screen import say

    say(f"Output '{view.name}': {shape_text(view.shape)}, {view.activation}", "bold")
    say(f"y = {_current(view)}")
    _show_arrays({"kernel": view.kernel, "dense_bias": view.dense_bias})


def _current(view: Any) -> str:
    """The linear layer of a view as an equation."""
    from ..graph import Conv

    if view.linear is None:
        return view.input
    product = f"conv({view.input}, kernel)" if isinstance(view.linear, Conv) else f"{view.input} · kernel"
    return product if view.dense_bias is None else f"{product} + dense_bias"


def _show_arrays(arrays: dict[str, Any]) -> None:
    import numpy as np

    from .screen import show

    rows = []
    for name, array in arrays.items():
        if array is None:
            continue
        first = " ".join(f"{value:.4g}" for value in np.ravel(array)[:N_VALUES])
        more = " …" if np.size(array) > N_VALUES else ""
        numbers = (f"{float(function(array)):.3g}" for function in (np.min, np.mean, np.max))
        rows.append((name, shape_text(np.shape(array)), *numbers, first + more))
    show(Table(("array", "shape", "min", "mean", "max", "first values"), rows, left=(0, 1)))


def _graph_contents(graph: SpikingGraph) -> dict[str, Any]:
    """All nodes, populations and outputs, and the fate of each layer of the Keras model, as plain data."""
    import numpy as np

    return {
        "name": graph.name,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind,
                "inputs": list(node.inputs),
                "shape": list(node.shape),
                "n_parameters": sum(int(np.size(array)) for key, array in node.arrays().items() if key != "gain"),
            }
            for node in graph.nodes
        ],
        "populations": [_population_contents(view) for view in graph.populations.values()],
        "outputs": [_readout_contents(view) for view in graph.readouts.values()],
        "layers": [vars(line) for line in graph.report],
    }


def _population_contents(view: PopulationView) -> dict[str, Any]:
    """The numbers of a population; of arrays their shape and range."""
    max_rates, intercepts = view.neuron.max_rates_intercepts(view.gain, view.neuron_bias)
    return {
        "name": view.name,
        "neuron": view.neuron.kind,
        "shape": list(view.shape),
        "n_neurons": math.prod(view.shape),
        "input": view.input,
        "linear": None if view.linear is None else view.linear.name,
        "parameters": {name: _number(value) for name, value in view.neuron.parameters().items()},
        "kernel": _range(view.kernel),
        "dense_bias": _range(view.dense_bias),
        "neuron_bias": _range(view.neuron_bias),
        "gain": _range(view.gain),
        "max_rates": _range(max_rates),
        "intercepts": _range(intercepts),
        "trained": {name: _range(array) for name, array in vars(view.trained).items()},
    }


def _readout_contents(view: ReadoutView) -> dict[str, Any]:
    """The numbers of an output; of arrays their shape and range."""
    return {
        "name": view.name,
        "activation": view.activation,
        "shape": list(view.shape),
        "input": view.input,
        "linear": None if view.linear is None else view.linear.name,
        "kernel": _range(view.kernel),
        "dense_bias": _range(view.dense_bias),
    }


def _range(array: Any) -> dict[str, Any] | None:
    import numpy as np

    if array is None or not np.size(array):
        return None
    numbers = {
        name: _number(function(array)) for name, function in (("min", np.min), ("mean", np.mean), ("max", np.max))
    }
    return {"shape": list(np.shape(array)), **numbers}


def _number(value: Any) -> Any:
    """A number that JSON has: None for an infinite one, a list for an array."""
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_number(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
