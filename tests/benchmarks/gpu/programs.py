# pyright: reportMissingImports=false
"""Runs packed programs in JAX: ``python -m tests.benchmarks.gpu run FOLDER``. Needs NumPy and JAX alone."""

from __future__ import annotations

import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import works
from .layer import ABOUT, CHECKED, COLUMNS, EXPECTED, FORMS, KERNEL, WEIGHTS, WHEELS, LargeLayer, digest

MOST_DIFFERING = 1e-3  # of the spikes: rounding moves a few at ties, another neuron or kernel most of them
MOST_VALUES = 1 << 28  # of a plain product's input at once
ALLOWED = {"float32": "highest", "tensorfloat32": "tensorfloat32"}  # what JAX calls the same


@dataclass
class Row:
    """Figures of one program.

    Parameters
    ----------
    differing, differing_from_float64 : int
        Spikes that are not those of the CPU, of `spikes`; in float32, and against float64.
    compile, milliseconds, products : float
        Seconds to load and compile; medians of a call, and of the plain products of its layers.
    flops : float
        Of these products.
    memory : float
        MiB of arguments, results and what lies between; NaN where JAX does not say.
    """

    name: str
    n_samples: int
    n_steps: int
    form: str
    spikes: int
    differing: int
    differing_from_float64: int
    compile: float
    milliseconds: float
    products: float
    flops: float
    memory: float

    @property
    def cells(self) -> list[str]:
        """Fields of the table's line."""
        rate = self.flops / self.milliseconds * 1e-9
        return [
            self.name,
            f"{self.n_samples:,} × {self.n_steps:,}",
            self.form,
            f"{self.differing:,} / {self.differing_from_float64:,} of {self.spikes:,}",
            f"{self.milliseconds:.2f}",
            f"{rate:.2f}",
            f"{self.products / self.milliseconds:.0%}",
            f"{self.memory:,.0f}",
            f"{self.compile:.1f}",
        ]


HEADER = (
    *("work", "samples × steps", "form", "spikes differing: float32 / float64", "ms", "TFLOP/s"),
    *("of the products' rate", "MiB", "compiled in, s"),
)


def run(folder: Path, repeats: int, only: Iterable[str] | None, json_file: Path | None) -> int:
    """Run all programs and the other systems, and print the tables; 1 where spikes differ by more than ties."""
    about = json.loads((folder / ABOUT).read_text("utf-8"))
    device = jax.devices()[0]
    print(f"{device.device_kind} ({device.platform}), JAX {jax.__version__}, medians of {repeats}\n", flush=True)
    known = [*about["programs"], "peers"]
    names = known if only is None else list(only)
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"there is no {', '.join(unknown)} in {folder}; there are {', '.join(known)}")
    rows: list[Row] = []
    _print_line(HEADER)
    _print_line("---" for _ in HEADER)
    for name in names:
        if name == "peers":
            continue
        for row in _rows(folder, name, about, repeats):
            rows.append(row)
            _print_line(row.cells)
    figures: dict[str, Any] = {"device": device.device_kind, "jax": jax.__version__, "rows": list(map(asdict, rows))}
    if "peers" in names:
        from .peers import measure

        layers = [_layer(name, about) for name in about["programs"] if name.startswith("L")]
        figures["peers"] = measure(layers, folder / WHEELS, repeats)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    # TensorFloat-32 rounds weights to 10 bits of fraction, so that its spikes are counted and not judged
    return int(any(row.form != "tensorfloat32" and row.differing > MOST_DIFFERING * row.spikes for row in rows))


