"""What an account of energy says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .devices import Device

ASSUMPTIONS = (
    "A synaptic operation is one weight that one spike meets. Added up are synaptic operations and neuron updates; "
    "what moves data, waits, or reads the output out is not.",
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
        Weights that spikes met on the way into the layer.
    products : int
        Multiply-accumulates with values that no spike carried, each time they are computed: behind the input.
    macs : int
        Multiply-accumulates of the layer as an ANN, for one sample; products with padding are left out.
    """

    name: str
    n_neurons: int
    spikes: float
    synops: float
    products: int
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
    def spikes(self) -> float:
        """Spikes of all neurons."""
        return sum(layer.spikes for layer in self.layers)

    @property
    def synops(self) -> float:
        """Weights that spikes met."""
        return sum(layer.synops for layer in self.layers)

    @property
    def products(self) -> int:
        """Multiply-accumulates with values that no spike carried, over the whole run."""
        return self._frames * sum(layer.products for layer in self.layers)

    @property
    def neuron_updates(self) -> int:
        """Neurons times steps."""
        return self.n_steps * sum(layer.n_neurons for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the ANN: once, or at every step where the input varies in time."""
        return self._frames * sum(layer.macs for layer in self.layers)

    def joules(self, device: Device) -> float:
        """Energy of the spiking network on a device."""
        return self._synaptic(device) + self.neuron_updates * device.energy_per_neuron_update

    def ann_joules(self, device: Device) -> float | None:
        """Energy of the ANN on a device; None on one that is driven by events, which runs no ANN."""
        if device.event_driven:
            return None
        n_neurons = sum(layer.n_neurons for layer in self.layers)
        return self.macs * device.energy_per_synop + self._frames * n_neurons * device.energy_per_neuron_update

    def __str__(self) -> str:
        from .text import report_text

        return report_text(self)

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
            "assumptions": list(ASSUMPTIONS),
        }

    @property
    def _frames(self) -> int:
        """How often an input comes in."""
        return 1 if self.is_constant else self.n_steps

    def _synaptic(self, device: Device) -> float:
        if device.event_driven:
            return (self.synops + self.products) * device.energy_per_synop
        behind_spikes = sum(layer.macs - layer.products for layer in self.layers)
        return (behind_spikes * self.n_steps + self.products) * device.energy_per_synop
