"""``snnconv quantize``: turn a network into integers, and measure the accuracy and spikes that costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ModelFileError, ParameterError
from ..text.plain import plural, run_text
from ..text.table import Table
from .app import complete_one_of
from .options import Dt, Force, Json, KerasOptions, Labels, Model, Steps

if TYPE_CHECKING:
    from ..graph import Inputs
    from ..quantize import Code, IntegerGraph
    from ..quantize.comparison import Comparison

PROVEN_STEPS = 1000  # steps for which sums over time are proven, at least


def quantize(
    model: Model,
    bits: Annotated[str, typer.Option(metavar="N,…", help="Bits of a weight, 2 to 16; several to compare.")] = "8",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", "--input", "-i", metavar="FILE", help="Inputs, .npy or .npz.  [default: random numbers in 0…1]"
        ),
    ] = None,
    labels: Labels = None,
    steps: Steps = 200,
    dt: Dt = None,
    scale: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Weights have one scale per neuron, layer, or power_of_two per layer.",
            autocompletion=complete_one_of("neuron", "layer", "power_of_two"),
        ),
    ] = "neuron",
    code: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="How inputs come in: analog, rate or latency.",
            autocompletion=complete_one_of("analog", "rate", "latency"),
        ),
    ] = "analog",
    input_bits: Annotated[int, typer.Option(metavar="N", help="Bits of an input.")] = 8,
    fraction_bits: Annotated[int, typer.Option(metavar="K", help="Fractional bits of leaks and synapses.")] = 12,
    threshold_bits: Annotated[int, typer.Option(metavar="P", help="Bits of the current at threshold.")] = 8,
    refractory_bits: Annotated[
        int, typer.Option(metavar="F", help="Fractional bits of the steps that LIF neurons rest; 0: whole steps.")
    ] = 0,
    synapse: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time constant of a lowpass behind every population.  [default: none]"),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Estimate the circuit of 'export --target verilog' for an FPGA, such as up5k or ecp5-25.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of random inputs.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the integers to an .int.h5 file.")
    ] = None,
    force: Force = False,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Turn a spiking network into integers, and measure what that costs.

    Weights have few bits, everything else fits int32, proven for all inputs. The network runs in floats and in
    integers on the same data; programs and circuits made of the integers give these very spikes.

    Examples:

    - `snnconv quantize model.keras --bits 4,6,8,16 --data x.npy --labels y.npy`

    - `snnconv quantize model.keras --bits 4,6,8 --device up5k`: which of them fits the FPGA

    - `snnconv quantize model.snn.h5 -o model.int.h5`
    """
    from ..conversion.verify import random_inputs
    from ..files.output import check_file
    from ..quantize import quantize as to_integers
    from ..quantize.file import ENDINGS, is_integer_file
    from ..quantize.scales import Settings
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, class_numbers, read_data

    widths = _widths(bits)
    check_steps(steps, 1.0)
    if code not in ("analog", "rate", "latency"):
        raise ParameterError(f"--code must be analog, rate or latency. Received {code!r}.")
    if out is not None:
        if len(widths) > 1:
            raise ParameterError("-o writes one network: name one number with --bits.")
        check_file(out, ENDINGS, force)
    if is_integer_file(model):
        raise ModelFileError(f"'{model}' holds integers already: snnconv.quantize.load reads it.")
    file = find_model(model, keras, dt)
    plan = {
        "dt": file.dt,
        "fraction_bits": fraction_bits,
        "threshold_bits": threshold_bits,
        "scale": scale,
        "refractory_bits": refractory_bits,
        "n_steps": max(steps, PROVEN_STEPS),
    }
    if device is not None:
        from ..export.verilog.sizing.devices import DEVICES

        if device not in DEVICES:
            raise ParameterError(f"--device must be one of {', '.join(DEVICES)}. Received {device!r}.")
    for width in widths:
        Settings(weight_bits=width, **plan)
    given, classes = read_data(data, labels)
    graph = file.open(synapse, like=given).graph
    xs = graph.check_inputs(random_inputs(graph, seed) if given is None else as_inputs(given, graph), "float64", steps)
    y = class_numbers(graph, given, classes, xs.n)
    coding = _code(code, input_bits, xs, steps)
    integers = [to_integers(graph, width, input=coding, **plan) for width in widths]
    (x,) = xs.values()  # of several inputs there is no integer graph
    circuits = None if device is None else _circuits(integers, device)

    from .app import import_tensorflow

    import_tensorflow()
    from ..quantize.comparison import compare

    found = compare(graph, integers, x, steps, y)
    if out is not None:
        integers[0].save(out)
    if json:
        from .screen import print_json

        print_json(_contents(found) | ({} if circuits is None else {"circuits": circuits}))
        return
    _show(found, given is None, out)
    if circuits is not None:
        _show_circuits(circuits)


def _widths(bits: str) -> list[int]:
    try:
        return [int(text) for text in bits.split(",")]
    except ValueError:
        raise ParameterError(
            f"--bits must be whole numbers with commas between, as in 4,6,8. Received {bits!r}."
        ) from None


