"""``snnconv finetune``: train a converted network in spikes for few steps, and measure what that brings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError, ModelFileError, ParameterError
from ..text.plain import plural
from ..text.progress import track
from .app import complete_one_of
from .options import Dt, Force, Json, KerasOptions, Labels, Model, Steps

BACKENDS = ("tensorflow", "jax", "torch")


def finetune(
    model: Model,
    data: Annotated[
        Path, typer.Option("--data", "--input", "-i", metavar="FILE", help="Training data, (n, …), .npy or .npz.")
    ],
    labels: Labels = None,
    steps: Steps = 4,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Times to go through the data.")] = 2,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Graph to write.  [default: MODEL's name, .finetuned.snn.h5]"),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Samples to a step of the optimizer.")] = 64,
    learning_rate: Annotated[float, typer.Option(metavar="RATE", help="Of Adam; falls to 0 along a cosine.")] = 1e-3,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the data, held back to measure on. Best new to the model.")
    ] = 0.1,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Inputs and labels y that are measured, and decide nothing.")
    ] = None,
    surrogate: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Slope of a spike: rate, fast_sigmoid, arctan, straight_through.",
            autocompletion=complete_one_of("rate", "fast_sigmoid", "arctan", "straight_through"),
        ),
    ] = "rate",
    trainable: Annotated[
        str, typer.Option(metavar="NAME,…", help="What trains; also heights, time_constants, initial_voltages.")
    ] = "kernels, dense_biases, neuron_biases",
    distill: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Weight of the network's own answers in rates; 1 needs no labels."),
    ] = None,
    distill_layers: Annotated[
        float, typer.Option(metavar="LOSS", help="For layers whose outputs are not those in rates. Needs --distill.")
    ] = 0.0,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror half of the images left to right, in training.")] = False,
    spike_penalty: Annotated[float, typer.Option(metavar="LOSS", help="For a spike of a neuron per step.")] = 0.0,
    calibrate: Annotated[bool, typer.Option(help="Calibrate for these steps first.")] = True,
    spikes: Annotated[
        str,
        typer.Option(metavar="KIND", help="Of calibrated relus.", autocompletion=complete_one_of("signed", "binary")),
    ] = "signed",
    dt: Dt = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Seed of the samples held back and of their order.")
    ] = 0,
    backend: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Keras' backend: tensorflow, jax, torch.", autocompletion=complete_one_of(*BACKENDS)
        ),
    ] = os.environ.get("KERAS_BACKEND", "tensorflow"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a break, with the same settings.")] = False,
    force: Force = False,
    json: Json = False,
    *,
    keras: KerasOptions,
) -> None:
    """Train a network in spikes for few steps.

    The network is converted, calibrated for --steps, and trained as it will run. The accuracy before and after is told
    at 1, 2, 4, 8 and 16 steps, on samples that were held back.

    Examples:

    - `snnconv finetune model.keras --data train.npz --steps 4 --epochs 2 -o fast.snn.h5`

    - `snnconv finetune model.snn.h5 --data x.npy --distill 1 --steps 8`
    """
    from ..files.output import check_file
    from ..graph.file import ENDINGS
    from ..runtime.arguments import check_steps
    from .model import find_model
    from .samples import as_inputs, class_numbers, read_data

    check_steps(steps, 1.0)
    if backend not in BACKENDS:
        raise ParameterError(f"--backend must be one of {', '.join(BACKENDS)}. Received {backend!r}.")
    if distill is not None and not 0 < distill <= 1:
        raise ParameterError(f"--distill must be a share above 0, and at most 1. Received {distill!r}.")
    file = find_model(model, keras, dt)
    path = file.beside(".finetuned.snn.h5") if out is None else out
    check_file(path, ENDINGS, force)
    backup = path.with_name(f"{path.name}.training")
    if backup.exists() and not resume:
        raise ModelFileError(
            f"a training that was broken off left '{backup}'. Add --resume to go on with it, or delete it."
        )
    if resume and not backup.exists():
        raise ModelFileError(f"there is nothing to resume: no '{backup}'. Leave out --resume to start.")
    os.environ["KERAS_BACKEND"] = backend
    given, classes = read_data(data, labels)
    tested = None if test is None else read_data(test, None)
    if tested is not None and tested[1] is None:
        raise InputError(f"--test must hold labels, an array 'y' beside the inputs. '{test}' does not.")
    graph = file.open(like=given).graph

    def samples(inputs: Any, targets: Any) -> tuple[Any, Any]:
        xs = graph.check_inputs(as_inputs(inputs, graph), "float32")
        return xs, class_numbers(graph, inputs, targets, xs.n)

    xs, y = samples(given, classes)
    if y is None and distill != 1:
        raise InputError("there are no labels. Pass --labels FILE, or learn from the network's answers: --distill 1.")
    others = None if tested is None else samples(*tested)

    from ..graph.file import save
    from ..training.finetune import finetune as fit
    from .app import import_tensorflow
    from .screen import print_json, say, tell
    from .screen import step as tell_step
    from .train import each_epoch

    import_tensorflow()
    with _telling_how_to_go_on(backup), track(epochs, what="training") as advance:
        found = fit(
            graph,
            xs,
            y,
            steps,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation=validation,
            test=others,
            calibrate=calibrate,
            spikes=spikes,
            teacher=None if distill is None else "rates",
            teacher_share=distill or 1.0,
            teacher_layers=distill_layers,
            augment="flip" if flip else None,
            spike_penalty=spike_penalty,
            surrogate=surrogate,
            trainable=[name.strip() for name in trainable.split(",") if name.strip()],
            dt=file.dt,
            seed=seed,
            backup=backup,
            callbacks=[each_epoch(epochs, None if json else tell_step, advance)],
            verbose=False,
        )
    save(found.graph, path, file.dt)
    if json:
        print_json({"graph": str(path), **found.to_dict()})
        return
    tell(found.report)
    say(f"Wrote {path}, trained for {plural(steps, 'step')} in {found.seconds:.0f} s.")
    say(f"Next: snnconv simulate {path} --steps {steps}")


@contextmanager
def _telling_how_to_go_on(backup: Path) -> Iterator[None]:
    """Give an interrupt the words for it, where there are epochs to go on from."""
    try:
        yield
    except KeyboardInterrupt:
        if not backup.exists():
            raise
        message = f"finished epochs are kept in '{backup}'. To go on, give the same command with --resume."
        raise KeyboardInterrupt(message) from None
