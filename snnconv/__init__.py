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
    "IntegerSimulator",
    "Simulator",
    "SpikingGraph",
    "calibrate",
    "callbacks",
    "convert",
    "diagnose",
    "doctor",
    "energy",
    "errors",
    "explain",
    "export",
    "export_saved_model",
    "graph",
    "handles",
    "layers",
    "load",
    "neurons",
    "passes",
    "plot",
    "quantize",
    "read_nir",
    "reference",
    "regularizers",
    "synapses",
    "tune",
    "view",
]

# Where the names live that are no modules. Nothing is imported before it is used: TensorFlow and Keras take seconds.
_HOMES = {
    "IntegerSimulator": ".integer_simulator",
    "Simulator": ".simulator",
    "SpikingGraph": ".graph",
    "calibrate": ".calibration",
    "convert": ".conversion",
    "diagnose": ".diagnosis",
    "doctor": ".health",
    "energy": ".accounting",
    "explain": ".explanation",
    "export_saved_model": ".runtime.saved_model",
    "handles": ".trace",
    "load": ".graph",
    "read_nir": ".export.nir",
    "tune": ".tuning",
    "view": ".viewer",
}

if TYPE_CHECKING:
    from . import (
        callbacks,
        errors,
        export,
        graph,
        layers,
        neurons,
        passes,
        plot,
        quantize,
        reference,
        regularizers,
        synapses,
    )
    from .accounting import energy
    from .calibration import calibrate
    from .conversion import convert
    from .diagnosis import diagnose
    from .explanation import explain
    from .export.nir import read_nir
    from .graph import SpikingGraph, load
    from .health import doctor
    from .integer_simulator import IntegerSimulator
    from .runtime.saved_model import export_saved_model
    from .simulator import Simulator
    from .trace import handles
    from .tuning import tune
    from .viewer import view


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'snnconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
