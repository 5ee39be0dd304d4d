"""The questions that people ask about a network, answered with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...graph import SpikingGraph
from ...text.plain import number
from .layer import OF_ACTIVATION, LayerExplanation
from .layer_text import effect_text, gain_text, intervals
from .variables import TRAINING_ONLY, Variable


@dataclass(frozen=True)
class Answer:
    """A question that people ask, answered with the model's numbers."""

    question: str
    answer: str


def answers(
    graph: SpikingGraph, layers: Sequence[LayerExplanation], variables: Sequence[Variable], dt: float
) -> tuple[Answer, ...]:
    """The questions, answered for the first population."""
    layer = layers[0]
    linear = layer.linear.removesuffix(".linear")
    known = [each for each in variables if each.role != TRAINING_ONLY]
    trained = [each.path.removeprefix(f"{graph.name}/") for each in known if each.is_trainable]
    fixed = [each.path.removeprefix(f"{graph.name}/") for each in known if not each.is_trainable]
    worth = "; ".join(effect_text(effect) for effect in layer.effects) or "nothing lies behind it"
    found = [
        Answer(
            "What current does a neuron get, and from what?",
            f"{layer.equations['current']}; for unit 0 term by term: snnconv explain MODEL {layer.name} 0",
        ),
        Answer("What is one spike worth?", f"{number(layer.height or 0)} for one step; it {worth}."),
        Answer("How long is 100 Hz in steps?", f"{'; '.join(intervals(layer))}. Rates are in Hz: spikes per second."),
        Answer("What trains?", f"{', '.join(trained) or 'unknown'}. Not by gradients: {', '.join(fixed) or 'none'}."),
        Answer("Which gain do I use?", f"{gain_text(layer)}: do not multiply again."),
        Answer(
            "Is the layer's bias the neurons' bias?",
            f"No, both are added: dense_bias' is that of '{linear or layer.source}' × gain, "
            f"{_neurons_bias(layer, linear)}.",
        ),
        Answer("Where is W_2, from the layer to its neurons?", _between(layer)),
        Answer("What is the activation before the neurons?", _activation(layer, linear)),
        Answer("Are W and b enough for an FPGA?", "No: it takes all of the list above."),
        Answer(
            "Where are encoders and decoders?",
            "There are none: nothing is represented or decoded here. A column of kernel' is gain · encoder in one, the "
            "next layer's kernel does what decoders do, and both were trained.",
        ),
    ]
    return tuple(found)


def _neurons_bias(layer: LayerExplanation, linear: str) -> str:
    if linear == layer.name:
        (made_of,) = (array.made_of for array in layer.arrays if array.name == "neuron_bias")
        kind = "a fixed neuron_bias" if made_of == OF_ACTIVATION else "a neuron_bias of their own, trained in spikes"
        return f"and the neurons that its activation became have {kind}"
    return f"neuron_bias that of '{layer.name}' as it is"


def _between(layer: LayerExplanation) -> str:
    low, high = layer.gain or (1.0, 1.0)
    diagonal = number(low, 8) if low == high else f"{number(low, 5)} … {number(high, 5)}"
    identity = "here the identity" if low == high == 1 else "not an identity"
    inside = ", and it is already in kernel' and dense_bias'" if layer.gain_in == (layer.linear,) else ""
    return f"It is diag(gain): {diagonal} on the diagonal, {identity}{inside}."


def _activation(layer: LayerExplanation, linear: str) -> str:
    if not layer.linear:
        return f"'{layer.name}' has no such layer: its input is the output of '{layer.source}'."
    if linear == layer.name:
        return f"Its activation became the {layer.neuron} neurons; nothing else stands in between."
    return f"Linear: the output of '{linear}' may be negative, and no ReLU stands between it and the neurons."
