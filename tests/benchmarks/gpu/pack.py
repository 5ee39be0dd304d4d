"""Packs the programs with what is expected of them: ``python -m tests.benchmarks.gpu pack FOLDER``."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import snnconv
from snnconv.export.xla import export_xla
from snnconv.export.xla.calls import Calls
from snnconv.export.xla.folder import START, write_program, write_signature
from snnconv.export.xla.program import Whole
from snnconv.graph import Dense, Input, Population, SpikingGraph

from .. import works
from ..graphs import as_graph
from .layer import ABOUT, CHECKED, COLUMNS, EXPECTED, FORMS, KERNEL, WEIGHTS, WHEELS, LargeLayer, digest, layers_of

BATCHES, QUICK_BATCHES = (64, 1024), (2, 4)
QUICK_STEPS = 10
PEERS = ("spikingjelly==2.0.0", "snntorch==1.0.0", "loguru==0.7.3")
MOST = 60 << 20  # bytes of the folder


def pack(folder: Path, quick: bool) -> None:
    """Write programs, weights and expected spikes.

    Raises
    ------
    SystemExit
        If the folder has become too large to be sent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    batches = QUICK_BATCHES if quick else BATCHES
    about: dict[str, Any] = {"snnconv": snnconv.__version__, "quick": quick, "batches": batches, "programs": {}}
    for layer in layers_of(quick):
        _pack_layer(layer, folder / layer.name)
        about["programs"][layer.name] = {**asdict(layer), "digest": layer.digest()}
        _say(f"{layer.name}: a program, spikes of {COLUMNS} neurons")
    for name in works.NAMES:
        work = works.make(name, max(batches), QUICK_STEPS if quick else None)
        graph = as_graph(work)
        (folder / name).mkdir(exist_ok=True)
        for form, (precision, platform) in FORMS.items():
            path = folder / name / form
            options: Any = {"precision": precision, "platform": platform, "force": True}
            export_xla(graph, path, work.n_steps, batches, works.DT, **options)
        np.savez_compressed(folder / name / EXPECTED, **_expected(graph, work.x, work.n_steps, min(batches)))  # pyright: ignore[reportArgumentType]
        about["programs"][name] = {"n_steps": work.n_steps, "digest": digest(work.x)}
        _say(f"{name}: {len(batches) * len(FORMS)} programs, spikes of {len(work.x)} samples")
    if not quick:
        command = ["pip", "download", "--quiet", "--no-deps", "--dest", folder / WHEELS, *PEERS]
        subprocess.run([sys.executable, "-m", *command], check=True)
        _say(f"{', '.join(PEERS)}: what they need beside PyTorch has to be there")
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _say(f"{folder}: {size / 2**20:.1f} MiB")
    if size > MOST:
        sys.exit(f"{folder} takes more than {MOST >> 20} MiB")


def _expected(graph: SpikingGraph, x: np.ndarray, n_steps: int, n_whole: int) -> dict[str, np.ndarray]:
    """Spikes of each neuron for the first `n_whole` samples, and of each population for all; from both precisions."""
    found: dict[str, np.ndarray] = {}
    for dtype in ("float32", "float64"):
        rates = (
            snnconv.Simulator(graph, works.DT, dtype).run(x, n_steps, [f"{n}.rates" for n in graph.populations]).rates
        )
        for name, rate in rates.items():
            counts = np.rint(rate * (n_steps * works.DT)).astype("uint16")
            found[f"{dtype}/neurons/{name}"] = counts[:n_whole]
            found[f"{dtype}/samples/{name}"] = counts.reshape(len(counts), -1).sum(1, dtype="int64")
    return found


def _pack_layer(layer: LargeLayer, folder: Path) -> None:
    """The program of all neurons without their kernel, and the spikes of the first neurons."""
    calls = Calls(layer.n_steps, works.DT, frozenset({"input"}), "last", "spikes")
    # TensorFlow keeps what it traced, kernel and all, as long as its process lives
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning, max_tasks_per_child=1) as processes:
        for form, (precision, platform) in FORMS.items():
            of_form = replace(calls, precision=precision, platform=platform)
            processes.submit(_write_layer, layer, of_form, folder / form).result()
    first = _network(layer, layer.kernel(COLUMNS))
    spikes = {}
    for dtype in ("float32", "float64"):
        result = snnconv.Simulator(first, works.DT, dtype).run(layer.spikes(CHECKED), layer.n_steps, "lif.spikes")
        spikes[dtype] = result.spikes["lif"]
    np.savez_compressed(folder / EXPECTED, **spikes)  # pyright: ignore[reportArgumentType]


def _write_layer(layer: LargeLayer, calls: Calls, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unknown = np.broadcast_to(np.float32(0), (layer.n, layer.n))
    whole = Whole(_network(layer, unknown), calls, layer.n_samples)
    names = [KERNEL if array.ndim == 2 else str(number) for number, array in enumerate(whole.weights)]
    entry = write_program(whole, layer.n_samples, folder) | {"weights": names}
    write_signature(layer.name, calls, {str(layer.n_samples): entry}, folder)
    np.savez(folder / START, **whole.start({}))  # pyright: ignore[reportArgumentType]
    small = {name: array for name, array in zip(names, whole.weights, strict=True) if name != KERNEL}
    np.savez(folder / WEIGHTS, **small)  # pyright: ignore[reportArgumentType]


def _network(layer: LargeLayer, kernel: np.ndarray) -> SpikingGraph:
    shape = kernel.shape[1:]
    neuron = snnconv.neurons.LIF(works.TAU_RC, works.TAU_REF, amplitude=works.DT)
    nodes = (
        Input(name="input", shape=(layer.n,)),
        Dense(name="linear", inputs=("input",), shape=shape, kernel=kernel, bias=layer.bias[: shape[0]]),
        Population(
            name="lif", inputs=("linear",), shape=shape, neuron=neuron, neuron_bias=np.zeros(()), gain=np.ones(())
        ),
    )
    return SpikingGraph(nodes, {"output": "lif"}, layer.name)


def _say(text: str) -> None:
    print(text, flush=True)
