"""``python -m tests.benchmarks.accuracy``: converted networks at few steps, at most one spike per neuron and step."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import snnconv
from snnconv.conversion.files import load_model as load_keras_model
from snnconv.training.datasets import Dataset, load

from .deep import DEEP, KINDS, STEPS, measure_deep, samples_of
from .networks import cached, fashion_lif, mnist_lif, nengo_dl_relu, spikingjelly_cnn

CALIBRATION_IMAGES = 500


@dataclass(frozen=True)
class Work:
    """A network to convert, and what is published for it.

    Parameters
    ----------
    steps : tuple of int
        Numbers of steps of 1 ms to read the answer after; a network that is calibrated is so for each.
    data : str
        Name of the dataset.
    scale : float or None
        Factor on the firing rates.
    synapse : float or None
        Time constant of a lowpass behind every population, in seconds.
    is_calibrated : bool
        Whether to calibrate, with the scale and the synapse as they are where there are such.
    """

    title: str
    published: str
    network: Any
    steps: tuple[int, ...]
    data: str = "mnist"
    scale: float | None = None
    synapse: float | None = None
    is_calibrated: bool = True


WORKS = {
    "relu": Work(
        "MNIST, Conv32k3 - Conv64k3s2 - Dense10, ReLU",
        "NengoDL: 98.25 % at 30 steps on 400 images, its scale tuned by hand; 20.75 % untuned",
        nengo_dl_relu,
        (10, 30),
    ),
    "tutorial": Work(
        "MNIST, the CNN of SpikingJelly's tutorial",
        "SpikingJelly: 98.48 % at 50 steps, 98.53 % at 32, ANN 98.70 %",
        spikingjelly_cnn,
        (16, 32),
    ),
    "sudoku": Work("MNIST, cnn.h5 of sudoku-ocr 1.1.3 as it is", "Keras: 98.68 %", None, (8, 16, 32)),
    "mnist_lif": Work(
        "MNIST, Conv32 - Conv64s2 - Conv128s2, LIF",
        "NengoDL: 98.74 % at 30 steps",
        mnist_lif,
        (5, 10, 15, 30),
        scale=2,
        is_calibrated=False,
    ),
    "fashion_lif": Work(
        "Fashion-MNIST, four convolutions, LIF",
        "none",
        fashion_lif,
        (15, 30),
        data="fashion_mnist",
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, convert, and print a line for each number of steps."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "--works", default="relu,tutorial", help=f"of {', '.join((*WORKS, *DEEP))} (default: relu,tutorial)"
    )
    parser.add_argument("--mnist", metavar="FOLDER", help="where MNIST's four IDX files are")
    parser.add_argument("--fashion", metavar="FOLDER", help="where Fashion-MNIST's four IDX files are")
    parser.add_argument("--sudoku-model", metavar="FILE", help="cnn.h5 of sudoku-ocr, for the work 'sudoku'")
    parser.add_argument("--emotion-model", metavar="FILE", help="emotion_model.hdf5 of fer, for the work 'emotions'")
    parser.add_argument("--faces", metavar="FILE", help="lfw_subset.npy of scikit-image 0.22, for the same work")
    parser.add_argument(
        "--models", type=Path, metavar="FOLDER", help="where trained networks are kept, and the stand-ins are"
    )
    deep = parser.add_argument_group(f"for {', '.join(DEEP)}")
    deep.add_argument("--images", type=int, default=10_000, metavar="N", help="samples, the first (default: all)")
    deep.add_argument("--validation", action="store_true", help="validation images in the place of test images")
    deep.add_argument("--calibration", type=int, metavar="N", help="training samples (default: 500, 200 for images)")
    deep.add_argument("--steps", default=",".join(map(str, STEPS)), help="(default: %(default)s)")
    deep.add_argument("--kinds", default=",".join(KINDS), help="of spikes (default: %(default)s)")
    args = parser.parse_args(arguments)
    folders = {"mnist": args.mnist, "fashion_mnist": args.fashion}
    for name in args.works.split(","):
        if name in DEEP:
            stand_in = (args.models or Path()) / f"{name}.keras"
            path = Path(args.emotion_model or "emotion_model.hdf5") if name == "emotions" else stand_in
            data = load("fashion_mnist", folders["fashion_mnist"])
            samples = samples_of(name, data, args.faces, args.images, args.calibration, args.validation)
            measure_deep(name, path, samples, tuple(map(int, args.steps.split(","))), args.kinds.split(","))
            continue
        work = WORKS[name]
        data = load(work.data, folders[work.data])
        model = args.sudoku_model if work.network is None else cached(work.network, data, args.models)
        measure(work, model, data)


def measure(work: Work, model: Any, data: Dataset) -> None:
    """Print the accuracy on the whole test set, in rates and in spikes."""
    x = data.x_test
    keras_model = load_keras_model(model) if isinstance(model, str) else model
    answers = keras_model.predict(x, verbose=0)
    ann = (answers.argmax(-1) == data.y_test).mean()
    print(f"\n{work.title}\n  published: {work.published}\n  Keras: {ann:.2%} of {len(x):,} images")
    for n_steps in work.steps:
        options: dict[str, Any] = {"scale_firing_rates": work.scale, "synapse": work.synapse}
        if work.is_calibrated:
            options |= {"calibrate": data.x_train[:CALIBRATION_IMAGES], "calibrate_steps": n_steps}
        graph = snnconv.convert(keras_model, **options, verbose=False)
        accuracy = snnconv.Simulator(graph).evaluate(x, data.y_test, n_steps)["accuracy"]
        print(f"  {n_steps:3d} steps: {accuracy:.2%}, {100 * (accuracy - ann):+.2f} points", flush=True)


if __name__ == "__main__":
    main()
