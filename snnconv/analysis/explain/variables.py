"""Every variable of a Keras model with its role in the equations and its places in the export."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...graph import Affine, Node, Population, SpikingGraph, Weighted
from .layer import gain_holders
from .sources import STATISTICS, Source, belongs

TRAINING_ONLY = "training only"
"""Role of a variable that no run needs."""
SHIFTS = ("beta", "moving_mean", "mean")
"""Variables of a normalisation that only move its output."""


@dataclass(frozen=True)
class Variable:
    """A variable, its role, its unit, and where it is in the export.

    Parameters
    ----------
    path, shape, is_trainable
        As in `Source`.
    role : str
        "kernel", "dense bias", "neuron bias", "gain", …
    change : str
        What the export does to it, as in "× gain"; "as it is" where it does nothing.
    unit : str
    places : tuple of str
        Paths in the exported file, with the gain and whatever else was folded; empty where no run needs it.
    trained_places : tuple of str
        Paths in the exported file that hold it as Keras trained it.
    """

    path: str
    shape: tuple[int, ...]
    is_trainable: bool
    role: str
    change: str
    unit: str
    places: tuple[str, ...]
    trained_places: tuple[str, ...] = ()


def locate(graph: SpikingGraph, sources: Iterable[Source]) -> tuple[Variable, ...]:
    """Each variable with its role and its places in the export."""
    return tuple(_LOCATE.get(source.name, _other)(_Owner(graph, source)) for source in sources)


@dataclass(frozen=True)
class _Owner:
    """A variable with the nodes that its layer became, and those that the layer was folded into."""

    graph: SpikingGraph
    source: Source

    @property
    def own(self) -> list[Node]:
        return [node for node in self.graph.nodes if belongs(node.name, self.source.layer)]

    @property
    def into(self) -> list[Node]:
        return [n for n in self.graph.nodes if any(belongs(name, self.source.layer) for name in n.folded)]

    @property
    def weighted(self) -> list[Node]:
        copies = [node for node in self.into if "@" in node.name]  # of a kernel that several populations shared
        return [node for node in (*self.own, *copies) if isinstance(node, Weighted)]

    @property
    def populations(self) -> list[Node]:
        return [node for node in self.own if isinstance(node, Population)]

    @property
    def affines(self) -> list[Node]:
        return [node for node in self.own if isinstance(node, Affine)]

    def variable(
        self, role: str, unit: str, places: Iterable[str], trained: Iterable[str] = (), change: str = ""
    ) -> Variable:
        """The variable with what was found."""
        source = self.source
        places, trained = (tuple(dict.fromkeys(paths)) for paths in (places, trained))
        return Variable(source.path, source.shape, source.is_trainable, role, change, unit, places, trained)

    def home(self, node: Node) -> str:
        """The group of the exported file that a kernel is told under."""
        for view in self.graph.populations.values():
            if view.linear is node:
                return f"populations/{view.name}"
        for label, view in self.graph.readouts.items():
            if view.linear is node:
                return f"readout/{label}"
        return f"nodes/{node.name}"

    def bias_place(self, node: Node) -> str:
        """The place of a kernel's bias in the export."""
        home = self.home(node)
        return f"{home}/{'bias' if home.startswith('nodes/') else 'dense_bias'}"

    def unit(self, node: Node | None) -> str:
        """The unit of a kernel's output: the current J of a population, or the output y."""
        home = "" if node is None else self.home(node)
        return {"populations": "J", "readout": "y"}.get(home.partition("/")[0], "value")

    def change(self, nodes: list[Node]) -> str:
        """The factors that the export multiplies into a trained array."""
        names = {node.name for node in nodes}
        has_gain = any(names.intersection(gain_holders(view)) for view in self.graph.populations.values())
        folded = next((node.folded for node in nodes if node.folded), ())
        factors = [*(["gain"] if has_gain else []), *(name for name in folded if not name.endswith(".gain"))]
        return "".join(f"× {factor} " for factor in factors).rstrip() or "as it is"


