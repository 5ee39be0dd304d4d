"""Layers that do nothing outside training."""

from __future__ import annotations

from typing import Any

from keras import layers as kl

from ..builder import Builder
from ..registry import handles

AUGMENTATIONS = (
    "AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
)  # fmt: skip


@handles(kl.InputLayer, kl.Identity, kl.ActivityRegularization, inside_time=True)
@handles(kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.SpatialDropout3D, inside_time=True)
@handles(kl.AlphaDropout, kl.GaussianDropout, kl.GaussianNoise, inside_time=True)
@handles(*(getattr(kl, name) for name in AUGMENTATIONS if hasattr(kl, name)))
def pass_on(layer: Any, build: Builder, x: str, lead: int = 0) -> str:
    return x
