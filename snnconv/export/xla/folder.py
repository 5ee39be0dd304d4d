"""The folder of an exported program: programs, weights, a signature, golden samples, a script for JAX, instructions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._version import __version__
from ...graph import SpikingGraph
from ...graph.reading import PLAIN
from ...runtime.arguments import check_read_from
from ...text.plain import run_text
from ..programs import with_licence
from .calls import Calls

if TYPE_CHECKING:
    from .program import Whole

SCRIPT, SIGNATURE, GOLDEN, START = "run.py", "signature.json", "golden.npz", "start.npz"

_SCRIPT = '''"""The network in JAX alone: Network(n)(inputs) runs n samples; python run.py checks the golden ones."""

import json
import sys
from pathlib import Path

import jax
import numpy as np
from jaxlib import xla_client

HERE = Path(__file__).parent
jax.config.update("jax_enable_x64", True)  # float64 stays what it is


class Network:
    """The program for `n` samples, compiled for JAX's first device. Arrays of the last call stay there."""

    def __init__(self, n):
        self.about = json.loads((HERE / "signature.json").read_text("utf-8"))["programs"][str(n)]
        self.start, self.weights = dict(np.load(HERE / "start.npz")), np.load(HERE / "weights.npz")
        self.weights = [jax.device_put(self.weights[name]) for name in self.about["weights"]]
        device = jax.devices()[0]
        module = (HERE / self.about["stablehlo"]).read_text("utf-8")
        devices = xla_client.DeviceList((device,))
        self.run = device.client.compile_and_load(module, devices, xla_client.CompileOptions())

    def __call__(self, inputs, state=None):
        """Results and the state after the last step, for inputs and a state by name; state None: before the first."""
        given = {"input": inputs, "state": self.start if state is None else state}
        found = []
        for each in self.about["arguments"]:
            value = given[each["kind"]][each["name"]]
            if not isinstance(value, jax.Array):
                value = jax.device_put(np.broadcast_to(np.asarray(value, each["dtype"]), each["shape"]))
            found.append(value)
        results = self.run.execute([*found, *self.weights])
        named = {(each["kind"], each["name"]): value for each, value in zip(self.about["results"], results)}
        state = {name: value for (kind, name), value in named.items() if kind == "state"}
        return {key: value for key, value in named.items() if key[0] != "state"}, state


def check(n):
    """Worst difference of the golden samples' results, and the number of results that differ by more than rounding."""
    golden, network = np.load(HERE / "golden.npz"), Network(n)
    names = [each["name"] for each in network.about["arguments"] if each["kind"] == "input"]
    inputs = {name: golden[f"input/{name}"] for name in names}
    total, differing, worst, n_golden = 0, 0, 0.0, len(next(iter(inputs.values())))
    for begin in range(0, n_golden, n):
        rows = np.minimum(np.arange(begin, begin + n), n_golden - 1)
        results, _ = network({name: x[rows] for name, x in inputs.items()})
        for (kind, name), value in results.items():
            expected = golden[f"{kind}/{name}"][rows]
            error = np.abs(np.asarray(value, "float64") - expected)
            differing += int((error > 1e-4 * np.abs(expected).max() + 1e-6).sum())
            worst, total = max(worst, float(error.max(initial=0.0))), total + error.size
    return total, differing, worst


if __name__ == "__main__":
    failed = False
    for n in sys.argv[1:] or json.loads((HERE / "signature.json").read_text("utf-8"))["programs"]:
        total, differing, worst = check(int(n))
        failed |= differing > total // 1000  # a spike at a tie may move, where another compiler adds up otherwise
        print(f"{'FAILED' if failed else 'PASSED'}: batches of {n} on {jax.devices()[0].device_kind}:"
              f" {differing} of {total} results differ, the worst by {worst:.3g}")
    sys.exit(failed)
