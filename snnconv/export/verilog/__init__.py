"""Verilog: a circuit that computes the integer network, with a test bench that proves it.

One arithmetic unit per layer, or several side by side, takes one input per clock; layers work in turn. Weights are in
read-only memories. The RTL in rtl/ is written by hand and the same for every network; what is generated is the module
that gives its layers their sizes, widths and memories.

- `stages`: the layers as parameters of modules; `memories`: their read-only memories; `encoder`: rate-coded inputs.
- `network`, `stream`: the generated modules; `instances`: layers and stores in the network, and files of memories.
- `sizing`: cells, clock and time, estimated before anything is written; lanes for a device.
- `boards`: tops for boards, from board/.
- `bench`: the test bench, its golden vectors and its simulation; `readme`: README.md and Makefile.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import replace
from pathlib import Path

from ...errors import ParameterError
from ...graph import SpikingGraph
from ...quantize import IntegerGraph
from ...text.plain import plural
from ..golden import Golden, golden_vectors
from ..integers import INTEGERS, OPTIONS, changes, run_folder, to_integers
from ..programs import with_licence
from ..target import Option, Plan, Settings, Target
from .bench import bench_text, check_folder, golden_clocks, golden_texts
from .boards import BOARDS, board_texts
from .encoder import parts, with_encoder
from .instances import memory_files
from .memories import mem_text
from .network import network_text
from .readme import MAKEFILE, readme
from .sizing.choice import aim_of, choose
from .sizing.devices import DEVICES
from .sizing.estimates import frequency
from .sizing.search import Search
from .stages import stages
from .stream import stream_text
from .timing import longest, mean_clocks

__all__ = ["TARGET", "plan"]


def plan(graph: SpikingGraph, settings: Settings) -> Plan:
    """Write the circuit and its test bench."""
    given, aim = _given_lanes(settings), aim_of(settings)
    board = BOARDS.get(settings.options["board"])
    integers = to_integers(graph, settings)
    encoded = with_encoder(integers)
    golden = golden_vectors(encoded, settings)
    layers = parts(encoded)
    n_layers = len(layers)
    if given is not None and len(given) not in (1, n_layers):
        names = ", ".join(f"'{node.name}'" for node in (part.node for part in layers))
        raise ParameterError(f"--lanes must be one number, or one for each of {names}. Received {len(given)}.")
    search = _search(graph, settings, encoded, golden)
    lanes = given * n_layers if given is not None and len(given) == 1 else given
    real_time = settings.n_steps * settings.dt
    choice = choose(search, lanes, aim, is_asked=bool(settings.options["latency"]), seconds=real_time)
    circuit = choice.stages

    def write(path: Path) -> None:
        texts = {
            "README.md": readme(encoded, circuit, golden),
            "Makefile": MAKEFILE,
            "tb.v": bench_text(encoded, circuit, golden),
            "rtl/snn_network.v": network_text(encoded, circuit),
            "rtl/snn_stream.v": stream_text(encoded, circuit),
        }
        for file in importlib.resources.files(__name__).joinpath("rtl").iterdir():
            if file.name.endswith(".v"):
                texts[f"rtl/{file.name}"] = file.read_text("utf-8")
        if board is not None and aim is not None:
            texts["Makefile"] += board.rules_for(aim.device.name)
            texts |= board_texts(board, encoded, circuit, golden, settings.n_steps)
        sources = ("Makefile", *(name for name in texts if name.endswith((".v", ".py"))))
        texts |= {name: with_licence(name, texts[name]) for name in sources}
        for stage in circuit:
            texts |= {name: mem_text(*numbers) for name, numbers in memory_files(stage).items()}
        texts |= golden_texts(encoded, circuit, golden)
        for folder in ("rtl", "mem", "golden", *(("board",) if board is not None else ())):
            (path / folder).mkdir()
        for name, text in texts.items():
            (path / name).write_text(text, "utf-8")
        integers.save(path / INTEGERS)

    clocks = golden_clocks(circuit, golden)
    mean = mean_clocks(clocks, circuit)
    most = longest(circuit, golden.n_steps, golden.varies)
    notes = [
        "'make sim' in the folder compares the circuit with the integers measured here, spike by spike (iverilog)",
        f"a sample of {plural(golden.n_steps, 'step')} takes {mean:,.0f} clocks at the spikes of the golden samples, "
        f"and at most {most:,}",
        *choice.notes,
    ]
    if aim is None:
        needed = frequency(most / golden.n_steps / settings.dt)
        notes[1] += f": real time, {settings.dt * 1e3:g} ms a step, needs {needed}"
    widths = {name: [bits, rows.shape[1]] for stage in circuit for name, (rows, bits) in memory_files(stage).items()}
    about: dict[str, object] = {"bits_and_lanes_of_mem": widths}
    if choice.estimate is not None:
        about["estimate"] = choice.estimate.to_dict()
    return Plan(write, run_folder, (), changes(graph, integers), tuple(notes), about=about)


def _search(graph: SpikingGraph, settings: Settings, encoded: IntegerGraph, golden: Golden) -> Search:
    """The search for lanes of a network in integers."""

    def with_bits(bits: int) -> Search:
        other = replace(settings, options={**settings.options, "bits": bits})
        narrow = with_encoder(to_integers(graph, other))
        return _search(graph, other, narrow, golden_vectors(narrow, other))

    return Search(
        build=lambda lanes, deepest: stages(encoded, lanes, deepest),
        clocks=lambda circuit: golden_clocks(circuit, golden),
        n_layers=len(parts(encoded)),
        n_steps=settings.n_steps,
        varies=golden.varies,
        bits=settings.options["bits"],
        with_bits=with_bits,
    )


def _given_lanes(settings: Settings) -> list[int] | None:
    """Lanes that the options ask for: one number for all layers, or one for each. None: none are asked for."""
    parallel, text = settings.options["parallel"], settings.options["lanes"]
    if parallel < 1:
        raise ParameterError(f"--parallel must be a whole number above 0. Received {parallel}.")
    if parallel > 1 and text:
        raise ParameterError("--parallel and --lanes say the same thing. Give one of them.")
    if not text:
        return [parallel] if parallel > 1 else None
    try:
        lanes = [int(number) for number in text.split(",")]
    except ValueError:
        lanes = [0]
    if min(lanes) < 1:
        raise ParameterError(f"--lanes must be whole numbers above 0, as in 8,4,1. Received {text!r}.")
    return lanes


TARGET = Target(
    "verilog",
    "_verilog",
    "a circuit in Verilog with a test bench: dense layers, convolutions, pools, LIF and IF in integers, AXI4-Stream",
    "what has no integer form: Alpha synapses, functions of means, other neurons; several layers that read the inputs",
    plan,
    (
        *OPTIONS,
        Option("parallel", int, 1, "most sums of a layer that are made side by side"),
        Option("lanes", str, "", "the same for each layer, as in 8,4,1; or searched for, with --device"),
        Option("device", str, "none", "the FPGA to choose lanes and estimate cells for", ("none", *DEVICES)),
        Option("latency", str, "", "time of a sample on it, as in 1ms; or in real time"),
        Option("clock", str, "", "its clock, as in 50MHz; or the highest that is estimated"),
        Option("board", str, "none", "a top for a board, with a serial line and host.py", ("none", *BOARDS)),
    ),
    is_folder=True,
    check_folder=check_folder,
)
