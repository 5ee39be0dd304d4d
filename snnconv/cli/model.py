"""The argument MODEL: a Keras file, an exported graph, or a NIR file; and the settings of --config."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ParameterError
from ..files.hdf5 import read_attributes, reading
from ..files.output import protect
from ..files.toml import read_toml
from ..graph import SpikingGraph, load
from ..graph.file import DEFAULT_DT, is_graph_file
from .options import KerasOptions
from .samples import Arrays, as_inputs, first_of, read_arrays

if TYPE_CHECKING:
    from ..analysis.explain import Source
    from ..training.config import Config, Settings

DEFAULT_STEPS = 100


@dataclass(frozen=True)
class Network:
    """A MODEL as commands run it.

    Parameters
    ----------
    graph : SpikingGraph
    dt : float
        Length of a step, in seconds.
    sources : tuple of Source or None
        The variables of the Keras model; None where MODEL is an exported graph.
    """

    graph: SpikingGraph
    dt: float
    sources: tuple[Source, ...] | None = None


@dataclass(frozen=True)
class ModelFile:
    """A file that was looked at without TensorFlow, and is not read yet; `find_model` gives it.

    Parameters
    ----------
    path : Path
    keras : KerasOptions
    is_graph : bool
        Whether it is an exported graph or a NIR file; else it is a Keras file.
    dt : float
        Length of a step, in seconds: the one asked for, else that of --config, else the one that the file is meant for.
    is_nir : bool
        Whether it is a NIR file.
    """

    path: Path
    keras: KerasOptions
    is_graph: bool
    dt: float
    is_nir: bool = False

    def open(
        self,
        synapse: float | None = None,
        scale_firing_rates: float | Mapping[str, float] | None = None,
        like: Arrays | None = None,
    ) -> Network:
        """Read the graph, or the Keras model and convert it; change it as --config and the arguments say.

        Parameters
        ----------
        like : array, dict of arrays, or None
            Samples, whose sizes are taken for those that the model and --input-shape leave open.

        Raises
        ------
        ModelFileError
            If the file is damaged, or the module of custom objects cannot be imported.
        ConfigError
            If the config is not understood.
        ConversionError, ParameterError
            If it cannot be converted like this.
        """
        if self.is_graph:
            graph, sources = self.graph(), None
        else:
            model = self.keras_model()
            from ..analysis.explain.sources import keras_sources
            from ..training.unrolled import is_unrolled

            graph, sources = self.converted(model, like), None if is_unrolled(model) else keras_sources(model)
        return Network(self.adapted(graph, synapse, scale_firing_rates), self.dt, sources)

    def converted(self, model: Any, like: Arrays | None = None) -> SpikingGraph:
        """Convert the Keras model of the file; --config is not applied yet.

        Raises
        ------
        ConversionError, ParameterError
            If it cannot be converted.
        """
        from ..api import convert

        return convert(model, **self.keras.changes, input_shape=self.input_shape(model, like), verbose=False)

    def adapted(
        self,
        graph: SpikingGraph,
        synapse: float | None = None,
        scale_firing_rates: float | Mapping[str, float] | None = None,
    ) -> SpikingGraph:
        """The graph changed as --config and the arguments say; an argument goes before the config.

        Raises
        ------
        ConfigError
            If the config is not understood.
        ConversionError, ParameterError
            If the graph cannot be changed like this.
        """
        given = {"scale": scale_firing_rates, "synapse": synapse}
        given = {key: value for key, value in given.items() if value is not None}
        if self.keras.settings is not None:
            return adapted(graph, read_settings(self.keras.settings, self), self.dt, **given)
        from ..tuning.adaptation import Adaptation, warn_of_several_spikes

        graph = Adaptation(**given).apply(graph, self.dt)
        warn_of_several_spikes(graph, scale_firing_rates, self.dt)
        return graph

    def graph(self) -> SpikingGraph:
        """Read the graph in an exported file or a NIR file.

        Raises
        ------
        ModelFileError
            If the file is damaged.
        """
        if not self.is_nir:
            return load(self.path)
        from ..export.nir import read_nir

        return read_nir(self.path, self.dt)

    def keras_model(self) -> Any:
        """Read the Keras model in the file.

        Raises
        ------
        ModelFileError
            If the file is damaged, or the module of custom objects cannot be imported.
        """
        from ..conversion.files import import_custom_objects, load_model
        from .app import import_tensorflow

        import_tensorflow()
        objects = None
        if self.keras.custom_objects is not None:
            sys.path.append(os.getcwd())  # where a user expects modules of their own to be found
            objects = import_custom_objects(self.keras.custom_objects)
        return load_model(self.path, self.keras.model_json, objects, self.keras.unsafe, replace=self.keras.replacements)

    def input_shape(self, model: Any, like: Arrays | None) -> Any:
        """The sizes that a Keras model leaves open: those of --input-shape, or else of samples."""
        from ..conversion.trace import shapes_from

        return shapes_from(model, like) if self.keras.shape is None else self.keras.shape

    def beside(self, suffix: str) -> Path:
        """The path of a file or folder beside it with its name, but for this suffix."""
        name = self.path.name
        for ending in (".snn.h5", self.path.suffix):
            if ending and name.endswith(ending):
                name = name.removesuffix(ending)
                break
        return self.path.with_name(name + suffix)


def find_model(path: Path, keras: KerasOptions, dt: float | None = None) -> ModelFile:
    """Look at a file without TensorFlow, which takes seconds to import.

    Parameters
    ----------
    dt : float or None
        Length of a step that was asked for, in seconds.

    Raises
    ------
    ModelFileError
        If it is missing, or cannot be a model or an exported graph.
    """
    from ..conversion.files import check_model_file

    is_nir = _is_nir(path)
    is_graph = is_nir or is_graph_file(path)
    _ = keras.changes, keras.shape, keras.replacements  # which are looked at here, before the work
    if is_graph and keras.named:
        raise ParameterError(
            f"{', '.join(keras.named)}: for Keras files, and '{path}' is converted already. Name the Keras file that "
            f"it came from."
        )
    if not is_graph:
        check_model_file(path, keras.model_json)
    own = _nir_dt if is_nir else _own_dt if is_graph else lambda path: DEFAULT_DT
    file = ModelFile(path, keras, is_graph, own(path), is_nir)
    if keras.settings is not None:
        settings = read_settings(keras.settings, file)
        if "dt" in read_toml(keras.settings).get("simulation", {}):
            file = dataclasses.replace(file, dt=settings.simulation.dt)
    return file if dt is None else dataclasses.replace(file, dt=dt)


def _is_nir(path: Path) -> bool:
    from ..export.nir import is_nir_file

    return is_nir_file(path)


def _nir_dt(path: Path) -> float:
    from ..export.nir import read_dt

    return read_dt(path)


def _own_dt(path: Path) -> float:
    with reading(path) as file:
        return float(read_attributes(file).get("dt", DEFAULT_DT))


def read_settings(path: Path, model: ModelFile) -> Settings:
    """Read from a TOML file how to convert and run a network.

    Raises
    ------
    ConfigError
        If the file is not understood, or is a training config and the model was converted with it already.
    """
    from ..training import config

    if model.is_graph and "model" in read_toml(path):
        raise ConfigError(
            f"{path} is a training config, and '{model.path}' was converted already. Name the Keras model, or a file "
            f"that 'snnconv tune' wrote for '{model.path}'."
        )
    settings = config.load_settings(path)
    named = (settings.conversion.adaptation.refit, settings.conversion.adaptation.calibrate)
    protect(*(each for each in named if isinstance(each, Path)))
    return settings


def read_run(model: ModelFile, n_steps: int | None) -> tuple[int, dict[str, Any]]:
    """Number of steps and the readout: those asked for, else the config's, else the usual ones.

    The readout is empty where nothing says it.

    Raises
    ------
    ConfigError
        If the config is not understood.
    """
    named = model.keras.settings
    if named is None:
        return DEFAULT_STEPS if n_steps is None else n_steps, {}
    settings = read_settings(named, model)
    readout = vars(settings.readout) if "readout" in read_toml(named) else {}
    return settings.simulation.n_steps if n_steps is None else n_steps, readout


def adapted(graph: SpikingGraph, settings: Settings | Config, dt: float, **given: Any) -> SpikingGraph:
    """The graph with the changes of [conversion] in the place of its own synapses; `given` goes before them.

    Parameters
    ----------
    dt : float
        Length of a step, in seconds.
    given
        Fields of `Adaptation`; samples may be arrays, or named as in a config.
    """
    from ..tuning.search.setting import without_synapses

    wanted = dataclasses.replace(settings.conversion.adaptation, **given)
    sources = {"refit": wanted.refit, "calibrate": wanted.calibrate}
    named = {key: source for key, source in sources.items() if isinstance(source, (bool, Path))}
    samples = {key: _few_samples(source, settings, graph) for key, source in named.items()}
    return dataclasses.replace(wanted, **samples).apply(without_synapses(graph), dt)


def _few_samples(source: bool | Path, settings: Settings | Config, graph: SpikingGraph) -> Any:
    """The samples that [conversion] names, as inputs of the graph."""
    from .app import import_tensorflow

    import_tensorflow()
    n = settings.conversion.n_samples
    if isinstance(source, Path):
        return first_of(as_inputs(read_arrays(source), graph), n)
    from ..training.datasets import load as load_dataset

    if settings.data is None:
        raise ConfigError("[conversion] asks for training data, and there is no [data] to say which.")
    return load_dataset(settings.data.dataset, settings.data.path).x_train[:n]
