"""The systems that are compared: what each is, what it computes, and in which environment it runs.

Each has a module here with ``build(work, **options)``: a function without arguments that does the work and gives its
output. Nothing of a system is imported before it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class System:
    """One row of the table.

    Parameters
    ----------
    title : str
        As the table names it.
    module : str
        Module of this package that builds it.
    packages : tuple of str
        Distributions whose versions are reported.
    environment : {"", "NDL", "TORCH"}
        Whose Python runs it: snnconv's own, or that of the variable SNNCONV_<environment>_PYTHON.
    options : mapping
        Settings for `build`, found to be its fastest.
    same_neuron : bool
        It computes the works' LIF, so that its output has to be that of the NumPy loop.
    lacks : str
        What of the works' neuron it leaves out.
    reads_models : bool
        It can run a graph from a file.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    environment: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    same_neuron: bool = False
    lacks: str = ""
    reads_models: bool = False


NO_TIMES = "refractory period and spike times inside a step"
TORCH: dict[str, Any] = {"environment": "TORCH", "lacks": NO_TIMES}

SYSTEMS: dict[str, System] = {
    "limit": System("linear limit", "linear_limit", ("tensorflow",), lacks="neurons", reads_models=True),
    "snnconv": System("snnconv", "simulator", ("tensorflow", "keras"), same_neuron=True, reads_models=True),
    "snnconv_dense": System(
        "snnconv, dense",
        "simulator",
        ("tensorflow", "keras"),
        options={"sparse": False},
        same_neuron=True,
        reads_models=True,
    ),
    "tensorflow": System("TensorFlow loop", "tensorflow_loop", ("tensorflow",), same_neuron=True),
    "nengo_dl": System("NengoDL", "nengo_dl_predict", ("nengo-dl", "nengo", "tensorflow"), "NDL", same_neuron=True),
    "keras_spiking": System(
        "KerasSpiking", "keras_spiking_predict", ("keras-spiking", "tensorflow"), "NDL", lacks=f"leak, {NO_TIMES}"
    ),
    "snntorch": System("snnTorch", "snntorch_loop", ("snntorch", "torch"), **TORCH),
    "snntorch_compiled": System(
        "snnTorch, compiled", "snntorch_loop", ("snntorch", "torch"), options={"compiled": True}, **TORCH
    ),
    "spikingjelly": System("SpikingJelly", "spikingjelly_multistep", ("spikingjelly", "torch"), **TORCH),
    "norse": System("Norse", "norse_lifted", ("norse", "torch"), **TORCH),
    "sinabs": System("Sinabs", "sinabs_squeeze", ("sinabs", "torch"), **TORCH),
}
