"""A Sphinx extension: layers, operations and activations, from the registry and by converting them."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import keras
from docutils.nodes import Node
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from keras import layers as kl
from sphinx.util.nodes import nested_parse_with_titles

import snnconv
from snnconv.conversion.trace.handlers.refused_operations import REFUSED
from snnconv.conversion.trace.handlers.wrappers import pass_on
from snnconv.conversion.trace.registry import handled, handler_of, is_refused, refusals, works_inside_time
from snnconv.conversion.trace.swaps import ALIASES, READOUTS, neuron_names
from snnconv.neurons.functions import FUNCTIONS

# Shapes of samples by the end of a layer's name, and arguments by its start or by all of it; else there are none
SHAPES = {"1D": (6, 4), "2D": (6, 4, 4), "3D": (4, 6, 4, 2)}
FAMILIES: dict[str, tuple[Any, ...]] = {
    "Conv": (2, 2), "Cropping": (1,), "Separable": (2, 2), "Depthwise": (2,), "Adaptive": (2,), "AveragePooling": (2,),
    "MaxPooling": (2,), "Spatial": (0.5,), "RandomTranslation": (0.1, 0.1), "Random": (0.1,),
}  # fmt: skip
EXAMPLES: dict[str, tuple[tuple[int, ...], Any]] = {
    "Activation": ((6,), lambda: kl.Activation("relu")),
    "AdditiveAttention": ((6, 4), lambda: kl.AdditiveAttention()),
    "Attention": ((6, 4), lambda: kl.Attention()),
    "Dot": ((6,), lambda: kl.Dot(1)),
    "Embedding": ((6,), lambda: kl.Embedding(10, 3)),
    "GroupNormalization": ((6, 4), lambda: kl.GroupNormalization(2)),
    "GroupQueryAttention": ((6, 4), lambda: kl.GroupQueryAttention(4, 2, 1)),
    "GroupedQueryAttention": ((6, 4), lambda: kl.GroupQueryAttention(4, 2, 1)),
    "MultiHeadAttention": ((6, 4), lambda: kl.MultiHeadAttention(2, 4)),
    "Bidirectional": ((6, 4), lambda: kl.Bidirectional(kl.LSTM(2))),
    "ConvLSTM1D": ((2, 6, 4), lambda: kl.ConvLSTM1D(2, 2)),
    "ConvLSTM2D": ((2, 6, 4, 2), lambda: kl.ConvLSTM2D(2, 2)),
    "ConvLSTM3D": ((2, 3, 3, 3, 2), lambda: kl.ConvLSTM3D(2, 2)),
    "GRU": ((6, 4), lambda: kl.GRU(2)),
    "LSTM": ((6, 4), lambda: kl.LSTM(2)),
    "Masking": ((6, 4), lambda: kl.Masking()),
    "RNN": ((6, 4), lambda: kl.RNN(kl.LSTMCell(2))),
    "SimpleRNN": ((6, 4), lambda: kl.SimpleRNN(2)),
    "AlphaDropout": ((6,), lambda: kl.AlphaDropout(0.5)),
    "CenterCrop": ((6, 4, 4), lambda: kl.CenterCrop(4, 3)),
    "Dense": ((6,), lambda: kl.Dense(2)),
    "Dropout": ((6,), lambda: kl.Dropout(0.5)),
    "EinsumDense": ((6, 4), lambda: kl.EinsumDense("abc,cd->abd", output_shape=(None, 2))),
    "GaussianDropout": ((6,), lambda: kl.GaussianDropout(0.5)),
    "GaussianNoise": ((6,), lambda: kl.GaussianNoise(0.5)),
    "Lambda": ((6,), lambda: kl.Lambda(lambda x: x / 255)),
    "Normalization": ((6,), lambda: kl.Normalization(mean=1.0, variance=4.0)),
    "Permute": ((6, 4), lambda: kl.Permute((2, 1))),
    "QuantizedReLU": ((6,), lambda: snnconv.layers.QuantizedReLU(4)),
    "Rate": ((6,), lambda: snnconv.layers.Rate(snnconv.neurons.IF())),
    "RepeatVector": ((6,), lambda: kl.RepeatVector(2)),
    "Rescaling": ((6,), lambda: kl.Rescaling(2.0)),
    "Reshape": ((6, 4), lambda: kl.Reshape((4, 6))),
    "SpectralNormalization": ((6,), lambda: kl.SpectralNormalization(kl.Dense(2))),
    "TimeDistributed": ((6, 4), lambda: kl.TimeDistributed(kl.Dense(2))),
}
QUERY_AND_VALUE = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
JOINING = (
    "Attention",
    "AdditiveAttention",
    "Add",
    "Average",
    "Concatenate",
    "Subtract",
    "Multiply",
    "Maximum",
    "Minimum",
    "Dot",
)


def layers() -> dict[str, type]:
    """The layers of Keras and of snnconv by name, in the order of their names."""
    found = {}
    for module in (kl, snnconv.layers):
        public = {key: value for key, value in vars(module).items() if inspect.isclass(value)}
        found |= {key: kind for key, kind in public.items() if issubclass(kind, kl.Layer) and kind.__name__ == key}
    return dict(sorted(found.items()))


def becomes(name: str, kind: type) -> str:
    """The nodes that a layer becomes, found by converting one."""
    if hasattr(kind, "get_initial_state") and not issubclass(kind, kl.RNN):
        return "the cell of an RNN layer"
    if handler_of(kind) is pass_on:
        return "nothing: it does nothing outside training"
    shape, make = example(name, kind)
    inputs = [keras.Input(shape, dtype="int32" if name == "Embedding" else None) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            layer = make()
            given = inputs if name in JOINING else inputs[0]
            outputs = layer(*inputs) if name in QUERY_AND_VALUE else layer(given)
            graph = snnconv.convert(keras.Model(inputs if name in QUERY_AND_VALUE else given, outputs), verbose=False)
        except snnconv.errors.ConversionError:
            return "a neuron that swap_activations names"
    kinds = [getattr(getattr(node, "neuron", node), "kind", node.kind) for node in graph.nodes if node.inputs]
    return ", ".join(dict.fromkeys(kinds)) or "nothing: numbers stay as they lie"


def example(name: str, kind: type) -> tuple[tuple[int, ...], Any]:
    """The shape of a sample, and a function that makes a layer."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    shape = next((shape for end, shape in SHAPES.items() if name.removesuffix("Transpose").endswith(end)), None)
    shape = shape or ((6, 4, 4) if name.startswith("Random") else (6,))
    arguments = next((given for start, given in FAMILIES.items() if name.startswith(start)), ())
    return shape, lambda: kind(*arguments)


