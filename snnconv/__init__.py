"""snnconv: from a trained Keras model to a spiking network, run fast and accounted for number by number.

>>> graph = snnconv.convert(model)
>>> result = snnconv.Simulator(graph).run(x, n_steps=100)
>>> graph.save("model.snn.h5")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives. Nothing is imported before it is used: TensorFlow and Keras take seconds.
_NAMES = {
    "Simulator": ".simulator",
    "SpikingGraph": ".graph",
    "convert": ".conversion",
    "handles": ".trace",
    "load": ".graph",
}
_MODULES = ("errors", "graph", "layers", "neurons", "passes", "plot", "reference", "synapses")

__all__ = [*_NAMES, *_MODULES]

if TYPE_CHECKING:
    from . import errors, graph, layers, neurons, passes, plot, reference, synapses
    from .conversion import convert
    from .graph import SpikingGraph, load
    from .simulator import Simulator
    from .trace import handles


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name], __name__), name)
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'snnconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
