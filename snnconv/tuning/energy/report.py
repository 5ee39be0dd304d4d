"""The account of a run: operations by layer and energy by device, which prints as text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from ...text.plain import WIDTH, count_text, joules, plural, run_text
from ...text.table import Report, Section, Table
from .devices import Device

NAME_WIDTH = 16  # longer names are broken

FUNCTIONS = (
    "The functions of means (activations such as silu, products of signals, normalisation, softmax, attention) are "
    "arithmetic at every step, whatever spikes; one of their multiplications, divisions or exponentials is taken to "
    "cost what a synaptic operation does. Their results are sent as spikes."
)
ASSUMPTIONS = (
    "A synaptic operation is one weight other than 0 that a value other than 0 meets at a step: an effective AC or MAC "
    "of NeuroBench. Added up are synaptic operations and neuron updates; what moves data, waits, or reads the output "
    "out is not.",
    "On devices that are not driven by events every product is computed at every step, and one product (a "
    "multiply-accumulate) is taken to cost what a synaptic operation does. The ANN computes each product and each "
    "neuron once.",
)


@dataclass(frozen=True)
class LayerEnergy:
    """Operations of one layer; means over the samples of a whole run.

    Parameters
    ----------
    name : str
    n_neurons : int
    spikes : float
        Spikes that its neurons sent.
    synops : float
        Effective synaptic operations: weights other than 0 that values other than 0 met at the layer, of which spikes
        are the cause.
    products : int
        Multiply-accumulates with values that no spike carried, each time they are computed: behind the input.
    arithmetic : int
        Multiplications, divisions and calls of exp and the like of a function of means, at every step.
    macs : int
        Multiply-accumulates of the layer as an ANN, for one sample, zeros included; products with padding are left
        out.
    """

    name: str
    n_neurons: int
    spikes: float
    synops: float
    products: int
    arithmetic: int
    macs: int


@dataclass(frozen=True)
class EnergyReport:
    """Operations and energy of a run, per sample; it prints as text.

    Parameters
    ----------
    layers : tuple of LayerEnergy
    devices : tuple of Device
    n_samples, n_steps : int
    dt : float
        Length of a step, in seconds.
    is_constant : bool
        Whether the input was held, so that products with it are computed once, and not at every step.
    """

    layers: tuple[LayerEnergy, ...]
    devices: tuple[Device, ...]
    n_samples: int
    n_steps: int
    dt: float
    is_constant: bool

    @property
    def n_frames(self) -> int:
        """Number of times that an input comes in."""
        return 1 if self.is_constant else self.n_steps

    @property
    def spikes(self) -> float:
        """Spikes of all neurons."""
        return sum(layer.spikes for layer in self.layers)

    @property
    def synops(self) -> float:
        """Effective synaptic operations behind spikes."""
        return sum(layer.synops for layer in self.layers)

    @property
    def products(self) -> int:
        """Multiply-accumulates with values that no spike carried, over the whole run."""
        return self.n_frames * sum(layer.products for layer in self.layers)

    @property
    def arithmetic(self) -> int:
        """Operations of functions of means, over the whole run."""
        return self.n_steps * sum(layer.arithmetic for layer in self.layers)

    @property
    def neuron_updates(self) -> int:
        """Neurons times steps."""
        return self.n_steps * sum(layer.n_neurons for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the ANN: once, or at every step where the input varies in time."""
        return self.n_frames * sum(layer.macs for layer in self.layers)

    def joules(self, device: Device) -> float:
        """Energy of the spiking network on a device."""
        return self._synaptic(device) + self.neuron_updates * device.energy_per_neuron_update

    def ann_joules(self, device: Device) -> float | None:
        """Energy of the ANN on a device; None on one that is driven by events, which runs no ANN."""
        if device.event_driven:
            return None
        n_neurons = sum(layer.n_neurons for layer in self.layers)
        functions = self.n_frames * sum(layer.arithmetic for layer in self.layers)
        return (
            self.macs + functions
        ) * device.energy_per_synop + self.n_frames * n_neurons * device.energy_per_neuron_update

    @property
    def report(self) -> Report:
        """Operations by layer, energy by device, and what was assumed."""
        head = f"Per sample, a mean over {plural(self.n_samples, 'sample')}: {run_text(self.n_steps, self.dt)}."
        held = "constant: products with it once" if self.is_constant else "varying: products with it at every step"
        assumed = [line for text in self._assumptions for line in textwrap.wrap(text, WIDTH)]
        parts = ([head, f"Input {held}."], [_layers(self)], [_devices(self)], assumed)
        return Report([Section("", each) for each in parts])

    def __str__(self) -> str:
        return str(self.report)

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        return {
            "n_samples": self.n_samples,
            "n_steps": self.n_steps,
            "dt": self.dt,
            "input_is_constant": self.is_constant,
            "spikes": self.spikes,
            "synops": self.synops,
            "products": self.products,
            "arithmetic": self.arithmetic,
            "neuron_updates": self.neuron_updates,
            "ann_macs": self.macs,
            "layers": [vars(layer) for layer in self.layers],
            "devices": [
                {
                    **vars(device),
                    "synaptic_joules": self._synaptic(device),
                    "neuron_joules": self.neuron_updates * device.energy_per_neuron_update,
                    "joules": self.joules(device),
                    "ann_joules": self.ann_joules(device),
                }
                for device in self.devices
            ],
            "assumptions": list(self._assumptions),
        }

    @property
    def _assumptions(self) -> tuple[str, ...]:
        return (*ASSUMPTIONS, FUNCTIONS) if self.arithmetic else ASSUMPTIONS

    def _synaptic(self, device: Device) -> float:
        if device.event_driven:
            return (self.synops + self.products + self.arithmetic) * device.energy_per_synop
        behind_spikes = sum(layer.macs - layer.products for layer in self.layers)
        return (behind_spikes * self.n_steps + self.products + self.arithmetic) * device.energy_per_synop


