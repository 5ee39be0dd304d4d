"""The works that every system is given: networks, weights and inputs.

NumPy only, and Python 3.9: this module runs in each system's own environment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

DT, TAU_RC, TAU_REF = 0.001, 0.02, 0.002  # seconds
NAMES = ("W1", "W2", "W3", "W4")
POWER_OF_PIXELS = 0.2 / 3  # mean square of a pixel that is 0 four times out of five, else uniform in 0…1
POWER_OF_SPIKES = 0.05  # a spike in one step of twenty
BATCH = 100  # images of W4 at once, for systems that leave it to the user
GAIN, BIAS = 1.5, 1.1  # standard deviation and mean of the input currents: a few per cent spike in a step


@dataclass(frozen=True, eq=False)
class Layer:
    """A dense layer or a convolution; neurons follow every one but the last.

    Parameters
    ----------
    kernel : (n_in, n_out) or (height, width, channels, filters) array
    bias : (n_out,) or (filters,) array
    padding : {"valid", "same"}
        As Keras pads.
    """

    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1
    padding: str = "valid"

    @property
    def is_convolution(self) -> bool:
        return self.kernel.ndim == 4

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output for one sample of this shape."""
        if not self.is_convolution:
            return self.kernel.shape[1:]
        window = self.kernel.shape[0]
        sizes = [-(-n // self.stride) if self.padding == "same" else (n - window) // self.stride + 1 for n in shape[:2]]
        return (*sizes, self.kernel.shape[-1])


@dataclass(frozen=True, eq=False)
class Work:
    """A network, its input, and how long to run it.

    Parameters
    ----------
    x : (n, *input) float32 array
        Held constant over the steps.
    mean_only : bool
        What is wanted is the output's mean over time instead of its value at every step.
    batch : int
        Samples that systems without a batching of their own take at once.
    densities : tuple of float
        Share of each layer's neurons that spike in a step.
    model : str or None
        File of an exported graph that stands in for the layers.
    """

    name: str
    layers: tuple[Layer, ...]
    x: np.ndarray
    n_steps: int
    mean_only: bool = False
    batch: int = 0
    densities: tuple[float, ...] = ()
    model: str | None = None

    @property
    def sample_steps(self) -> int:
        """Samples times steps."""
        return len(self.x) * self.n_steps

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of each layer's output for one sample."""
        shapes, shape = [], self.x.shape[1:]
        for layer in self.layers:
            shape = layer.output_shape(shape)
            shapes.append(shape)
        return shapes

    def batches(self) -> Iterator[np.ndarray]:
        """The samples, `batch` at a time."""
        for start in range(0, len(self.x), self.batch):
            yield self.x[start : start + self.batch]

    def first(self, n: int) -> Work:
        """The work with its first `n` samples only."""
        return dataclasses.replace(self, x=self.x[:n], batch=min(n, self.batch))

    def runner(
        self, run_batch: Callable[[Any], np.ndarray], prepare: Callable[[np.ndarray], Any] = lambda x: x
    ) -> Callable[[], np.ndarray]:
        """A function that takes all samples through ``run_batch(prepare(x))``, and returns the work's output.

        Parameters
        ----------
        run_batch : gives (n, n_steps, n_out) arrays
        prepare : lays out the input as the system wants it
            With a single batch this happens here, so that it is not timed.
        """
        one = prepare(self.x) if self.batch >= len(self.x) else None

        def run() -> np.ndarray:
            batches = [one] if one is not None else map(prepare, self.batches())
            outputs = map(run_batch, batches)
            return np.concatenate([output.mean(1) if self.mean_only else output for output in outputs])

        return run


def make(
    name: str,
    n_samples: int | None = None,
    n_steps: int | None = None,
    images: np.ndarray | None = None,
) -> Work:
    """The work of this name.

    Parameters
    ----------
    name : {"W1", "W2", "W3", "W4"}
        W1: a perceptron 784-512-512-10, 64 samples, 100 steps. W2: two convolutions and two dense layers, 32 samples,
        50 steps. W3: the perceptron, one sample, 1000 steps. W4: the network of configs/fashion_mnist_cnn.toml,
        10,000 images, 100 steps, and the mean output only.
    n_samples, n_steps : int or None
        Instead of the work's own.
    images : (n, 28, 28, 1) array or None
        Images for W4, of which the first are taken. None: random pixels.
    """
    default_samples, default_steps = {"W1": (64, 100), "W2": (32, 50), "W3": (1, 1000), "W4": (10_000, 100)}[name]
    n, n_steps = n_samples or default_samples, n_steps or default_steps
    if name == "W4":
        x = random_images(n) if images is None else images[:n].astype("float32")
        return Work(name, _small_cnn(x), x, n_steps, mean_only=True, batch=min(BATCH, n))
    x = random_pixels(n)
    if name == "W2":
        return Work(name, _cnn(), x.reshape(n, 28, 28, 1), n_steps, batch=n)
    return Work(name, perceptron((784, 512, 512, 10)), x, n_steps, batch=n)


def perceptron(sizes: tuple[int, ...], seed: int = 0) -> tuple[Layer, ...]:
    """Dense layers of these sizes."""
    rng = np.random.RandomState(seed)
    last = len(sizes) - 2
    return tuple(
        _layer(rng, (sizes[k], sizes[k + 1]), POWER_OF_PIXELS if k == 0 else POWER_OF_SPIKES, is_last=k == last)
        for k in range(last + 1)
    )


def random_pixels(n: int, seed: int = 1) -> np.ndarray:
    """(n, 784) float32 array: four of five pixels 0, the others uniform in 0…1."""
    rng = np.random.RandomState(seed)
    return (rng.rand(n, 784) * (rng.rand(n, 784) < 0.2)).astype("float32")


def random_images(n: int, seed: int = 1) -> np.ndarray:
    """(n, 28, 28, 1) float32 array: half the pixels 0, the others uniform in 0.15…1, as the clothes are on average."""
    rng = np.random.RandomState(seed)
    pixels = rng.uniform(0.15, 1.0, (n, 28, 28, 1)) * (rng.rand(n, 28, 28, 1) < 0.5)
    return pixels.astype("float32")


def _layer(rng: Any, shape: tuple[int, ...], power: float, is_last: bool = False, **where: Any) -> Layer:
    n_in = np.prod(shape[:-1])
    kernel = rng.randn(*shape) * (GAIN / np.sqrt(n_in * power))
    bias = np.full(shape[-1], 0.0 if is_last else BIAS)
    return Layer(kernel.astype("float32"), bias.astype("float32"), **where)


def _cnn() -> tuple[Layer, ...]:
    rng = np.random.RandomState(0)
    return (
        _layer(rng, (3, 3, 1, 32), POWER_OF_PIXELS),
        _layer(rng, (3, 3, 32, 64), POWER_OF_SPIKES, stride=2),
        _layer(rng, (9216, 128), POWER_OF_SPIKES),
        _layer(rng, (128, 10), POWER_OF_SPIKES, is_last=True),
    )


def _small_cnn(images: np.ndarray) -> tuple[Layer, ...]:
    rng = np.random.RandomState(0)
    power = float(np.mean(np.square(images[:100], dtype="float64")))
    return (
        _layer(rng, (3, 3, 1, 32), power, stride=2, padding="same"),
        _layer(rng, (3, 3, 32, 64), POWER_OF_SPIKES, stride=2, padding="same"),
        _layer(rng, (3136, 128), POWER_OF_SPIKES),
        _layer(rng, (128, 10), POWER_OF_SPIKES, is_last=True),
    )