def _kernel(owner: _Owner) -> Variable:
    name, nodes = owner.source.name, owner.weighted
    if name != "kernel":
        nodes = [node for node in nodes if node.name.endswith(".depthwise") == (name == "depthwise_kernel")]
    places = [f"{owner.home(node)}/kernel" for node in nodes]
    trained = [f"{owner.home(node)}/trained/kernel" for node in nodes if "kernel" in node.trained]
    unit = f"{owner.unit(nodes[0] if nodes else None)} per x"
    return owner.variable("kernel", unit, places, trained, owner.change(nodes))


def _bias(owner: _Owner) -> Variable:
    nodes = [node for node in owner.weighted if "bias" in node.trained]
    if not nodes:
        return owner.variable("dense bias", "value", _normalised_places(owner))
    places = [owner.bias_place(node) for node in nodes]
    trained = [f"{place.rpartition('/')[0]}/trained/{place.rpartition('/')[2]}" for place in places]
    return owner.variable("dense bias", owner.unit(nodes[0]), places, trained, owner.change(nodes))


def _neuron_bias(owner: _Owner) -> Variable:
    names = [node.name for node in owner.populations]
    trained = [f"populations/{name}/trained/neuron_bias" for name in names]
    places = [f"populations/{name}/neuron_bias" for name in names]
    return owner.variable("neuron bias", "J", places, trained, "as it is")


def _gain(owner: _Owner) -> Variable:
    places = [f"populations/{node.name}/gain" for node in owner.populations]
    if owner.affines:
        return owner.variable("gain", "J per u", [f"nodes/{node.name}/scale" for node in owner.affines])
    return owner.variable("gain", "J per u", places, change="for the record")


def _normalisation(owner: _Owner) -> Variable:
    places = _normalised_places(owner, owner.source.name in SHIFTS)
    key = f".{owner.source.name}"
    trained = [
        f"{owner.home(node)}/trained/{name}"
        for node in owner.into
        for name in node.trained
        if name.endswith(key) and belongs(name.removesuffix(key), owner.source.layer)
    ]
    role = _NORMALISATION[owner.source.name]
    return owner.variable(role, "", places, trained, "folded in" if owner.into else "")


def _normalised_places(owner: _Owner, is_shift: bool = True) -> list[str]:
    """The places of all that a layer multiplies by and adds, or of what it only adds."""
    places = []
    for node in owner.affines:
        places += [f"nodes/{node.name}/offset"] if is_shift else [f"nodes/{node.name}/{n}" for n in node.arrays()]
    for node in owner.into:
        if isinstance(node, Weighted):
            places += [*([] if is_shift else [f"{owner.home(node)}/kernel"]), owner.bias_place(node)]
        else:
            places += [f"nodes/{node.name}/offset"] if is_shift else [f"nodes/{node.name}/{n}" for n in node.arrays()]
    return places


def _slope(owner: _Owner) -> Variable:
    places = [
        f"populations/{node.name}/negative_slope"
        for node in owner.populations
        if isinstance(node, Population) and "negative_slope" in node.neuron.parameters()
    ]
    return owner.variable("slope below 0", "", places)


def _training_only(owner: _Owner) -> Variable:
    return owner.variable(TRAINING_ONLY, "", ())


def _other(owner: _Owner) -> Variable:
    return owner.variable("parameter", "", [f"nodes/{node.name}" for node in owner.own])


_NORMALISATION = {
    "gamma": "norm scale",
    "beta": "norm shift",
    **dict.fromkeys(("moving_mean", "mean"), "norm mean"),
    **dict.fromkeys(("moving_variance", "variance"), "norm variance"),
}
_LOCATE: dict[str, Callable[[_Owner], Variable]] = {
    **dict.fromkeys(("kernel", "depthwise_kernel", "pointwise_kernel"), _kernel),
    "bias": _bias,
    "neuron_bias": _neuron_bias,
    "gain": _gain,
    **dict.fromkeys(("gamma", "beta", *STATISTICS), _normalisation),
    "alpha": _slope,
    **dict.fromkeys(("count", "seed_generator_state"), _training_only),
}
