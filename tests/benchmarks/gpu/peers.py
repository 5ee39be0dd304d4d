# pyright: reportMissingImports=false
"""The large layer in other systems on the same device; one that is not there is named and left out.

Their neurons leak exactly and are reset to zero, without a refractory period and without spike times inside a step.
"""

from __future__ import annotations

import math
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import works
from .layer import LargeLayer
from .programs import ALLOWED, median

PRECISIONS = ("float32", "tensorfloat32")
DECAY = math.exp(-works.DT / works.TAU_RC)


def measure(layers: Iterable[LargeLayer], wheels: Path, repeats: int) -> list[dict[str, Any]]:
    """Median milliseconds of each system, layer and precision, printed as they come.

    Parameters
    ----------
    wheels : path
        Folder with packages for systems that are not installed.
    """
    rows = []
    for wheel in sorted(wheels.glob("*.whl")):
        site = wheels / wheel.stem
        zipfile.ZipFile(wheel).extractall(site)
        sys.path.append(str(site))
    print("\n| system | layer | products in | ms |\n| --- | --- | --- | --- |", flush=True)
    for layer in layers:
        for title, build in SYSTEMS.items():
            for precision in PRECISIONS:
                row: dict[str, Any] = {"system": title, "layer": layer.name, "precision": precision}
                try:
                    row["milliseconds"] = build(layer, precision, repeats)
                    shown = f"{row['milliseconds']:.2f}"
                except Exception as error:  # of any system: the others are measured all the same
                    shown = row["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
                rows.append(row)
                print(f"| {title} | {layer.name} | {precision} | {shown} |", flush=True)
                if "error" in row:
                    break
    return rows


def _jax_scan(layer: LargeLayer, precision: str, repeats: int) -> float:
    """All steps' product at once, then `jax.lax.scan` over the neurons."""

    @jax.jit
    def forward(x: Any, kernel: Any, bias: Any) -> Any:
        currents = jnp.einsum("bti,ij->tbj", x, kernel) + bias

        def step(voltage: Any, current: Any) -> tuple[Any, Any]:
            voltage = current + (voltage - current) * jnp.float32(DECAY)
            spiked = voltage > 1
            return jnp.where(spiked, 0.0, voltage).astype(jnp.float32), spiked

        return jax.lax.scan(step, jnp.zeros_like(currents[0]), currents)[1]

    arrays = [jax.device_put(each) for each in (layer.spikes(), layer.kernel(), layer.bias)]
    with jax.default_matmul_precision(ALLOWED[precision]):
        jax.block_until_ready(forward(*arrays))
        return median(lambda: forward(*arrays), repeats)


def _spikingjelly(layer: LargeLayer, precision: str, repeats: int) -> float:
    """All steps together, by the kernels that it chooses for the device."""
    import torch
    from spikingjelly.activation_based import functional, neuron

    device, linear, x = _torch(layer, precision)
    lif = neuron.LIFNode(tau=1 / (1 - DECAY), decay_input=True, v_threshold=1.0, v_reset=0.0, step_mode="m").to(device)

    @torch.inference_mode()
    def forward() -> Any:
        functional.reset_net(lif)
        return lif(linear(x))

    return _torch_median(forward, repeats)


def _snntorch(layer: LargeLayer, precision: str, repeats: int) -> float:
    import snntorch
    import torch

    _, linear, x = _torch(layer, precision)
    lif = snntorch.Leaky(beta=DECAY, reset_mechanism="zero", reset_delay=False)

    @torch.inference_mode()
    def forward() -> Any:
        currents, spikes = linear(x) * (1 - DECAY), []
        voltage = torch.zeros_like(currents[0])
        for current in currents:
            spiked, voltage = lif(current, voltage)
            spikes.append(spiked)
        return torch.stack(spikes)

    return _torch_median(forward, repeats)


def _torch(layer: LargeLayer, precision: str) -> tuple[Any, Any, Any]:
    """Device, linear module, and input with the steps in front."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = precision == "tensorfloat32"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    linear = torch.nn.Linear(layer.n, layer.n).to(device)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(layer.kernel()).to(device).T)
        linear.bias.copy_(torch.from_numpy(layer.bias))
    return device, linear, torch.from_numpy(layer.spikes()).to(device).transpose(0, 1).contiguous()


def _torch_median(forward: Callable[[], Any], repeats: int) -> float:
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    times = []
    for number in range(repeats + 2):  # the first ones compile
        wait()
        start = time.perf_counter()
        forward()
        wait()
        if number > 1:
            times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


SYSTEMS: dict[str, Callable[[LargeLayer, str, int], float]] = {
    "JAX, scan by hand": _jax_scan,
    "SpikingJelly": _spikingjelly,
    "snnTorch": _snntorch,
}