def _layers(report: EnergyReport) -> Table:
    headings = ("layer", "neurons", "spikes", "per neuron", "synops", "products", "arithmetic", "ANN MACs")
    rows = [
        (
            layer.name,
            f"{layer.n_neurons:,}" if layer.n_neurons else "",
            count_text(layer.spikes) if layer.n_neurons else "",
            f"{layer.spikes / layer.n_neurons:.2f}" if layer.n_neurons else "",
            count_text(layer.synops),
            count_text(layer.products * report.n_frames) if layer.products else "",
            count_text(layer.arithmetic * report.n_steps) if layer.arithmetic else "",
            count_text(layer.macs * report.n_frames),
        )
        for layer in report.layers
    ]
    n_neurons = sum(layer.n_neurons for layer in report.layers)
    total = (
        "total",
        f"{n_neurons:,}",
        count_text(report.spikes),
        f"{report.spikes / n_neurons:.2f}" if n_neurons else "",
        count_text(report.synops),
        count_text(report.products),
        count_text(report.arithmetic),
        count_text(report.macs),
    )
    if not report.arithmetic:
        headings, *rows = (row[:-2] + row[-1:] for row in (headings, *rows))
        total = total[:-2] + total[-1:]
    return Table(headings, [*rows, total], ends=(len(rows) - 1,), name_width=NAME_WIDTH, indent=0)


def _devices(report: EnergyReport) -> Table:
    headings = ("device", "synop", "update", "synaptic", "neurons", "spiking", "as an ANN")
    rows = []
    for device in report.devices:
        neurons = report.neuron_updates * device.energy_per_neuron_update
        total = report.joules(device)
        energies = (total - neurons, neurons, total, report.ann_joules(device))
        costs = (device.energy_per_synop, device.energy_per_neuron_update)
        rows.append((device.name, *map(joules, (*costs, *energies))))
    return Table(headings, rows, name_width=NAME_WIDTH, indent=0)
