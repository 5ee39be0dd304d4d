"""The architectures of keras.applications, converted and run: ``python -m tests.whole.applications [NAME …]``.

Each is built at the smallest size it takes, with random weights and batch statistics, in a process of its own. The
table has the seconds of processor time, all threads together, of the conversion and of a run of 32 steps, the memory of
the whole, the largest difference of the rates from Keras' relative to the largest output, and the relative error
(2-norm) of the answer in spikes after 32 and 128 steps, on two random images, of the calibrated network with
``--calibrate``. With ``--scores`` the networks end without their softmax, which hides every error where random scores
are so far apart that one class has all.
"""

import argparse
import resource
import subprocess
import sys
import time

import keras
import numpy as np

import snnconv

from ..helpers.networks import randomise

SIZES = (32, 48, 71, 75, 96, 128, 160, 192, 224, 331)
NAMES = tuple(name for name in dir(keras.applications) if name[0].isupper())


def application(name: str, scores: bool = False) -> keras.Model:
    """The architecture at the smallest size that it takes, with weights and statistics that matter."""
    end = {"classifier_activation": None} if scores else {}
    keras.utils.set_random_seed(0)
    for size in SIZES:
        try:
            return randomise(getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **end))
        except ValueError:  # too small
            continue
    raise ValueError(f"{name} takes none of the sizes {SIZES}.")


def images(model: keras.Model, n: int = 2) -> np.ndarray:
    """Random images; 0…255, as the architectures rescale inside, or 0…1 where they do not."""
    scale = 255 if any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers) else 1
    return np.random.default_rng(1).random((n, *model.input_shape[1:]), "float32") * scale


def measured(name: str, calibrate: bool, scores: bool) -> str:
    """A row of the table."""
    model = application(name, scores)
    x = images(model)
    begin = time.process_time()
    graph = snnconv.convert(model, verbose=False)
    seconds = [time.process_time() - begin]
    expected = np.asarray(model(x, training=False), "float64")
    rates = np.abs(graph.rate_output(x) - expected).max() / np.abs(expected).max()
    if calibrate:
        graph = snnconv.calibrate(graph, images(model, 32), 32)
    simulator, errors = snnconv.Simulator(graph), []
    begin = time.process_time()
    for n_steps in (32, 128):
        answer = simulator.predict(x, n_steps)
        errors.append(np.linalg.norm(answer - expected) / np.linalg.norm(expected))
        if n_steps == 32:
            seconds.append(time.process_time() - begin)
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    cells = (name, model.input_shape[1], f"{model.count_params() / 1e6:.1f}", *(f"{each:.0f}" for each in seconds))
    return row(*cells, f"{gib:.1f}", f"{rates:.0e}", *(f"{each:.1%}" for each in errors))


def row(*cells: object) -> str:
    """Cells side by side, in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--calibrate", action="store_true", help="calibrate for 32 steps on 32 random images")
    parser.add_argument("--scores", action="store_true", help="without the softmax at the end")
    parser.add_argument("--row", action="store_true", help="print the row of the one name, in this process")
    arguments = parser.parse_args()
    if arguments.row:
        print(measured(arguments.names[0], arguments.calibrate, arguments.scores))
        return
    headings = ("architecture", "size", "M parameters", "s to convert", "s for 32 steps", "GiB", "rates", "32", "128")
    print(row(*headings), row(*["---"] * len(headings)), sep="\n", flush=True)
    options = [f"--{name}" for name in ("calibrate", "scores") if getattr(arguments, name)]
    for name in arguments.names:
        command = [sys.executable, "-W", "ignore", "-m", "tests.whole.applications", name, "--row", *options]
        done = subprocess.run(command, capture_output=True, text=True)
        said = done.stdout.strip() or row(name, f"failed: {done.stderr.strip().splitlines()[-1]}")
        print(said, flush=True)


if __name__ == "__main__":
    main()
