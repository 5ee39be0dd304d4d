"""Converted networks before and after training in spikes, at few steps and at most one spike per neuron and step.

python -m tests.benchmarks.accuracy.finetune --models FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.layers import LIF
from snnconv.training.datasets import Dataset, load

from .networks import BATCH_SIZE, SEED
from .stand_ins import STAND_INS, resized, trained

RATES: dict[str, Any] = {"max_rates": (200.0, 250.0), "amplitude": 0.004, "seed": 0}


def _cnn(neurons: Callable[[], Any]) -> list[Any]:
    """The network of configs/fashion_mnist_cnn.toml."""
    layers = []
    for filters in (32, 64):
        layers += [kl.Conv2D(filters, 3, strides=2, padding="same"), neurons()]
    return [*layers, kl.Flatten(), kl.Dropout(0.25), kl.Dense(128), neurons(), kl.Dense(10)]


def _trained(layers: list[Any], data: Dataset, epochs: int, learning_rate: float) -> keras.Model:
    model = keras.Sequential([keras.Input(data.input_shape), *layers])
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * -(-len(data.x_train) // BATCH_SIZE))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"], jit_compile=False)
    model.fit(data.x_train, data.y_train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def fashion_cnn_lif(data: Dataset) -> keras.Model:
    """Two convolutions and a dense layer of LIF neurons."""
    return _trained(_cnn(lambda: LIF(**RATES)), data, 8, 2e-3)


def fashion_cnn_relu(data: Dataset) -> keras.Model:
    """Two convolutions and a dense layer, ReLU."""
    return _trained(_cnn(kl.ReLU), data, 8, 2e-3)


def fashion_dense128(data: Dataset) -> keras.Model:
    """784 - 128 - 10, ReLU."""
    return _trained([kl.Flatten(), kl.Dense(128, activation="relu"), kl.Dense(10)], data, 10, 2e-3)


def mnist_perceptron(data: Dataset) -> keras.Model:
    """784 - 256 - 256 - 10, ReLU."""
    hidden = [kl.Dense(256, activation="relu"), kl.Dense(256, activation="relu")]
    return _trained([kl.Flatten(), *hidden, kl.Dense(10)], data, 6, 1e-3)


N_VALIDATION = 5_000


@dataclass(frozen=True)
class Work:
    """A network to fine-tune, and what is published for it.

    Parameters
    ----------
    network : function
        Trains it on a data set.
    data : str
        Name of the data set.
    epochs : dict of int to int
        Numbers of steps of 1 ms, each fine-tuned for, and the epochs of it.
    learning_rate, surrogate
        Of the fine-tuning.
    flips : tuple of int
        Numbers of steps for which images are mirrored at random in the fine-tuning.
    taught : bool
        Whether the network's answers in rates are learned.
    published : str
        What is known of such networks.
    """

    network: Callable[[Dataset], keras.Model]
    data: str
    epochs: dict[int, int]
    learning_rate: float
    published: str
    surrogate: str = "rate"
    flips: tuple[int, ...] = ()
    taught: bool = False

    def dataset(self) -> Dataset:
        """The data; of a stand-in its few training images and those to validate with, in its shape."""
        data = load(self.data)
        stand_in = STAND_INS.get(self.network.__name__)
        if stand_in is None:
            return data
        chosen = np.r_[0 : stand_in.n_train, len(data.x_train) - N_VALIDATION : len(data.x_train)]
        images = {
            name: resized(x, stand_in.shape) for name, x in (("x_train", data.x_train[chosen]), ("x_test", data.x_test))
        }
        return dataclasses.replace(data, **images, y_train=data.y_train[chosen])


def resnet8(data: Dataset) -> keras.Model:
    """The stand-in for ResNet8 of the benchmarks of deep networks."""
    return trained(STAND_INS["resnet8"], load("fashion_mnist"))


WORKS = {
    "fashion_lif": Work(
        fashion_cnn_lif,
        "fashion_mnist",
        {4: 12, 8: 7},
        1e-3,
        "none",
        surrogate="arctan",
        flips=(8,),
        taught=True,
    ),
    "fashion_relu": Work(fashion_cnn_relu, "fashion_mnist", {4: 8, 8: 8}, 1e-3, "none", flips=(4, 8)),
    "dense128": Work(
        fashion_dense128,
        "fashion_mnist",
        {4: 12},
        1e-3,
        "KerasSpiking: 83.9 % at dt = 10 ms",
        surrogate="arctan",
        taught=True,
    ),
    "mnist": Work(
        mnist_perceptron, "mnist", {8: 2}, 5e-4, "NeuroCUDA: 96.87 % at 32 steps, 97.45 % by rates, ANN 97.48 %"
    ),
    "resnet8": Work(
        resnet8, "fashion_mnist", {4: 8}, 1e-3, "retrained, as QCFS: 2 points less at 8 steps", surrogate="arctan"
    ),
}


def measure(
    work: Work, data: Dataset, model: keras.Model, n_steps: int, seed: int, options: dict[str, Any], choosing: bool
) -> None:
    """Print the accuracies before and after; what is chosen is chosen on validation images, without the test set."""
    known, held = slice(0, len(data.x_train) - N_VALIDATION), slice(-N_VALIDATION, None)
    samples = {"validation": (data.x_train[held], data.y_train[held]), "test": (data.x_test, data.y_test)}
    graph = snnconv.convert(model, verbose=False)
    busy: list[float] = []

    def note(logs: Any) -> None:
        busy.append(time.process_time())

    found = snnconv.finetune(
        graph,
        data.x_train[known],
        data.y_train[known],
        n_steps,
        validation=samples["validation"],
        test=None if choosing else samples["test"],
        verbose=False,
        seed=seed,
        callbacks=[keras.callbacks.LambdaCallback(on_train_begin=note, on_train_end=note)],
        **options,
    )
    print(f"  trained for {n_steps} steps in {found.seconds:.0f} s, {busy[1] - busy[0]:.0f} s of processors")
    print(f"  {options}")
    for name, measured in (("validation", found.validation), ("test", found.test)):
        if measured is None:
            continue
        x, y = samples[name]
        answers: Any = model.predict(x, batch_size=256, verbose=0)
        ann = float(np.mean(answers.argmax(-1) == y))
        spikes = snnconv.Simulator(found.graph).run(x[:500], n_steps, record="all.spikes").spikes
        most = max(int(np.abs(each).max()) for each in spikes.values())
        cells = [f"{key} {column[n_steps]:.2%}" for key, column in measured.columns.items()]
        points = 100 * (measured.columns["fine-tuned"][n_steps] - ann)
        print(f"    {name}: Keras {ann:.2%}, {', '.join(cells)} ({points:+.2f}); at most {most} spike")
        told = ", ".join(f"{n}: {a:.2%}" for n, a in measured.columns["fine-tuned"].items())
        print(f"      fine-tuned at {told}", flush=True)


def network(work: Work, data: Dataset, folder: Path | None) -> keras.Model:
    """The trained network, from `folder` where it was trained before; it never saw the validation images."""
    path = None if folder is None else folder / f"{work.network.__name__}.keras"
    if path is not None and path.exists():
        return keras.models.load_model(path)
    keras.utils.set_random_seed(SEED)
    seen = dataclasses.replace(data, x_train=data.x_train[:-N_VALIDATION], y_train=data.y_train[:-N_VALIDATION])
    model = work.network(seen)
    if path is not None:
        model.save(path)
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Fine-tune each network for each number of steps, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default=",".join(WORKS), help=f"of {', '.join(WORKS)} (default: all)")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="where trained networks are kept")
    parser.add_argument("--steps", type=int, help="this number of steps alone")
    parser.add_argument("--epochs", type=int, help="epochs of the fine-tuning")
    parser.add_argument("--learning-rate", type=float, help="of the fine-tuning")
    parser.add_argument("--surrogate", help="of the fine-tuning")
    parser.add_argument("--teacher", action="store_true", help="learn the network's answers in rates, too")
    parser.add_argument("--choose", action="store_true", help="measure on validation images, and not on the test set")
    parser.add_argument("--backup", type=Path, metavar="FOLDER", help="where a training that was broken off goes on")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args(arguments)
    for name in args.works.split(","):
        work = WORKS[name]
        data = work.dataset()
        model = network(work, data, args.models)
        print(f"\n{(work.network.__doc__ or '').strip()} {work.data}\n  published: {work.published}")
        options = {
            "learning_rate": args.learning_rate or work.learning_rate,
            "surrogate": args.surrogate or work.surrogate,
            "teacher": "rates" if args.teacher or work.taught else None,
            "batch_size": BATCH_SIZE,
        }
        for n_steps in (args.steps,) if args.steps else work.epochs:
            of_steps = {
                "epochs": args.epochs or work.epochs.get(n_steps, max(work.epochs.values())),
                "augment": "flip" if n_steps in work.flips else None,
                "backup": args.backup and args.backup / f"{name}{n_steps}",
            }
            measure(work, data, model, n_steps, args.seed, options | of_steps, args.choose)


if __name__ == "__main__":
    main()