def layer_rows() -> list[tuple[str, str, str]]:
    """Name of each layer that converts, what it becomes, and whether it does so inside a TimeDistributed."""
    rows = []
    for name, kind in layers().items():
        if kind in handled():
            rows.append((name, becomes(name, kind), "yes" if works_inside_time(kind) else "no"))
    return rows


def refused_rows() -> list[tuple[str, str]]:
    """Name of each layer that does not convert, and why."""
    return [(name, refusals()[kind]) for name, kind in layers().items() if is_refused(kind)]


def operation_names() -> list[str]:
    """Names of the operations of keras.ops that convert."""
    kinds = [kind for kind in handled() if not issubclass(kind, kl.Layer)]
    return sorted({kind.__name__ for kind in kinds})


def refused_operation_rows() -> list[tuple[str, str]]:
    """Functions of keras.ops that do not convert, and why, by the reason."""
    return [(", ".join(sorted(names.split())), reason) for reason, names in REFUSED.items()]


def activation_rows() -> list[tuple[str, str, str]]:
    """Name of each activation, its neuron inside the network, and what is done at the output."""
    rows = []
    names = {name for name, value in vars(keras.activations).items() if inspect.isfunction(value)}
    for name in sorted({*names, *ALIASES, *READOUTS} - {"get", "serialize", "deserialize"}):
        same = ALIASES.get(name, name)
        neuron = "nothing" if same == "linear" else neuron_names().get(same)
        end = "applied to the mean over time" if same in READOUTS else "as inside"
        if neuron is None and same in FUNCTIONS:
            neuron = "a function of means, which Follower neurons send"
        elif neuron is None and same not in READOUTS:
            neuron, end = "refused; swap_activations names a neuron", ""
        rows.append((name, neuron or "refused", end))
    return rows


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A table as reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [headings, *rows]:
        cells = [each.replace("*", "\\*").replace("_", "\\_").replace("|", "\\|").replace("`", "") for each in row]
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(cells)]
    return [*lines, ""]


def reference_lines() -> list[str]:
    """The whole reference as reStructuredText."""

    def section(title: str) -> list[str]:
        return [title, "-" * len(title), ""]

    return [
        *section("Layers that convert"),
        *table(("layer", "becomes", "inside TimeDistributed"), layer_rows()),
        *section("Activations"),
        *table(("activation", "inside the network", "at the output"), activation_rows()),
        *section("Operations of keras.ops"),
        "On the tensors of a functional model, as operators, in a Lambda, or as tf.keras wrote them into a file: "
        + ", ".join(operation_names())
        + ". Those that are refused:",
        "",
        *table(("function", "why"), refused_operation_rows()),
        *section("Layers that are refused"),
        *table(("layer", "why"), refused_rows()),
    ]


class LayerReference(Directive):
    """All layers and activations with what each becomes."""

    def run(self) -> list[Node]:
        from docutils import nodes

        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(reference_lines(), source="layer-reference"), node)
        return node.children


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("layer-reference", LayerReference)
    return {"parallel_read_safe": True}
