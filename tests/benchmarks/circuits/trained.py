"""Trained networks as circuits: accuracy in integers on all test images, and what yosys and nextpnr make of them.

    python -m tests.benchmarks.circuits.trained FOLDER [NAME …]      trains, routes and prints the table

Networks are trained with fixed seeds, in rates and then in spikes with rounded kernels; some training images are held
back, and no setting is chosen on test images. FOLDER keeps the networks, and what it holds is not trained again;
trained.json keeps accuracies and runs.
"""

import dataclasses
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv import export, quantize
from snnconv.export.golden import record_golden
from snnconv.export.verilog.bench import golden_clocks
from snnconv.export.verilog.sizing.devices import DEVICES
from snnconv.export.verilog.stages import stages
from snnconv.export.verilog.timing import mean_clocks
from snnconv.layers import LIF
from snnconv.neurons import IF
from snnconv.quantize import Analog
from snnconv.quantize.simulator import IntegerSimulator
from snnconv.training.callbacks import RoundedWeights
from snnconv.training.datasets import Dataset, load

from ..accuracy.networks import SEED
from .routing import LARGE, TITLES, checksum, routed
from .runs import TRAINED, keep, read

INPUT = Analog(bits=8)
RELU = {"relu": IF(min_voltage=-math.inf)}  # of amplitude 1, whatever the weights
HELD_BACK = {"digits": 150, "mnist": 5_000}
BATCH_SIZE = {"digits": 32, "mnist": 128}
EPOCHS = {"digits": (30, 10), "mnist": (8, 1)}  # in rates, in spikes
N_IMAGES = 20  # test images that clocks are the mean of
LEAST = {"up5k": 35.0, "hx8k": 60.0, "ecp5-25": 120.0}  # megahertz; other seeds of nextpnr are tried below


@dataclass(frozen=True)
class Trained:
    """A network to train, and how it is made into a circuit.

    Parameters
    ----------
    data : str
        Name of the data set.
    layers : function
        Its hidden layers.
    is_relu : bool
        Whether it is calibrated for IF neurons with one spike a step; else its neurons are layers.
    bits, n_steps : int
    lanes : mapping of device to str
        The devices that it is routed for, and its lanes there.
    """

    data: str
    layers: Callable[[], list[Any]]
    is_relu: bool
    bits: int
    n_steps: int
    lanes: Mapping[str, str]

    def graph(self, path: Path) -> snnconv.SpikingGraph:
        """The trained network, from a file if it is there."""
        if path.exists():
            return snnconv.load(path)
        data, held = self.parts()
        (epochs, tuned), batch = EPOCHS[self.data], BATCH_SIZE[self.data]
        keras.utils.set_random_seed(SEED)
        model = keras.Sequential([keras.Input(data.input_shape), *self.layers(), kl.Dense(10)])
        schedule: Any = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(data.x_train) // batch))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(schedule), loss, jit_compile=False)
        model.fit(data.x_train, data.y_train, batch_size=batch, epochs=epochs, verbose=0)
        found = snnconv.finetune(
            snnconv.convert(model, swap_activations=RELU if self.is_relu else None, verbose=False),
            *(data.x_train, data.y_train, self.n_steps),
            epochs=tuned,
            learning_rate=1e-3 if self.data == "digits" else 5e-4,
            batch_size=batch,
            validation=held,
            calibrate=self.is_relu,
            spikes="binary",
            teacher="rates" if self.is_relu else None,
            callbacks=[RoundedWeights(self.bits)],
            verbose=False,
            seed=SEED,
        )
        found.graph.save(path)
        return found.graph

    def parts(self) -> tuple[Dataset, tuple[np.ndarray, np.ndarray]]:
        """The data without the images held back, and these."""
        data, n = load(self.data), HELD_BACK[self.data]
        rest = dataclasses.replace(data, x_train=data.x_train[:-n], y_train=data.y_train[:-n])
        return rest, (data.x_train[-n:], data.y_train[-n:])

    def accuracies(self, graph: snnconv.SpikingGraph) -> dict[str, float | int]:
        """Shares of right classes in integers: of the images held back, and of all test images."""
        data, held = self.parts()
        simulator = IntegerSimulator(quantize.quantize(graph, self.bits, input=INPUT, n_steps=self.n_steps))

        def share(x: np.ndarray, y: np.ndarray) -> float:
            places = simulator.run(x, self.n_steps).output.sum(1).reshape(len(x), -1).argmax(-1)
            return float(np.mean(places == y))

        return {"held": share(*held), "test": share(data.x_test, data.y_test), "n_test": len(data.y_test)}

    def write(self, graph: snnconv.SpikingGraph, place: Path, device: str) -> None:
        """Write the circuit for a device."""
        options = LARGE.get("ecp5-25" if device.startswith("ecp5") else device, {})
        x = self.parts()[0].x_test[:N_IMAGES]
        given = {"bits": self.bits, "lanes": self.lanes[device], "golden": 1, "longest": self.n_steps, **options}
        export.export(graph, place, "verilog", x=x, n_steps=self.n_steps, **given)

    def clocks(self, place: Path, device: str) -> int:
        """Clocks of a sample of its circuit, the mean of test images."""
        integers = quantize.load(place / "network.int.h5")
        lanes = [int(number) for number in self.lanes[device].split(",")]
        (deepest,) = {each.family.deepest for each in DEVICES.values() if each.family.name == device}
        circuit = stages(integers, lanes[0] if len(lanes) == 1 else lanes, deepest)
        images = record_golden(integers, self.parts()[0].x_test[:N_IMAGES], self.n_steps)
        return round(mean_clocks(golden_clocks(circuit, images), circuit))


