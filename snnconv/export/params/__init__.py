"""Every number of a network in one folder, in floats and in integers, for those who write the network themselves.

- `numbers`: their names and widths, .mem and .coe files; `texts`: params.json, params.h and params.vh.
- `report`: REPORT.md and README.md.
- `check`: whether all files of a folder hold the same numbers.
"""

from __future__ import annotations

from pathlib import Path

from ...files.archives import write_npz
from ...graph import SpikingGraph
from ...quantize import IntegerGraph
from ..golden import Golden, golden_vectors
from ..integers import INTEGERS, OPTIONS, changes, identifiers, run_folder, to_integers
from ..numbers import flatten
from ..programs import with_licence
from ..target import Plan, Settings, Target
from .check import check_folder
from .numbers import array_width, arrays, coe, mem, width
from .report import readme, report
from .texts import as_text, c_header, contents, verilog_header

__all__ = ["TARGET", "plan"]


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the folder."""
    integers = to_integers(graph, settings)
    golden = golden_vectors(integers, settings)

    def write(path: Path) -> None:
        texts = {
            "REPORT.md": report(integers),
            "README.md": readme(integers, golden),
            "params.json": as_text(contents(graph, integers)),
            "params.h": with_licence("params.h", c_header(integers)),
            "params.vh": with_licence("params.vh", verilog_header(integers)),
        }
        for folder, write_array in (("mem", mem), ("coe", coe)):
            (path / folder).mkdir()
            for name, fields in arrays(integers).items():
                for field, array in fields.items():
                    text = write_array(array, array_width(integers, field, array), f"{name} {field}")
                    texts[f"{folder}/{name}_{field}.{folder}"] = text
        (path / "golden").mkdir()
        texts |= {f"golden/{name}.mem": text for name, text in _golden_texts(integers, golden).items()}
        for name, text in texts.items():
            (path / name).write_text(text, "utf-8")
        plain = {
            f"{name}/{field}": array for name, fields in arrays(integers).items() for field, array in fields.items()
        }
        write_npz(path / "integers.npz", plain)
        write_npz(path / "float.npz", flatten(graph, settings.dt))
        write_npz(path / "golden.npz", golden.arrays())
        integers.save(path / INTEGERS)

    notes = (f"{golden.note}; from snnconv.quantize.run",)
    widths = {
        f"mem/{name}_{field}.mem": array_width(integers, field, array)
        for name, fields in arrays(integers).items()
        for field, array in fields.items()
    }
    return Plan(write, run_folder, (), changes(graph, integers), notes, about={"bits_of_mem": widths})


def _golden_texts(integers: IntegerGraph, golden: Golden) -> dict[str, str]:
    """The golden vectors as .mem files, by name."""
    names = identifiers(node.name for node in integers.nodes)
    found = {"inputs": mem(golden.codes, width(integers.input.code.codes), "inputs")}
    for name, spikes in golden.spikes.items():
        if spikes.dtype == "int8":  # of both signs
            limits = integers[name].ranges["value"]
            found[f"{names[name]}_spikes"] = mem(spikes, width(limits), f"{names[name]} spikes")
            continue
        steps = spikes.reshape(len(spikes) * golden.n_steps, -1)
        shape = f"{golden.size}, one step per line, neuron 0 in the lowest bit"
        words = ["".join(map(str, step)) for step in steps[:, ::-1].tolist()]
        digits = -(-steps.shape[1] // 4)
        lines = [f"{int(word, 2):0{digits}x}" for word in words]
        found[f"{names[name]}_spikes"] = "\n".join([f"// {names[name]} spikes: {shape}", *lines, ""])
    for kind in ("voltages", "readouts"):
        for name, values in getattr(golden, kind).items():
            limits = integers[name].ranges["voltage" if kind == "voltages" else "total"]
            found[f"{names[name]}_{kind}"] = mem(values, width(limits), f"{names[name]} {kind}")
    return found


TARGET = Target(
    "params",
    "_params",
    "a folder of every number, float and integer: .npz, .json, .mem, .coe, C and Verilog headers, test vectors, report",
    "what has no integer form: Alpha synapses, functions of means, other neurons",
    plan,
    OPTIONS,
    is_folder=True,
    check_folder=check_folder,
)
