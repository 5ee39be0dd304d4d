"""Layers that have no spiking equivalent, and what to use instead."""

from __future__ import annotations

from keras import layers as kl

from ..registry import refuses

_STATISTICS = (
    "it divides by a statistic of what it receives at the moment, and a division takes more than spikes. Use "
    "BatchNormalization, which is a fixed scale after training"
)
_PRODUCTS = "it multiplies signals, which spiking neurons do not. Add or concatenate them"
_EXTREMES = "it compares signals, which takes more than a sum. Add or average them"
_ATTENTION = "attention multiplies signals and divides by their sum. Use convolutions or dense layers"
_RECURRENT = (
    "its state is not that of a spiking neuron. Spiking neurons remember by themselves: use Dense or Conv layers"
)
_INTEGERS = "it looks integers up in a table. Apply it to the data first, and build the model on what it gives"
_PREPARATION = "it is no linear map. Apply it to the data first, and build the model on what it gives"
_CODE = "it holds code that cannot be looked into. Use layers, or functions of keras.ops on the model's tensors"

REFUSED = {
    _STATISTICS: ("LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"),
    _PRODUCTS: ("Multiply", "Dot"),
    _EXTREMES: ("Maximum", "Minimum"),
    _ATTENTION: ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"),
    _RECURRENT: ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional"),
    _INTEGERS: (
        *("Embedding", "ReversibleEmbedding", "CategoryEncoding", "Discretization", "Hashing", "HashedCrossing"),
        *("IntegerLookup", "StringLookup", "TextVectorization"),
    ),
    _PREPARATION: (
        *("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "MaxNumBoundingBoxes"),
        *("MelSpectrogram", "RandomCrop", "Resizing", "Solarization", "STFTSpectrogram", "Pipeline"),
    ),
    _CODE: ("Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"),
    "a mask hides times, which a spiking network lives through. Cut the data instead": ("Masking",),
}

for _reason, _names in REFUSED.items():
    refuses(*(getattr(kl, name) for name in _names if hasattr(kl, name)), because=_reason)
