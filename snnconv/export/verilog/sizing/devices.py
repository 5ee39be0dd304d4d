"""Devices: cells that FPGAs have, and how their tools build memories and multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Family:
    """Devices with the same kinds of cells, and how yosys maps memories onto them.

    Parameters
    ----------
    name : str
        In the coefficients that were fitted to its runs.
    cell : str
        Its unit of logic.
    shapes : tuple of (int, int)
        Bits of a word, and words, of the ways in which a block of memory can be used.
    block_cost : int
        Bits of logic that a block of memory is worth to yosys.
    rom_bits : int
        Bits that are only read which are worth one of these.
    distributed : (int, int, int, int), or None
        Bits of a word, words and the cost of a memory that is made of logic cells, and words of the deepest.
    least_product : int or None
        Fewest bits of a product that takes a multiplier. None: it has no multipliers.
    volts, nanometres : float
        Core voltage and feature size, which the estimate of its energy is scaled with.
    is_routed : bool
        Whether runs were routed, so that there is an estimate of its clock.
    """

    name: str
    cell: str
    shapes: tuple[tuple[int, int], ...]
    block_cost: int
    rom_bits: int
    distributed: tuple[int, int, int, int] | None
    least_product: int | None
    volts: float
    nanometres: float
    is_routed: bool = True

    @property
    def deepest(self) -> int:
        """Most words of a block of memory."""
        return max(words for _, words in self.shapes)


@dataclass(frozen=True)
class Device:
    """An FPGA.

    Parameters
    ----------
    name : str
        Of ``--device``.
    title : str
        Its maker's name.
    family : Family
    cells, registers, memories, multipliers : int
        That it has; memories are blocks, of 4 kbit (iCE40) or 18 kbit.
    source : str
        Its data sheet.
    """

    name: str
    title: str
    family: Family
    cells: int
    registers: int
    memories: int
    multipliers: int
    source: str


COUNTS = ("cells", "registers", "memories", "multipliers")  # that devices have and circuits take

ICE40_SHAPES = ((16, 256), (8, 512), (4, 1024), (2, 2048))
ECP5_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))

UP5K = Family("up5k", "logic cells", ICE40_SHAPES, 64, 16, None, 12, 1.2, 40)
HX8K = Family("hx8k", "logic cells", ICE40_SHAPES, 64, 16, None, None, 1.2, 40)
ECP5 = Family("ecp5-25", "LUT4", ECP5_SHAPES, 128, 16, (4, 16, 4, 16), 4, 1.1, 40)
XC7 = Family("xc7", "LUT6", ECP5_SHAPES, 129, 64, (6, 32, 7, 128), 9, 1.0, 28, is_routed=False)

_ULTRA_PLUS = "Lattice FPGA-DS-02008"
_LP_HX = "Lattice FPGA-DS-02029"
_ECP5 = "Lattice FPGA-DS-02012"
_ARTIX = "AMD DS180"
_ZYNQ = "AMD DS190"

DEVICES: Mapping[str, Device] = MappingProxyType(
    {
        device.name: device
        for device in (
            Device("up5k", "iCE40 UP5K", UP5K, 5280, 5280, 30, 8, _ULTRA_PLUS),
            Device("hx8k", "iCE40 HX8K", HX8K, 7680, 7680, 32, 0, _LP_HX),
            Device("ecp5-25", "ECP5 LFE5U-25F", ECP5, 24_288, 24_288, 56, 28, _ECP5),
            Device("ecp5-45", "ECP5 LFE5U-45F", ECP5, 43_848, 43_848, 108, 72, _ECP5),
            Device("ecp5-85", "ECP5 LFE5U-85F", ECP5, 83_640, 83_640, 208, 156, _ECP5),
            Device("xc7a35t", "Artix-7 XC7A35T", XC7, 20_800, 41_600, 100, 90, _ARTIX),
            Device("xc7a100t", "Artix-7 XC7A100T", XC7, 63_400, 126_800, 270, 240, _ARTIX),
            Device("xc7z020", "Zynq-7000 XC7Z020", XC7, 53_200, 106_400, 280, 220, _ZYNQ),
        )
    }
)