def median(call: Callable[[], Any], repeats: int) -> float:
    """Median of the milliseconds until a call's results are there."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def _rows(folder: Path, name: str, about: Mapping[str, Any], repeats: int) -> Iterator[Row]:
    entry = about["programs"][name]
    if name.startswith("L"):
        layer = _layer(name, about)
        _check(layer.digest(), entry, name)
        x, kernel = layer.spikes(), layer.kernel()
        linear = [works.Layer(kernel, layer.bias)]
        expected = dict(np.load(folder / name / EXPECTED))
        for form, (precision, _) in FORMS.items():
            add_weight(folder / name / form, kernel)
            found = _measure(folder / name / form, layer.n_samples, x, repeats)
            spikes = np.asarray(found.results["spikes", "lif"])[:CHECKED, :, :COLUMNS]
            products, flops = _products(linear, layer.n_samples * layer.n_steps, 0, (layer.n,), precision, repeats)
            counted = [int((spikes != expected[dtype]).sum()) for dtype in ("float32", "float64")]
            total = int(expected["float32"].sum())
            yield _row(name, layer.n_samples, layer.n_steps, form, total, counted, found, products, flops)
        return
    for n in about["batches"]:
        work = works.make(name, max(about["batches"]), entry["n_steps"])
        _check(digest(work.x), entry, name)
        expected = dict(np.load(folder / name / EXPECTED))
        for form, (precision, _) in FORMS.items():
            found = _measure(folder / name / form, n, work.x[:n], repeats)
            rates = {key: np.asarray(value) for (kind, key), value in found.results.items() if kind == "rates"}
            counts = {key: np.rint(rate * (work.n_steps * works.DT)).astype("int64") for key, rate in rates.items()}
            counted = [_differing(counts, expected, dtype, n) for dtype in ("float32", "float64")]
            total = sum(int(expected[f"float32/samples/{key}"][:n].sum()) for key in counts)
            products, flops = _products(work.layers, n * work.n_steps, n, work.x.shape[1:], precision, repeats)
            yield _row(name, n, work.n_steps, form, total, counted, found, products, flops)


def _differing(counts: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], dtype: str, n: int) -> int:
    """Spikes too many or too few: neuron by neuron for the samples of which they are known, else sample by sample."""
    found = 0
    for name, count in counts.items():
        neurons, samples = expected[f"{dtype}/neurons/{name}"], expected[f"{dtype}/samples/{name}"]
        known = min(len(neurons), n)
        found += int(np.abs(count[:known] - neurons[:known].astype("int64")).sum())
        found += int(np.abs(count.reshape(n, -1).sum(1)[known:] - samples[known:n]).sum())
    return found


@dataclass
class _Measured:
    results: Mapping[tuple[str, str], Any]
    compile: float
    milliseconds: float
    memory: float


def _row(
    name: str,
    n_samples: int,
    n_steps: int,
    form: str,
    spikes: int,
    differing: list[int],
    found: _Measured,
    products: float,
    flops: float,
) -> Row:
    return Row(
        name=name,
        n_samples=n_samples,
        n_steps=n_steps,
        form=form,
        spikes=spikes,
        differing=differing[0],
        differing_from_float64=differing[1],
        compile=found.compile,
        milliseconds=found.milliseconds,
        products=products,
        flops=flops,
        memory=found.memory,
    )


def _measure(folder: Path, n: int, x: np.ndarray, repeats: int) -> _Measured:
    """Compile the program for `n` samples, run it, and time it with everything on the device."""
    spec: Any = importlib.util.spec_from_file_location("packed_run", folder / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = time.perf_counter()
    network = module.Network(n)
    seconds = time.perf_counter() - start
    state = {name: jax.device_put(_of_all(value, n)) for name, value in network.start.items()}
    inputs = {"input": jax.device_put(x)}
    results, _ = jax.block_until_ready(network(inputs, state))
    stats = network.run.get_compiled_memory_stats()
    parts = (stats.argument_size_in_bytes, stats.output_size_in_bytes, stats.temp_size_in_bytes)
    return _Measured(results, seconds, median(lambda: network(inputs, state), repeats), sum(parts) / 2**20)


def _of_all(value: np.ndarray, n: int) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(value, (n, *value.shape[1:])))


def _products(
    layers: Iterable[works.Layer], n_rows: int, n_first: int, shape: tuple[int, ...], precision: str, repeats: int
) -> tuple[float, float]:
    """Milliseconds and operations of the layers' plain products; the first layer's for `n_first` rows alone, or all."""
    total, flops = 0.0, 0.0
    for number, layer in enumerate(layers):
        rows = n_first if number == 0 and n_first else n_rows
        shape = shape if layer.is_convolution else (int(np.prod(shape)),)
        at_once = max(min(rows, MOST_VALUES // int(np.prod(shape))), 1)
        x = (jax.random.uniform(jax.random.key(0), (at_once, *shape), jnp.float32) < works.POWER_OF_SPIKES) * 1.0
        kernel = jax.device_put(layer.kernel)
        product = jax.jit(lambda x, kernel, layer=layer: _product(layer, x, kernel))
        with jax.default_matmul_precision(ALLOWED[precision]):
            x = jax.block_until_ready(x.astype(jnp.float32))
            jax.block_until_ready(product(x, kernel))
            total += median(lambda product=product, x=x, k=kernel: product(x, k), repeats) * (rows / at_once)
        shape = layer.output_shape(shape)
        flops += 2.0 * rows * int(np.prod(shape)) * int(np.prod(layer.kernel.shape[:-1]))
    return total, flops


def _product(layer: works.Layer, x: Any, kernel: Any) -> Any:
    if not layer.is_convolution:
        return x @ kernel
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, (layer.stride,) * 2, layer.padding.upper(), dimension_numbers=numbers
    )


def add_weight(folder: Path, kernel: np.ndarray) -> None:
    """Put the kernel that was drawn here to the other weights of a program."""
    weights = dict(np.load(folder / WEIGHTS)) | {KERNEL: kernel}
    np.savez(folder / WEIGHTS, **weights)  # pyright: ignore[reportArgumentType]


def _layer(name: str, about: Mapping[str, Any]) -> LargeLayer:
    entry = about["programs"][name]
    return LargeLayer(entry["n"], entry["n_samples"], entry["n_steps"])


def _check(found: str, entry: Mapping[str, Any], name: str) -> None:
    if found != entry["digest"]:
        raise SystemExit(f"{name}: this NumPy ({np.__version__}) draws other numbers than the one that packed.")


def _print_line(cells: Iterable[str]) -> None:
    print("|", " | ".join(cells), "|", flush=True)