def _code(kind: str, bits: int, xs: Inputs, n_steps: int) -> Code:
    """The code for the range of the data."""
    from ..quantize import Analog, LatencyCode, RateCode

    low = min(0.0, *(float(x.min()) for x in xs.values()))
    high = max(0.0, *(float(x.max()) for x in xs.values())) or 1.0
    if kind == "rate":
        return RateCode(bits=bits, low=low, high=high)
    if kind == "latency":
        return LatencyCode(bits=bits, low=low, high=high, window=n_steps)
    return Analog(bits=bits, low=low, high=high)


def _show(found: list[Comparison], is_random: bool, out: Path | None) -> None:
    from .screen import file_size, say, show

    first = found[0]
    dt = first.graph.dt
    ran = f"{plural(first.n_samples, 'random sample')} (no --data)" if is_random else plural(first.n_samples, "sample")
    say(f"Ran {ran} for {run_text(first.n_steps, dt)}, in floats and in integers.")
    show(_predictions_table(found))
    if first.populations:
        show(_populations_table(found))
        say("Differing spikes: share of all entries, one per sample, step and neuron.")
    if len(found) == 1:
        from ..quantize.integer_graph import summary_table

        show(summary_table(first.graph.nodes, first.graph.settings, first.graph.name))
        say("What differs from the float network:")
        for line in first.graph.approximations:
            say(f"- {line}")
    else:
        say("One number with --bits shows every layer's integers, and what differs from the float network.")
    if out is not None:
        say(f"Wrote {out} ({file_size(out)}).")


def _circuits(integers: list[IntegerGraph], name: str) -> list[dict[str, Any]]:
    """Estimates of the circuit with each number of bits, one lane in each layer."""
    from ..export.verilog.encoder import with_encoder
    from ..export.verilog.sizing import cells, devices
    from ..export.verilog.stages import stages

    device, found = devices.DEVICES[name], []
    for graph in integers:
        took = cells.estimate(stages(with_encoder(graph), 1, device.family.deepest), device.family)
        fits = took.fits(device)
        found.append({"bits": graph.settings.weight_bits, "device": name, "fits": fits, **vars(took)})
    return found


def _show_circuits(circuits: list[dict[str, Any]]) -> None:
    from ..export.verilog.sizing.devices import COUNTS, DEVICES
    from .screen import say, show

    device = DEVICES[circuits[0]["device"]]
    rows = [
        (
            f"{line['bits']} bits",
            *(f"{line[what]:,}" for what in COUNTS),
            "" if line["hertz"] is None else f"{line['hertz'] / 1e6:.0f} MHz",
            "yes" if line["fits"] else "no",
        )
        for line in circuits
    ]
    there = ("there are", *(f"{getattr(device, what):,}" for what in COUNTS), "", "")
    say(f"Circuit for {device.title}, one sum at a time in each layer, as estimated:")
    show(Table(("weights", device.family.cell, *COUNTS[1:], "clock", "fits"), [*rows, there]))


def _predictions_table(found: list[Comparison]) -> Table:
    first = found[0]
    rows = [] if first.float_accuracy is None else [["float", f"{first.float_accuracy:.1%}"]]
    for line in found:
        others = "" if line.n_other_predictions is None else f"{line.n_other_predictions / line.n_samples:.1%}"
        accuracy = "" if line.accuracy is None else f"{line.accuracy:.1%}"
        rows.append([f"{line.graph.settings.weight_bits} bits", accuracy, others, f"{line.graph.bits} bits"])
    return Table(("weights", "accuracy", "other predictions", "widest integer"), rows)


def _populations_table(found: list[Comparison]) -> Table:
    rows = []
    for number, population in enumerate(found[0].populations):
        rows.append((population.name, "float", f"{population.float_rate:.1f} Hz"))
        for line in found:
            own = line.populations[number]
            bits = (line.graph.settings.weight_bits, line.graph[own.name].ranges["voltage"].bits)
            rows.append(("", f"{bits[0]} bits", f"{own.rate:.1f} Hz", f"{own.differing:.2%}", f"{bits[1]} bits"))
    headings = ("population", "weights", "mean rate", "differing spikes", "voltage")
    ends = range(len(found), len(rows), len(found) + 1)
    return Table(headings, rows, left=(0, 1), ends=ends, name_width=20)


def _contents(found: list[Comparison]) -> dict[str, Any]:
    first = found[0]
    return {
        "n_samples": first.n_samples,
        "n_steps": first.n_steps,
        "dt": first.graph.dt,
        "float": {
            "accuracy": first.float_accuracy,
            "rates": {population.name: population.float_rate for population in first.populations},
        },
        "integer": [_integer_contents(line, line.graph) for line in found],
    }


def _integer_contents(line: Comparison, graph: IntegerGraph) -> dict[str, Any]:
    others = line.n_other_predictions
    return {
        "bits": graph.settings.weight_bits,
        "accuracy": line.accuracy,
        "other_predictions": None if others is None else others / line.n_samples,
        "widest_bits": graph.bits,
        "populations": {
            own.name: {
                "rate": own.rate,
                "differing_spikes": own.differing,
                "bits": {what: found.bits for what, found in graph[own.name].ranges.items()},
            }
            for own in line.populations
        },
        "approximations": list(graph.approximations),
    }
