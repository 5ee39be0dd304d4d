"""``snnconv export``: write a graph for another program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import ParameterError
from ..text.plain import milliseconds, shape_text, value_range
from ..text.table import Table
from .app import complete_target, import_tensorflow
from .options import Data, Dt, Json, KerasOptions, ScaleFiringRates, Synapse, check_samples
from .targets import ExportCommand as Command
from .targets import all_contents, given_options, list_all

if TYPE_CHECKING:
    from ..export import Measurement, Verdict
    from ..graph import SpikingGraph
    from ..tuning.adaptation import Adaptation
    from .model import ModelFile

MAX_SAMPLES = 8

__all__ = ["Command", "export"]


@dataclass(frozen=True)
class Measuring:
    """The group of options for measuring: samples and steps."""

    data: Data = None
    samples: Annotated[
        int,
        typer.Option(
            "--samples", metavar="N", help="Measure with the first N samples of the inputs, or N random ones."
        ),
    ] = MAX_SAMPLES
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Time steps to measure.")] = 100
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of random inputs.")] = 0

    def check(self) -> None:
        """Raise ParameterError if there is nothing to measure."""
        from ..runtime.arguments import check_steps

        check_samples(self.samples)
        check_steps(self.steps, 1.0)


@dataclass(frozen=True)
class Changes:
    """The group of options that change the network before it is written."""

    synapse: Synapse = None
    scale_firing_rates: ScaleFiringRates = None
    refit: Annotated[
        Path | None,
        typer.Option(
            "--refit",
            metavar="FILE",
            help="Keep LIF time constants, or take others, and refit gains and biases to these inputs.",
        ),
    ] = None
    tau_rc: Annotated[
        float | None,
        typer.Option("--tau-rc", metavar="SECONDS", help="Time constant of all LIF neurons, with --refit."),
    ] = None
    tau_ref: Annotated[
        float | None,
        typer.Option("--tau-ref", metavar="SECONDS", help="Refractory period of all LIF neurons, with --refit."),
    ] = None
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="FILE",
            help="Calibrate IF and LIF neurons with the inputs, (n, …), in an .npy or .npz file: right in few steps.",
        ),
    ] = None
    calibrate_steps: Annotated[
        int | None,
        typer.Option("--calibrate-steps", metavar="N", help="Time steps that --calibrate aims at.  [default: 32]"),
    ] = None
    spikes: Annotated[
        Literal["signed", "binary"] | None,
        typer.Option(
            "--spikes",
            help="Whether calibrated neurons take spikes back.  [default: signed, if the target takes it]",
        ),
    ] = None

    def read(self) -> dict[str, Any]:
        """Check that the options go together, and read the arrays of --refit and --calibrate, by name.

        Raises
        ------
        InputError, ParameterError
            If a file cannot be read, or the options do not go together.
        """
        from ..runtime.arguments import check_steps
        from .samples import read_arrays

        self._adaptation().check("options")
        files = {"refit": self.refit, "calibrate": self.calibrate}
        arrays = {name: read_arrays(path) for name, path in files.items() if path is not None}
        if self.calibrate_steps is not None:
            check_steps(self.calibrate_steps, 1.0, name="--calibrate-steps")
        return arrays

    def open(self, file: ModelFile, arrays: dict[str, Any], like: Any = None) -> SpikingGraph:
        """The changed graph of a file, with the arrays that `read` gave; open sizes are those of `like`."""
        like = next(iter(arrays.values()), None) if like is None else like
        if not arrays:
            return file.open(self.synapse, self.scale_firing_rates, like).graph
        import_tensorflow()
        from .samples import as_inputs

        graph = file.open(like=like).graph
        inputs = {name: as_inputs(each, graph) for name, each in arrays.items()}
        return replace(self._adaptation(), **inputs).apply(graph, file.dt)

    def _adaptation(self) -> Adaptation:
        from ..tuning.adaptation import Adaptation

        return Adaptation(
            self.scale_firing_rates,
            self.synapse,
            self.refit,
            self.tau_rc,
            self.tau_ref,
            self.calibrate,
            self.calibrate_steps,
            self.spikes,
        )


def export(
    context: typer.Context,
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A Keras file, an exported .snn.h5, or a .nir file.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Where to write.  [default: MODEL's name, as --list says]"),
    ] = None,
    target: Annotated[
        str,
        typer.Option("--target", "-t", metavar="NAME", help="Format; see --list.", autocompletion=complete_target),
    ] = "hdf5",
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Approximate what the target cannot hold, and measure it.")
    ] = False,
    *,
    measuring: Measuring,
    dt: Dt = None,
    changes: Changes,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that an earlier export wrote, or any file.")
    ] = False,
    json: Json = False,
    keras: KerasOptions,
    list_targets: Annotated[bool, typer.Option("--list", help="List the targets with their options and exit.")] = False,
) -> None:
    """Write a spiking network for another program.

    What is written is complete or not there at all. A target that cannot hold something says so and writes nothing,
    unless --approximate is given. The last line is the verdict: exact, or how many spikes and predictions differ from
    the float network.

    Examples:

    - `snnconv export model.keras`: model.snn.h5, with every number of the network

    - `snnconv export model.h5 --target nir --approximate --data x.npy`

    - `snnconv export relu.h5 --calibrate x.npy --calibrate-steps 16`
    """
    from .screen import print_json, say

    if list_targets:
        print_json(all_contents()) if json else list_all()
        return
    if model is None:
        raise ParameterError("export needs a MODEL. See 'snnconv export --help'.")
    from ..export import export as write
    from ..export import find_target
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, first_of, read_arrays

    chosen = find_target(target)
    given = given_options(context)
    chosen.check_options(given)
    measuring.check()
    file = find_model(model, keras, dt)
    out = file.beside(chosen.suffix) if out is None else out
    chosen.check_place(out, force)
    check_steps(1, file.dt)
    arrays = None if measuring.data is None else read_arrays(measuring.data)
    few = changes.read()
    if changes.spikes is None and not chosen.takes_signed_spikes:
        changes = replace(changes, spikes="binary")
    graph = changes.open(file, few, arrays)
    if chosen.uses_tensorflow:
        import_tensorflow()
    x = None if arrays is None else first_of(as_inputs(arrays, graph), measuring.samples)
    run = {"x": x, "n_steps": measuring.steps, "n_samples": measuring.samples, "seed": measuring.seed}
    verdict = write(graph, out, chosen.name, file.dt, **run, approximate=approximate, force=force, **given)
    if json:
        print_json({"path": str(out), "target": chosen.name, "dt": file.dt, **verdict.to_dict()})
    else:
        say(f"Wrote {out} ({chosen.name}, {_size(out)}) for steps of {file.dt * 1e3:g} ms.")
        _show(verdict, graph, tells_changes=bool(few))


def _size(path: Path) -> str:
    from .screen import file_size

    if path.is_dir():
        return f"{sum(1 for each in path.rglob('*') if each.is_file())} files"
    return file_size(path)


def _show(verdict: Verdict, graph: SpikingGraph, tells_changes: bool) -> None:
    """Print the numbers or the measurement, the changes made with samples, and the verdict."""
    from .screen import say, show

    if verdict.measured is not None:
        if verdict.measured.layers:
            show(_differences(verdict.measured))
    elif not verdict.unmeasured:
        show(_account(graph))
        _explain(graph)
    for line in graph.report if tells_changes else ():
        what = [
            part
            for part in line.action.split("; ")
            if part.startswith(("refit", "calibrated", "relative error", "largest output", "read as"))
        ]
        if what:
            say(f"{line.layer}: {'; '.join(what)}")
    for note in verdict.notes:
        say(f"Note: {note}.", indent=6)
    say(f"Fidelity: {verdict}", indent=10)


def _account(graph: SpikingGraph) -> Table:
    """The numbers of each population and readout."""
    rows = []
    for view in graph.populations.values():
        parameters = view.neuron.parameters()
        rows.append(
            (
                view.name,
                view.neuron.kind,
                "none" if view.kernel is None else shape_text(view.kernel.shape),
                value_range(view.gain),
                value_range(view.dense_bias),
                value_range(view.neuron_bias),
                milliseconds(parameters.get("tau_rc")),
                milliseconds(parameters.get("tau_ref")),
            )
        )
    for view in graph.readouts.values():
        if graph.outputs[view.name] not in graph.populations:
            kernel = "none" if view.kernel is None else shape_text(view.kernel.shape)
            rows.append((view.name, "", kernel, "", value_range(view.dense_bias)))
    headings = ("layer", "neuron", "kernel", "gain", "dense_bias", "neuron_bias", "tau_rc", "tau_ref")
    return Table(headings, rows, left=range(3), name_width=12)


def _explain(graph: SpikingGraph) -> None:
    """Print the equations in which the numbers of the table are used."""
    from .screen import say

    if graph.populations:
        say("J = input · kernel + dense_bias + neuron_bias    gain: in kernel and dense_bias")
        say("output = amplitude / dt at a spike               on average: amplitude · rate")
    for view in graph.populations.values():
        if view.linear is None:
            say(f"{view.name}: has no kernel of its own; its input comes from node '{view.input}', gain included")


def _differences(measured: Measurement) -> Table:
    """Spikes of each population, in the float network and in the export."""
    from ..export.fidelity import percent

    layers = (*measured.layers, measured.total) if len(measured.layers) > 1 else measured.layers
    rows = [(each.name, f"{each.n_spikes:,}", f"{each.n_written:,}", percent(each.share)) for each in layers]
    return Table(("layer", "spikes", "as written", "differing"), rows, name_width=36)
