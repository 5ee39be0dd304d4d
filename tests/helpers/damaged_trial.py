"""The trial of damaged files: ``python -m tests.helpers.damaged_trial N [FILE…] [--first N]`` reads N damaged copies.

It makes one small file of each kind, and prints for each how many copies were read, how many refused in one line, and
what must not happen. 20,000 copies of all seven kinds take about an hour of one core.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers as kl

import snnconv

from .damaged_copies import faults, read_copies
from .networks import randomise

FILES = ("model.h5", "model.keras", "graph.snn.h5", "graph.int.h5", "x.npy", "x.npz", "settings.toml")


def write_files(folder):
    """A small network with convolution, batch normalisation and both kinds of neuron, and what goes with it."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            kl.Conv2D(3, 3, name="conv"),
            kl.BatchNormalization(name="norm"),
            snnconv.layers.LIF(name="lif"),
            kl.AveragePooling2D(2, name="pool"),
            kl.Flatten(name="flat"),
            kl.Dense(4, activation="relu", name="hidden"),
            kl.Dense(2, name="out"),
        ],
        name="small",
    )
    randomise(model).save(folder / "model.h5")
    model.save(folder / "model.keras")
    graph = snnconv.convert(model, synapse=0.01, verbose=False)
    graph.save(folder / "graph.snn.h5")
    snnconv.quantize.quantize(graph, n_steps=20).save(folder / "graph.int.h5")
    x = np.linspace(0, 1, 5 * 36, dtype="float32").reshape(5, 6, 6, 1)
    np.save(folder / "x.npy", x)
    np.savez_compressed(folder / "x.npz", x=x, y=np.arange(5))
    configs = Path(snnconv.__file__).parents[1] / "configs"
    (folder / "settings.toml").write_text((configs / "digits_mlp.toml").read_text("utf-8"), "utf-8")


def main(n, names, first=0):
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        for name in names:
            begin = time.monotonic()
            outcomes = read_copies(folder, name, first, first + n)
            bad = faults(outcomes)
            n_read = sum(each["outcome"] == "read" for each in outcomes.values())
            peak = max(each.get("peak", 0) for each in outcomes.values())
            print(
                f"{name}: {len(outcomes)} damaged copies, {n_read} read, {len(outcomes) - n_read - len(bad)} refused, "
                f"{len(bad)} faults, at most {peak >> 20} MiB, {time.monotonic() - begin:.0f} s",
                flush=True,
            )
            for each in bad.values():
                print(f"  {each}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("files", nargs="*", default=FILES)
    parser.add_argument("--first", type=int, default=0, help="number of the first copy: others are damaged otherwise")
    given = parser.parse_args()
    main(given.n, given.files, given.first)
