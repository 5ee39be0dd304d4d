"""snnconv: from a trained Keras model to a spiking network, run fast and accounted for number by number.

>>> graph = snnconv.convert(model)
>>> result = snnconv.Simulator(graph).run(x, n_steps=100)
>>> graph.save("model.snn.h5")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Simulator",
    "SpikingGraph",
    "convert",
    "errors",
    "graph",
    "handles",
    "layers",
    "load",
    "neurons",
    "passes",
    "plot",
    "reference",
    "synapses",
]

# Where the names live that are no modules. Nothing is imported before it is used: TensorFlow and Keras take seconds.
_HOMES = {
    "Simulator": ".simulator",
    "SpikingGraph": ".graph",
    "convert": ".conversion",
    "handles": ".trace",
    "load": ".graph",
}

if TYPE_CHECKING:
    from . import errors, graph, layers, neurons, passes, plot, reference, synapses
    from .conversion import convert
    from .graph import SpikingGraph, load
    from .simulator import Simulator
    from .trace import handles


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'snnconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