def dense(*sizes: int, kind: Callable[[], Any]) -> Callable[[], list[Any]]:
    """Hidden dense layers."""
    return lambda: [kl.Flatten(), *(layer for size in sizes for layer in (kl.Dense(size), kind()))]


def convolution() -> list[Any]:
    """A convolution with LIF neurons."""
    return [kl.Conv2D(4, 3), LIF(), kl.Flatten()]


def lenet() -> list[Any]:
    """LeNet with ReLUs and average pooling: 5 x 5 filters, 6 and 16 of them, and 84 neurons."""
    blocks = ([kl.Conv2D(n, 5, activation="relu"), kl.AveragePooling2D(2)] for n in (6, 16))
    return [*(layer for block in blocks for layer in block), kl.Flatten(), kl.Dense(84, activation="relu")]


def everywhere(lanes: str) -> dict[str, str]:
    """The same lanes on four devices."""
    return dict.fromkeys(("up5k", "hx8k", "ecp5-25", "xc7"), lanes)


NETWORKS = {
    "64-32-10 LIF, 8 bits": Trained("digits", dense(32, kind=LIF), False, 8, 20, everywhere("1")),
    "64-48-10 IF, 6 bits": Trained("digits", dense(48, kind=kl.ReLU), True, 6, 8, everywhere("1")),
    "64-64-10 LIF, 8 bits": Trained(
        "digits", dense(64, kind=LIF), False, 8, 20, {"up5k": "4,1", "hx8k": "4,1", "ecp5-25": "16,1", "xc7": "16,1"}
    ),
    "8x8, convolution 3x3x4, 10, LIF, 6 bits": Trained("digits", convolution, False, 6, 20, everywhere("1")),
    "784-128-10 IF, 4 bits": Trained("mnist", dense(128, kind=kl.ReLU), True, 4, 8, {"ecp5-25": "8,1", "xc7": "8,1"}),
    "LeNet, IF, 6 bits": Trained("mnist", lenet, True, 6, 8, {"ecp5-25": "6,1,16,1,4,1", "xc7": "6,1,16,1,4,1"}),
}


def main(folder: Path, names: Sequence[str]) -> None:
    """Train, measure and route what is missing, and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rtl = checksum()
    for name in names or NETWORKS:
        recipe, stem = NETWORKS[name], name.translate(str.maketrans(" ,", "__"))
        graph = recipe.graph(folder / f"{stem}.snn.h5")
        if name not in read(TRAINED):
            keep(name, recipe.accuracies(graph), TRAINED)
            print(name, read(TRAINED)[name], flush=True)
        for device in recipe.lanes:
            key, place = f"{name} | {device}", folder / f"{rtl}_{stem}_{device}"
            if read(TRAINED).get(key, {}).get("rtl") != rtl:
                if not place.exists():
                    recipe.write(graph, place, device)
                about = {"rtl": rtl, "lanes": recipe.lanes[device], "mean_clocks": recipe.clocks(place, device)}
                keep(key, {**about, **routed(place, device, LEAST.get(device, 0.0))}, TRAINED)
                print(key, read(TRAINED)[key], flush=True)
    print("\n".join(table(read(TRAINED))))


def table(runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of networks and devices: accuracy, cells, clocks on average and the time that they take."""
    heads = ("network", "accuracy", "device, lanes", "logic cells", "registers", "block RAMs", "multipliers")
    lines = [f"| {' | '.join((*heads, 'MHz', 'clocks', 'time'))} |", "|---" * 10 + "|"]
    for name, recipe in NETWORKS.items():
        first = f"{name} | {runs[name]['test']:.2%}" if name in runs else ""
        for device in recipe.lanes:
            run = runs.get(f"{name} | {device}")
            if run:
                counts = " | ".join(f"{run[what]:,}" for what in ("cells", "registers", "memories", "multipliers"))
                rate, clocks = run["megahertz"], run["mean_clocks"]
                seed = f" (seed {run['seed']})" if "seed" in run else ""
                times = f"{rate}{seed} | {clocks:,} | {clocks / rate:,.0f} us" if rate else f" | {clocks:,} | "
                lines.append(f"| {first or '|'} | {TITLES[device]}, {run['lanes']} | {counts} | {times} |")
                first = ""
    return lines


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
