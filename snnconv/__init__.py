"""snnconv: from a trained Keras model to a spiking network, run fast and accounted for number by number.

>>> graph = snnconv.convert(model)
>>> result = snnconv.Simulator(graph).run(x, n_steps=100)
>>> graph.save("model.snn.h5")
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._late import register as _register
from ._version import __version__ as __version__

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
    "export_xla",
    "finetune",
    "graph",
    "handles",
    "keras_files",
    "layers",
    "load",
    "metrics",
    "neurobench",
    "neurons",
    "passes",
    "plot",
    "quantize",
    "read_nir",
    "reference",
    "register_function",
    "regularizers",
    "synapses",
    "tune",
    "verify",
    "view",
]

# The modules that define the names. Nothing is imported before it is used: TensorFlow and Keras take seconds.
_HOMES = {
    "IntegerSimulator": ".quantize.simulator",
    "Simulator": ".runtime.simulator",
    "SpikingGraph": ".graph",
    "calibrate": ".tuning.calibrate",
    "convert": ".api",
    "diagnose": ".analysis.diagnose",
    "doctor": ".tuning.doctor",
    "energy": ".tuning.energy",
    "explain": ".api",
    "export_saved_model": ".export.saved_model",
    "export_xla": ".export.xla",
    "finetune": ".training.finetune",
    "handles": ".conversion.trace",
    "load": ".graph",
    "metrics": ".tuning.energy",
    "read_nir": ".export.nir",
    "register_function": ".neurons",
    "tune": ".tuning.search",
    "verify": ".api",
    "view": ".api",
}

# Public modules that stand in a room: `snnconv.plot` is `snnconv.analysis.plot`, and can be imported under both names.
_MODULES = {
    "accounting": ".tuning.energy",
    "calibration": ".tuning.calibrate",
    "callbacks": ".training.callbacks",
    "certificates": ".tuning.certify",
    "config": ".training.config",
    "datasets": ".training.datasets",
    "diagnosis": ".analysis.diagnose",
    "health": ".tuning.doctor",
    "keras_files": ".conversion.files",
    "neurobench": ".tuning.energy.neurobench",
    "passes": ".graph.passes",
    "plot": ".analysis.plot",
    "reference": ".runtime.reference",
    "regularizers": ".layers.regularizers",
    "runs": ".runtime.result",
    "synapses": ".neurons.synapses",
    "verification": ".api",
    "viewer": ".api",
}

# Functions that methods of lower rooms call.
_LATE = {
    "certify": ".tuning.certify",
    "explain": ".analysis.explain",
    "export_saved_model": ".export.saved_model",
    "export_xla": ".export.xla",
    "graph_html": ".analysis.view.svg",
    "population_html": ".analysis.explain.layer_text",
    "readout_html": ".analysis.explain.layer_text",
    "to_keras": ".training.unrolled",
    "warn_of_one_answer": ".tuning.doctor",
    "with_weights_of": ".training.unrolled",
}

if TYPE_CHECKING:
    from . import errors, export, graph, layers, neurons, quantize
    from .analysis import plot
    from .analysis.diagnose import diagnose
    from .api import convert, explain, verify, view
    from .conversion import files as keras_files
    from .conversion.trace import handles
    from .export.nir import read_nir
    from .export.saved_model import export_saved_model
    from .export.xla import export_xla
    from .graph import SpikingGraph, load, passes
    from .layers import regularizers
    from .neurons import register_function, synapses
    from .quantize.simulator import IntegerSimulator
    from .runtime import reference
    from .runtime.simulator import Simulator
    from .training import callbacks
    from .training.finetune import finetune
    from .tuning.calibrate import calibrate
    from .tuning.doctor import doctor
    from .tuning.energy import energy, metrics, neurobench
    from .tuning.search import tune


def _from(home: str, name: str) -> Any:
    return getattr(import_module(home, __name__), name)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return _from(_HOMES[name], name)
    if name in __all__ or name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'snnconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _PublicModules:
    """Import `snnconv.plot` and its like as the module in `_MODULES`, the very same object."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        alias, _, inner = name.removeprefix(f"{__name__}.").partition(".")
        if not name.startswith(f"{__name__}.") or alias not in _MODULES:
            return None
        if inner:  # by the path of its package it would be loaded a second time
            raise ModuleNotFoundError(f"import {__name__}{_MODULES[alias]}.{inner} instead of {name}.", name=name)
        return ModuleSpec(name, _PublicModules)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        return None

    @staticmethod
    def exec_module(module: Any) -> None:
        name = module.__name__
        sys.modules[name] = import_module(_MODULES[name.removeprefix(f"{__name__}.")], __name__)


class _LayersWithKeras:
    """Import `snnconv.layers` as soon as Keras is there, so that Keras finds them in the files of models."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "keras":
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not cls)
        spec = next((each for each in others if each is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _register_layers()

            spec.loader.exec_module = exec_module
        return spec


def _register_layers() -> None:
    try:
        import_module(".layers", __name__)
        import_module(".training.unrolled.layers", __name__)
    except ImportError:  # a Keras that they do not run on can be imported all the same; their use tells what is wrong
        return


for _name, _home in _LATE.items():
    _register(_name, partial(_from, _home, _name))
# Before the finder of paths, which knows nothing of short names.
sys.meta_path.insert(0, _PublicModules)  # type: ignore[arg-type]
if "keras" in sys.modules:
    _register_layers()
else:
    sys.meta_path.insert(0, _LayersWithKeras)  # type: ignore[arg-type]
