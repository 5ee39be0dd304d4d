"""``snnconv train``: train, convert, run and export, as a config says."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, ModelFileError

if TYPE_CHECKING:
    from ..config import Config
    from ..graph import SpikingGraph
    from ..training import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What training and conversion gave, and where it was written."""

    trained: TrainedModel
    graph: SpikingGraph
    model_path: Path
    graph_path: Path


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file.", show_default=False)],
    epochs: Annotated[int | None, typer.Option(metavar="N", help="In place of the config's.")] = None,
    data_path: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the dataset lies, in place of the config's.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.  [default: runs/NAME of the config]"),
    ] = None,
) -> None:
    """Train, convert, run and export as a config says.

    The folder gets model.keras and model.snn.h5.

    Example:

    - `snnconv train configs/digits_mlp.toml --epochs 10`
    """
    from .. import config as configs
    from .screen import say

    settings = configs.load(config)
    if epochs is not None:
        if epochs < 1:
            raise ConfigError(f"--epochs must be a whole number above 0. Received {epochs}.")
        settings = dataclasses.replace(settings, training=dataclasses.replace(settings.training, epochs=epochs))
    if data_path is not None:
        settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, path=data_path))
    outcome = train_and_export(settings, output or settings.output.folder / settings.name)
    say(f"Look at the network: snnconv inspect {outcome.graph_path}")


def train_and_export(config: Config, folder: Path, *, show_epochs: bool = True) -> Outcome:
    """Train, convert, run the test data in spikes, and write model.keras and model.snn.h5 into `folder`."""
    from .quiet import import_tensorflow
    from .screen import say, show, step
    from .simulate import accuracy_table

    _check_folder(folder)
    import_tensorflow()
    import keras

    from .. import datasets
    from ..conversion import convert
    from ..export import export
    from ..simulator import Simulator
    from ..training import build_model
    from ..training import train as fit

    data = datasets.load(config.data.dataset, config.data.path)
    options = config.conversion

    def converted(model: Any) -> SpikingGraph:
        scale = options.scale_firing_rates
        return convert(model, synapse=options.synapse, scale_firing_rates=scale, verbose=False)

    converted(build_model(config, data.input_shape, data.n_classes))  # before minutes are spent on training
    keras.utils.clear_session()  # layers are numbered from the start again
    _make_folder(folder)
    n_steps, dt = config.simulation.n_steps, config.simulation.dt
    step("Data", f"{data.name}: {len(data.x_train):,} samples to train on, {len(data.x_test):,} to test with")
    callbacks = [_epoch_lines(config.training.epochs)] if show_epochs else []
    trained = fit(config, dataset=data, verbose=False, callbacks=callbacks)
    n_epochs = config.training.epochs
    n_parameters = sum(math.prod(weight.shape) for weight in trained.model.trainable_weights)
    step(
        "Train",
        f"{n_parameters:,} parameters, {n_epochs} epoch{'s' if n_epochs > 1 else ''}, in {trained.seconds:.1f} s",
    )
    step("", f"rate accuracy {trained.rate_accuracy:.1%} on the test samples, in Keras")

    model_path, graph_path = folder / "model.keras", folder / "model.snn.h5"
    trained.save(model_path)
    graph = converted(trained.model)
    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    step("Convert", f"{n_neurons:,} spiking neurons in {len(graph.populations)} populations; rates checked with Keras")

    export(graph, graph_path, dt=dt)

    start = time.perf_counter()
    found = Simulator(graph, dt).evaluate(data.x_test, data.y_test, n_steps)
    seconds = time.perf_counter() - start
    step("Run", f"{len(data.x_test):,} test samples in spikes, {n_steps} steps of {dt * 1e3:g} ms, in {seconds:.1f} s")
    step("", f"spiking accuracy {found['accuracy']:.1%} at the end, and on the way there:")
    show(accuracy_table(found["accuracy_over_time"], dt))
    step("Files", f"{model_path}: the Keras model")
    step("", f"{graph_path}: the spiking network, every number of it")
    say()
    return Outcome(trained, graph, model_path, graph_path)


def _epoch_lines(n_epochs: int) -> Any:
    """A Keras callback that prints a line per epoch."""
    import keras

    from .screen import step

    class EpochLines(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            values = "   ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
            step("", f"epoch {epoch + 1:>{len(str(n_epochs))}}/{n_epochs}   {values}")

    return EpochLines()


def _check_folder(folder: Path) -> None:
    """Find out what is wrong with a folder, without making it."""
    above = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = "is not a folder" if not above.is_dir() else "may not be written to"
        raise ModelFileError(f"cannot write to the folder '{folder}': '{above}' {reason}.")


def _make_folder(folder: Path) -> None:
    """Make the folder before minutes are spent on what it is to hold."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"cannot make the folder '{folder}': {error.strerror or error}.") from error
