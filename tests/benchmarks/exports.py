"""Three networks written for every target, so that two versions of snnconv can be compared file by file.

python tests/benchmarks/exports.py models FOLDER        the Keras models, once, with either version
python tests/benchmarks/exports.py write MODELS FOLDER  what this version writes, or says where it refuses
diff -r BEFORE AFTER
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
from keras import layers as kl

import snnconv
from snnconv.export import TARGETS

MANIFEST = "MANIFEST.json"
N_STEPS = 20
VARIANTS = {
    "c": ({}, {"numbers": "double"}, {"bits": 4, "code": "rate"}),
    "verilog": ({}, {"bits": 4, "parallel": 4}),
    "params": ({}, {"bits": 6, "scale": "layer"}),
    "nir": ({"approximate": True}, {"approximate": True, "resistance": "tau/dt", "synapse_node": "CubaLIF"}),
    "lava": ({"approximate": True},),
    "nengo": ({}, {"synapse_delay": True}),
}


def dense_model() -> keras.Model:
    """16 - Dense 8 - LIF - Dense 4, as asked about in a forum."""
    return keras.Sequential(
        [
            keras.Input((16,)),
            kl.Dense(8, name="dense"),
            snnconv.layers.LIF(max_rates=100, tau_ref=0.002, tau_rc=0.02, amplitude=0.001, name="lif"),
            kl.Dense(4, name="readout"),
        ],
        name="dense",
    )


def convolutional_model() -> keras.Model:
    """A chain that every target holds: convolutions, average pools, LIF, IF and a lowpass."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kl.Conv2D(4, 3, padding="same", name="conv1"),
            kl.BatchNormalization(name="norm"),
            snnconv.layers.LIF((100, 200), (-0.5, 0.5), seed=1, tau_ref=0.0, amplitude=0.005, name="lif1"),
            kl.AveragePooling2D(2, name="pool"),
            kl.Conv2D(6, 3, strides=2, name="conv2"),
            snnconv.layers.LIF(150.0, amplitude=0.005, name="lif2"),
            kl.Flatten(name="flatten"),
            kl.Dense(12, activation="relu", name="hidden"),
            kl.Dense(5, activation="softmax", name="classes"),
        ],
        name="convolutional",
    )


def branching_model() -> keras.Model:
    """Two branches, max pooling and each neuron that stands for an activation of Keras."""
    inputs = keras.Input((8, 8, 2), name="image")
    x = kl.Conv2D(6, 3, padding="same", activation="relu6", name="conv")(inputs)
    x = kl.MaxPooling2D(2, name="pool")(x)
    left = kl.Conv2D(4, 3, padding="same", activation="sigmoid", name="left")(x)
    right = kl.Conv2D(4, 3, padding="same", activation="tanh", name="right")(x)
    x = kl.Add(name="sum")([left, right])
    x = kl.Flatten(name="flatten")(x)
    a = kl.Dense(10, activation="softplus", name="a")(x)
    b = kl.Dense(10, activation="softsign", name="b")(x)
    x = kl.Concatenate(name="both")([a, b])
    x = kl.LeakyReLU(name="leaky")(kl.Dense(8, name="c")(x))
    x = snnconv.layers.SteppedLIF(100.0, amplitude=0.01, name="stepped")(kl.Dense(8, name="d")(x))
    return keras.Model(inputs, kl.Dense(3, name="values")(x), name="branching")


MODELS = {model.__name__.removesuffix("_model"): model for model in (dense_model, convolutional_model, branching_model)}
SYNAPSES = {"dense": None, "convolutional": 0.005, "branching": None}


def write_models(folder: Path) -> None:
    """Each model with random weights of a fixed seed, as HDF5."""
    folder.mkdir(parents=True)
    for seed, (name, build) in enumerate(MODELS.items()):
        keras.utils.set_random_seed(seed)
        model = build()
        rng = np.random.default_rng(seed)
        for weight in model.weights:
            kind = weight.path.rsplit("/", 1)[-1]
            if kind in ("gamma", "moving_variance"):
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            elif kind in ("bias", "beta", "moving_mean"):
                weight.assign(weight + rng.normal(0, 0.2, weight.shape))
        model.save(folder / f"{name}.h5")
    # Golden vectors come from samples of this version's own generator too; these are the same for both.
    np.savez(folder / "x.npz", **{name: _samples(name) for name in MODELS})


def _samples(name: str) -> np.ndarray:
    shape = MODELS[name]().input_shape[1:]
    return np.random.default_rng(7).uniform(0, 1, (4, *shape)).astype("float32")


def write(models: Path, folder: Path) -> None:
    """Every target of every model in a folder, and the message of each that is refused."""
    folder.mkdir(parents=True)
    x = np.load(models / "x.npz")
    for name in MODELS:
        graph = snnconv.convert(models / f"{name}.h5", synapse=SYNAPSES[name])
        written = {name: graph}
        if name != "branching":  # it has no neurons that `calibrate` gives heights to
            written[f"{name}_calibrated"] = snnconv.calibrate(graph, x[name], N_STEPS)
        for label, graph in written.items():
            for target in TARGETS:
                for number, options in enumerate(VARIANTS.get(target, ({},))):
                    path = folder / f"{label}.{target}.{number}"
                    try:
                        said = snnconv.export.export(graph, path, target, x=x[name], n_steps=N_STEPS, **options)
                    except snnconv.errors.SnnconvError as error:
                        said = f"{type(error).__name__}: {error}"
                    Path(f"{path}.txt").write_text(f"{said}\n", "utf-8")
        snnconv.export_saved_model(written[name], folder / f"{name}.saved_model", N_STEPS)
    for path in sorted(folder.rglob("*")):
        # A SavedModel's bytes and HDF5's free space differ from run to run: the contents stand beside them as text.
        if path.is_file() and h5py.is_hdf5(path):
            path.with_name(f"{path.name}.contents").write_text(_contents(path), "utf-8")
            path.unlink()
        elif ".saved_model" in path.suffixes and path.is_dir():
            _describe(path)


def _contents(path: Path) -> str:
    lines = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        attributes = {key: item.attrs[key] for key in sorted(item.attrs)}
        data = item[()] if isinstance(item, h5py.Dataset) else None
        values = data.tobytes().hex() if isinstance(data, np.ndarray) and data.dtype.kind != "O" else repr(data)
        lines.append(f"{name} {getattr(item, 'dtype', '')} {getattr(item, 'shape', '')} {attributes} {values}")

    with h5py.File(path) as file:
        visit("/", file)
        file.visititems(visit)
    return "\n".join(lines) + "\n"


def _describe(folder: Path) -> None:
    about = json.loads((folder / MANIFEST).read_text("utf-8"))
    about["files"] = sorted(about["files"])
    shutil.rmtree(folder)
    folder.with_name(f"{folder.name}.contents").write_text(json.dumps(about, indent=1), "utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["models", folder]:
            write_models(Path(folder))
        case ["write", models, folder]:
            write(Path(models), Path(folder))
        case _:
            sys.exit(__doc__)
