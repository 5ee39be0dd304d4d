"""The spiking graph: a network as pure data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .._late import late
from ..errors import ModelFileError, SnnconvError, one_line
from ..neurons import numpy_ops
from .file import DEFAULT_DT, read, save
from .inputs import Inputs, check_inputs, one_or_all, random_samples, rows_of_tables
from .nodes import NODES, Input, Linear, Node, Stateful
from .nodes.base import fields_of, rebuilt
from .reading import Reading
from .report import LayerReport
from .show import summary_table
from .views import PopulationView, ReadoutView, population_views, readout_views

if TYPE_CHECKING:
    from rich.table import Table

MAX_VALUES = 1 << 28  # of one sample at a node that a file describes


@dataclass(frozen=True, eq=False, repr=False)
class SpikingGraph:
    """A converted network: nodes in execution order, and which of them are its outputs.

    Parameters
    ----------
    nodes : tuple of Node
        Every node comes after what feeds it.
    outputs : mapping of str to str
        Name of each output, and of the node that gives it.
    name : str
        The model's name.
    metadata : mapping of str to str
        Where the network came from; `reading` as "best_read_from" and "best_read_fall"; under "dt" the one time step
        that it was made for, in seconds, where there is one.
    report : tuple of LayerReport
        What became of each layer of the Keras model.

    Raises
    ------
    SnnconvError
        If two nodes share a name, or one is fed by something that does not come before it.
    """

    nodes: tuple[Node, ...]
    outputs: Mapping[str, str]
    name: str = "network"
    metadata: Mapping[str, str] = field(default_factory=dict)
    report: tuple[LayerReport, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", MappingProxyType(dict(self.outputs)))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        noted = self.metadata.get("dt")
        if noted is not None and not _is_time(noted):
            raise SnnconvError(f"the time step in the graph's metadata must be above 0 seconds. Received {noted!r}.")
        seen: set[str] = set()
        fields = {"trained", "dense_bias", *(field for kind in NODES.values() for field in kind.array_fields)}
        for name in (node.name for node in self.nodes):
            layer, _, last = name.rpartition("/")
            if last in fields and any(node.name == layer for node in self.nodes):
                raise SnnconvError(
                    f"a layer is named '{name}', and another '{layer}', whose '{last}' stands there in files. Give one "
                    f"of the layers of the Keras model another name."
                )
        for name in (*(node.name for node in self.nodes), *self.outputs):
            if "\0" in name or any(part in ("", ".") for part in name.split("/")):
                raise SnnconvError(
                    f"a layer or an output is named {name!r}, which files cannot hold: it is empty, or has nothing or "
                    f"a dot beside a slash. Give the layer of the Keras model another name."
                )
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in seen]
            if missing:
                raise SnnconvError(f"node '{node.name}' is fed by '{missing[0]}', which does not come before it.")
            if node.name in seen:
                raise SnnconvError(f"two nodes are named '{node.name}'.")
            seen.add(node.name)
        for label, name in self.outputs.items():
            if name not in seen:
                raise SnnconvError(f"output '{label}' names node '{name}', which is not in the graph.")

    def __reduce__(self) -> Any:
        return rebuilt, (type(self), fields_of(self))

    def __repr__(self) -> str:
        return f"<spiking graph '{self.name}': {len(self.nodes)} nodes, populations {list(self.populations)}>"

    def _repr_html_(self) -> str:
        return late("graph_html")(self)

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @property
    def dt(self) -> float:
        """Length of a step that runs and exports take where they are given none, in seconds: 0.001, or the file's."""
        return float(self.metadata.get("dt", DEFAULT_DT))

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The input nodes, in the order in which the Keras model takes its inputs."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @cached_property
    def populations(self) -> Mapping[str, PopulationView]:
        """The neuron populations by name, with every number that decides their spikes."""
        return population_views(self._by_name)

    @cached_property
    def readouts(self) -> Mapping[str, ReadoutView]:
        """The outputs by name, with the linear layer that gives them."""
        return readout_views(self._by_name, self.outputs)

    @property
    def reading(self) -> Reading:
        """The mean over time that is the answer; `calibrate` chooses it.

        Raises
        ------
        SnnconvError
            If the metadata hold what is none.
        """
        return Reading.of(self.metadata)

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that node `name` feeds."""
        return self._consumers.get(name, ())

    @cached_property
    def _consumers(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name] = (*found.get(name, ()), node)
        return found

    def is_output(self, name: str) -> bool:
        """Whether the node gives one of the outputs."""
        return name in self.outputs.values()

    def replace(self, nodes: Iterable[Node], renamed: Mapping[str, str] | None = None) -> SpikingGraph:
        """A graph with other nodes; `renamed` maps nodes that vanished to those that stand in for them."""
        renamed = renamed or {}

        def current(name: str) -> str:
            while name in renamed:
                name = renamed[name]
            return name

        nodes = tuple(
            node
            if not any(name in renamed for name in node.inputs)
            else dataclasses.replace(node, inputs=tuple(map(current, node.inputs)))
            for node in nodes
        )
        outputs = {label: current(name) for label, name in self.outputs.items()}
        return dataclasses.replace(self, nodes=nodes, outputs=outputs)

    def random_inputs(self, n: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Samples for each input, by name: random numbers in 0…1, or of rows where a table is looked up by them."""
        shapes = {node.name: node.shape for node in self.inputs}
        return random_samples(shapes, n, seed, below=rows_of_tables(self.nodes))

    def rate_values(
        self, x: Any, dtype: str = "float64", wanted: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Value of every node with each population replaced by its rate function.

        Parameters
        ----------
        x : (n, *input) array, or a list or a dict of them where there are several inputs
        wanted : names of nodes, or None
            Values of others are let go as soon as no later node takes them, which saves memory. None: all are kept.

        Returns
        -------
        dict of str to (n, *shape) array
            Outputs of populations are amplitude times rate.
        """
        inputs = self.check_inputs(x, dtype)
        return rate_values(self.nodes, inputs, numpy_ops, wanted, lambda array: array.astype(dtype, copy=False))

    def rate_output(self, x: Any, batch_size: int = 64) -> np.ndarray:
        """Output with every population replaced by its rate function: what Keras computes.

        Parameters
        ----------
        x : (n, *input) array, or a list or a dict of them where there are several inputs

        Returns
        -------
        (n, *output) array, or a dict of them where there are several outputs
        """
        parts = []
        for part in self.check_inputs(x, "float64").parts(batch_size):
            values = self.rate_values(part, wanted=self.outputs.values())
            parts.append({label: values[name] for label, name in self.outputs.items()})
        return self.as_output({label: np.concatenate([part[label] for part in parts]) for label in self.outputs})

    def as_output(self, values: dict[str, Any]) -> Any:
        """The one output itself, or the dict where there are several."""
        return one_or_all(values)

    def check_inputs(self, x: Any, dtype: str, n_steps: int | None = None) -> Inputs:
        """Samples for the inputs as arrays of `dtype`, after checking their shapes and values.

        Parameters
        ----------
        x : (n, *input) array, or a list or a dict of them where there are several inputs
        n_steps : int or None
            Where given, an input may also vary in time: (n, n_steps, *input).

        Returns
        -------
        Inputs
            A mapping of input name to array.

        Raises
        ------
        InputError
            If an input is missing, has another shape, differs in length, or holds NaN or infinity.
        """
        return check_inputs(self.inputs, x, dtype, n_steps)

    def summary(self) -> Table:
        """Print a table of the nodes: name, kind, shape, parameters, gain, biases and time constants; and return it."""
        from ..text.terminal import printed

        return printed(summary_table(self.nodes, self.name))

    def explain(
        self,
        layer: str | None = None,
        unit: int | tuple[int, ...] | None = None,
        x: Any = None,
        *,
        sample: int = 0,
        dt: float | None = None,
    ) -> Any:
        """The pipeline as equations with this network's numbers in them; `print` it.

        Parameters
        ----------
        layer : str or None
            A population or an output. None: all; with a unit or a sample, the first population.
        unit : int, tuple of int, or None
            A neuron of the layer, counted along the flattened shape or with one index per axis. None: the one with
            the highest rate at the sample.
        x : (n, *input) array, or a list or a dict of them where there are several inputs; or None
            With it the unit's current is told term by term at one sample, with the rate that Keras computes.
            `snnconv.explain` also runs it in spikes.
        sample : int
            Which sample of `x`.
        dt : float or None
            Length of a step, in seconds. None: that of the graph, `dt`.

        Raises
        ------
        InputError, ParameterError
            If a layer, a unit or a sample is not there, or the data or dt is out of range.
        """
        return late("explain")(self, layer, unit, x, sample=sample, dt=dt)

    def to_keras(self, n_steps: int, **options: Any) -> Any:
        """The network as a Keras model over `n_steps` time steps, to be trained in spikes.

        See `snnconv.training.unrolled.to_keras` for the options.
        """
        return late("to_keras")(self, n_steps, **options)

    def with_weights_of(self, model: Any) -> SpikingGraph:
        """The graph with the weights of a model that `to_keras` made of it, and that was trained since.

        Raises
        ------
        ParameterError
            If the model was made of another graph.
        """
        return late("with_weights_of")(self, model)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the graph to an HDF5 file, whole or not at all. `snnconv.load` reads it back."""
        save(self, path, self.dt)

    def export_saved_model(
        self, path: str | PathLike[str], n_steps: int, dt: float | None = None, **options: Any
    ) -> None:
        """Write a tf.SavedModel that runs without snnconv; see `snnconv.export_saved_model` for the options."""
        late("export_saved_model")(self, path, n_steps, dt, **options)

    def export_xla(self, path: str | PathLike[str], n_steps: int, batch_size: int = 1, **options: Any) -> None:
        """Write one XLA program that JAX runs without TensorFlow; see `snnconv.export_xla` for the options."""
        late("export_xla")(self, path, n_steps, batch_size, **options)


def _is_time(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


def rate_values(
    nodes: Sequence[Node],
    inputs: Mapping[str, Any],
    xp: Any,
    wanted: Collection[str] | None = None,
    brought: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """Value of every node from those of the inputs, each population replaced by its rate function.

    With `wanted`, values of other nodes are let go as soon as no later node takes them. `brought` makes arrays of `xp`
    of a node's parameters when its turn comes, so that no two nodes have them at the same time; None where they are.
    """
    values = dict(inputs)
    last = {} if wanted is None else {name: node.name for node in nodes for name in node.inputs if name not in wanted}
    for node in nodes:
        xs = [values[name] for name in node.inputs]
        node = node if brought is None else node.map_arrays(brought)
        if isinstance(node, Stateful):
            values[node.name] = node.rate(xs[0], xp)
        elif isinstance(node, Linear) and not isinstance(node, Input):
            values[node.name] = node.apply(*xs, xp=xp)
        for name in {*node.inputs}:
            if last.get(name) == node.name:
                del values[name]
    return values


def load(path: str | PathLike[str]) -> SpikingGraph:
    """Read a graph that `SpikingGraph.save` or ``snnconv export`` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of another kind, or written by a later version.
    """
    if not isinstance(path, (str, PathLike)):
        raise ModelFileError(
            f"load takes the path of a file that `snnconv export` wrote. Received {type(path).__name__}."
        )
    if str(path).endswith(".keras"):
        raise ModelFileError(f"'{path}' is the name of a Keras model. Use snnconv.convert('{path}').")
    return read(path, _checked)


def _checked(**fields: Any) -> SpikingGraph:
    """The graph of fields from a file, after two samples went through all nodes: settings and shapes fit together."""
    graph = SpikingGraph(**fields)
    _ = graph.reading  # raises where it is none
    if any(math.prod(node.shape) > MAX_VALUES for node in graph.nodes):
        raise ModelFileError("a node in it claims a shape that is too large to run.")
    try:
        with np.errstate(all="ignore"):
            values = graph.rate_values({node.name: np.zeros((2, *node.shape)) for node in graph.inputs})
        for node in graph.nodes:
            if values[node.name].shape != (2, *node.shape):
                raise ModelFileError(f"node '{node.name}' gives {values[node.name].shape[1:]}, not {node.shape}.")
    except SnnconvError:
        raise
    except Exception as error:
        # settings that do not fit bring about any error in NumPy
        raise ModelFileError(f"its nodes do not fit together ({one_line(error)}).") from error
    return graph
