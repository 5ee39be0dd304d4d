"""``snnconv train``: train, convert, run and export, as a config says."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, ModelFileError
from ..text.plain import plural, run_text
from ..text.progress import track
from .options import Force, Json

if TYPE_CHECKING:
    from ..graph import SpikingGraph
    from ..training.config import Config
    from ..training.train import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """A trained and converted network, and the files it was written to."""

    trained: TrainedModel
    graph: SpikingGraph
    model_path: Path
    graph_path: Path
    contents: dict[str, Any]  # printed by --json


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
    force: Force = False,
    json: Json = False,
) -> None:
    """Train, convert, run and export as a config says.

    The folder gets model.keras and model.snn.h5.

    Examples:

    - `snnconv train configs/digits_mlp.toml --epochs 10`

    - `snnconv train configs/digits_mlp.toml -o trained --json`
    """
    from ..training import config as configs
    from .screen import print_json, say

    settings = configs.load(config)
    if epochs is not None:
        if epochs < 1:
            raise ConfigError(f"--epochs must be a whole number above 0. Received {epochs}.")
        settings = dataclasses.replace(settings, training=dataclasses.replace(settings.training, epochs=epochs))
    if data_path is not None:
        settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, path=data_path))
    folder = output or settings.output.folder / settings.name
    outcome = train_and_export(settings, folder, quiet=json, force=force)
    if json:
        print_json(outcome.contents)
    else:
        say(f"Look at the network: snnconv inspect {outcome.graph_path}")


def train_and_export(
    config: Config, folder: Path, *, show_epochs: bool = True, quiet: bool = False, force: bool = False
) -> Outcome:
    """Train, convert, run the test data in spikes, and write model.keras and model.snn.h5 into `folder`.

    Parameters
    ----------
    show_epochs : bool
        Print a line per epoch.
    quiet : bool
        Print nothing.
    force : bool
        Replace files of these names that snnconv did not write.
    """
    from ..files.output import check_file
    from .app import import_tensorflow

    model_path, graph_path = folder / "model.keras", folder / "model.snn.h5"
    _check_folder(folder)
    if folder.exists():
        check_file(model_path, force=force)
        check_file(graph_path, force=force)
    import_tensorflow()
    import keras

    from ..api import convert
    from ..export import export
    from ..runtime.simulator import Simulator
    from ..training import datasets
    from ..training.finetune import check_settings, finetune, held_back
    from ..training.train import build_model
    from ..training.train import train as fit
    from .model import adapted
    from .simulate import accuracy_table

    data = datasets.load(config.data.dataset, config.data.path)
    tuning, held = config.finetune, None
    if tuning is not None:
        fitted, numbers = held_back(len(data.x_train), tuning.validation, config.seed)
        held = data.x_train[numbers], data.y_train[numbers]
        data = dataclasses.replace(data, x_train=data.x_train[fitted], y_train=data.y_train[fitted])

    def converted(model: Any, **given: Any) -> SpikingGraph:
        return adapted(convert(model, verbose=False), config, config.simulation.dt, **given)

    trial = converted(build_model(config, data.input_shape, data.n_classes), refit=None, calibrate=None)
    if tuning is not None:
        check_settings(trial, **tuning.arguments())  # before minutes are spent on training
    keras.utils.clear_session()  # layers are numbered from the start again
    _make_folder(folder)
    n_steps, dt = config.simulation.n_steps, config.simulation.dt
    say, step, show = _voices(quiet)
    step("Data", f"{data.name}: {len(data.x_train):,} samples to train on, {len(data.x_test):,} to test with")
    n_epochs = config.training.epochs
    with track(n_epochs, what="training") as advance:
        callback = each_epoch(n_epochs, step if show_epochs else None, advance)
        trained = fit(config, dataset=data, verbose=False, callbacks=[callback])
    n_parameters = sum(math.prod(weight.shape) for weight in trained.model.trainable_weights)
    step(
        "Train",
        f"{n_parameters:,} parameters, {plural(n_epochs, 'epoch')}, in {trained.seconds:.1f} s",
    )
    step("", f"rate accuracy {trained.rate_accuracy:.1%} on the test samples, in Keras")

    trained.save(model_path)
    few = data.x_train[: config.conversion.n_samples]  # none that is held back
    given = {key: few for key in ("refit", "calibrate") if getattr(config.conversion, key) is True}
    graph = converted(trained.model, **given)
    n_neurons = sum(math.prod(view.shape) for view in graph.populations.values())
    populations = plural(len(graph.populations), "population")
    step("Convert", f"{n_neurons:,} spiking neurons in {populations}; rates checked with Keras")

    tuned = None
    if tuning is not None and held is not None:
        with track(tuning.epochs, what="training in spikes") as advance:
            callbacks = [each_epoch(tuning.epochs, step if show_epochs else None, advance)]
            options = {
                **tuning.arguments(),
                "spikes": config.conversion.spikes or "signed",
                "dt": dt,
                "seed": config.seed,
            }
            tuned = finetune(
                graph, data.x_train, data.y_train, validation=held, callbacks=callbacks, verbose=False, **options
            )
        graph = tuned.graph
        step("Tune", f"{tuning.epochs} epochs in spikes for {tuning.n_steps} steps, in {tuned.seconds:.1f} s")
        show(tuned.validation.table("on samples kept out of training"))
    export(graph, graph_path, dt=dt, force=force)

    start = time.perf_counter()
    found = Simulator(graph, dt).evaluate(data.x_test, data.y_test, n_steps)
    seconds = time.perf_counter() - start
    step("Run", f"{len(data.x_test):,} test samples in spikes, {run_text(n_steps, dt)}, in {seconds:.1f} s")
    step("", f"spiking accuracy {found['accuracy']:.1%} at the end, and on the way there:")
    show(accuracy_table(found["accuracy_over_time"], dt))
    step("Files", f"{model_path}: the Keras model")
    step("", f"{graph_path}: the spiking network, every number of it")
    say()
    contents = {
        "model": str(model_path),
        "graph": str(graph_path),
        "dataset": data.name,
        "n_train": len(data.x_train),
        "n_test": len(data.x_test),
        "n_epochs": n_epochs,
        "n_parameters": n_parameters,
        "n_neurons": n_neurons,
        "n_steps": n_steps,
        "dt": dt,
        "rate_accuracy": float(trained.rate_accuracy),
        "spiking_accuracy": found["accuracy"],
        "accuracy_over_time": [float(share) for share in found["accuracy_over_time"]],
        "training_seconds": trained.seconds,
        "running_seconds": seconds,
        "finetune": None if tuned is None else tuned.to_dict(),
    }
    return Outcome(trained, graph, model_path, graph_path, contents)


def _voices(quiet: bool) -> tuple[Callable[..., None], Callable[..., None], Callable[..., None]]:
    """Functions that print a line, a step, and a table, or nothing where it is to be quiet."""
    if quiet:

        def nothing(*_: Any) -> None:
            """Say nothing."""

        return nothing, nothing, nothing
    from .screen import say, show, step

    return say, step, show


def each_epoch(n_epochs: int, step: Callable[..., None] | None, advance: Callable[..., None]) -> Any:
    """A Keras callback that moves the progress bar on at every batch, and prints a line per epoch if it is to."""
    import keras

    class EachEpoch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            advance(1 / ((self.params or {}).get("steps") or 1))

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            values = "   ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
            if step is not None:
                step("", f"epoch {epoch + 1:>{len(str(n_epochs))}}/{n_epochs}   {values}")

    return EachEpoch()


def _check_folder(folder: Path) -> None:
    """Raise ModelFileError if a folder cannot be made or written to, without making it."""
    above = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = "is not a folder" if not above.is_dir() else "may not be written to"
        raise ModelFileError(f"cannot write to the folder '{folder}': '{above}' {reason}.")


def _make_folder(folder: Path) -> None:
    """Make the folder, before minutes are spent on training."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"cannot make the folder '{folder}': {error.strerror or error}.") from error