'''


def write_folder(
    graph: SpikingGraph,
    calls: Calls,
    batch_sizes: Iterable[int],
    voltages: Mapping[str, Any],
    samples: Mapping[str, np.ndarray],
    folder: Path,
) -> None:
    """Write the programs for all these numbers of samples.

    Parameters
    ----------
    voltages : mapping of population name to float or array
        Before the first step.
    samples : mapping of input name to array
        Golden samples.
    """
    from .program import Whole  # needs TensorFlow

    programs: dict[str, Any] = {}
    weights: list[np.ndarray] = []
    for n in sorted(batch_sizes):
        whole = Whole(graph, calls, n)
        programs[str(n)] = write_program(whole, n, folder) | {
            "weights": [_number_of(a, weights) for a in whole.weights]
        }
        if len(programs) == 1:
            _save(folder / START, whole.start(voltages))
            golden = {f"input/{name}": np.asarray(x, calls.dtype) for name, x in samples.items()}
            # XLA takes minutes to compile the form for GPUs for the CPU here
            here = whole if calls.platform == "cpu" else Whole(graph, replace(calls, platform="cpu"), n)
            answers = here.batches(samples, here.start(voltages))
            _save(folder / GOLDEN, golden | {f"{kind}/{name}": value for (kind, name), value in answers.items()})
    _save(folder / "weights.npz", {str(number): array for number, array in enumerate(weights)})
    write_signature(graph.name, calls, programs, folder)
    (folder / "README.md").write_text(_readme(graph, calls, programs), "utf-8")


def write_program(whole: Whole, n: int, folder: Path) -> dict[str, Any]:
    """Write a program in both forms; its entry in the signature, but for the names of its weights."""
    stablehlo, hlo = f"batch_{n}.mlir", f"batch_{n}.hlo.pb"
    (folder / stablehlo).write_text(whole.stablehlo(), "utf-8")
    (folder / hlo).write_bytes(whole.hlo())
    return {
        "stablehlo": stablehlo,
        "hlo": hlo,
        "arguments": [array.as_dict() for array in whole.arguments if array.kind != "weight"],
        "results": [array.as_dict() for array in whole.results],
    }


def write_signature(network: str, calls: Calls, programs: Mapping[str, Any], folder: Path) -> None:
    """Write what the programs take and give, by number of samples, and the script that runs them."""
    about = {"network": network, "n_steps": calls.n_steps, "dt": calls.dt, "programs": programs}
    (folder / SIGNATURE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / SCRIPT).write_text(with_licence(SCRIPT, _SCRIPT), "utf-8")


def _number_of(array: np.ndarray, weights: list[np.ndarray]) -> str:
    """Number of a weight that all programs share, which is added where it is new."""
    for number, known in enumerate(weights):
        if known.shape == array.shape and known.dtype == array.dtype and np.array_equal(known, array):
            return str(number)
    weights.append(array)
    return str(len(weights) - 1)


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def _over(graph: SpikingGraph, calls: Calls) -> str:
    reading = check_read_from(graph, None, calls.n_steps)
    return "over all steps" if reading == PLAIN else f"of the outputs {reading.described}, as calibration chose"


def _readme(graph: SpikingGraph, calls: Calls, programs: Mapping[str, Any]) -> str:
    """Instructions: the arguments and results of the programs, and ways to run them."""
    first, size = next(iter(programs.values())), next(iter(programs))
    mean = f"the mean {_over(graph, calls)}"
    answers = {"mean": mean, "last": "the last step's", "none": "every step's"}[calls.reduce]
    rows = [
        f"| {side} | {each['kind']} | `{each['name']}` | {'×'.join(map(str, each['shape'])) or '1'} | {each['dtype']} |"
        for side, arrays in (("argument", first["arguments"]), ("result", first["results"]))
        for each in arrays
    ]
    varying = ", ".join(f"`{name}`" for name in sorted(calls.varying))
    return f"""\
# {graph.name}: {run_text(calls.n_steps, calls.dt)} as one XLA program

Written by snnconv {__version__}. It needs neither snnconv nor TensorFlow: whatever compiles StableHLO runs it.

    pip install jax          # or jax[cuda13], for NVIDIA GPUs
    python {SCRIPT}            # runs the golden samples, and compares

```python
from run import Network

network = Network({size})  # compiled for this many samples, on JAX's first device
results, state = network({{"{graph.inputs[0].name}": x}})
results["output", "{next(iter(graph.outputs))}"]
results, state = network({{"{graph.inputs[0].name}": x}}, state)  # goes on from there
```

Outputs are {answers}{"; inputs that vary in time, with their steps behind the samples: " + varying if varying else ""}.
`run.py` was tried with jaxlib 0.10 on a CPU.

## Arguments and results of batches of {size}

| | kind | name | shape | type |
|---|---|---|---|---|
{chr(10).join(rows)}

The weights follow behind the arguments, in the order that `{SIGNATURE}` has for each program. The state before the
first step is in `{START}`, for one sample; it is the same for all.

| file | what is in it |
|---|---|
| `batch_N.mlir` | the program for N samples a call: StableHLO in text, which JAX and IREE compile |
| `batch_N.hlo.pb` | the same as XLA's own serialized module |
| `weights.npz` | the weights, by number |
| `{GOLDEN}` | samples, and the results that XLA gave for them on a CPU |
"""
