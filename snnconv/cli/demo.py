"""``snnconv demo``: the whole way from data to an exported spiking network, on digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Force, Json

if TYPE_CHECKING:
    from ..training.config import Config


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write the files.")] = Path(
        "snnconv-demo"
    ),
    force: Force = False,
    json: Json = False,
) -> None:
    """Train, convert, run, verify and export a small network.

    It takes well under a minute, and nothing is downloaded: the data are the 1,797 handwritten digits that come with
    scikit-learn. Exits with 0 if the network passes, and 1 if it does not.

    Examples:

    - `snnconv demo`

    - `snnconv demo --output digits --json`
    """
    from .screen import print_json, say, step
    from .train import train_and_export
    from .verify import show_verification

    if not json:
        say("Handwritten digits in spikes: train, convert, run, export and verify. Some 15 seconds.")
        say()
    outcome = train_and_export(demo_config(), output, show_epochs=False, quiet=json, force=force)

    from ..api import verify

    found = verify(outcome.trained.model, outcome.trained.dataset.x_test[:8], 100, graph=outcome.graph)
    if json:
        print_json({**outcome.contents, "verification": found.to_dict()})
    else:
        step("Verify", f"{found.n_samples} digits: every layer against Keras, a NumPy loop and the rate equation")
        show_verification(found)
        say()
        say("What to do next:", "bold")
        say(f"  snnconv inspect {outcome.graph_path}")
        say(f"  snnconv inspect {outcome.graph_path} --layer {next(iter(outcome.graph.populations))}")
        say(f"  snnconv export {outcome.model_path} --target json -o {output / 'model.snn.json'}")
        say(f"  snnconv simulate {outcome.graph_path} --record all -o {output / 'run.npz'}")
    if not found.passed:
        raise typer.Exit(1)


def demo_config() -> Config:
    """The training run of the demo: 64 pixels, 128 and 64 LIF neurons, 10 classes."""
    from ..training.config import Config, DataConfig, LayerConfig, ModelConfig, SimulationConfig, TrainingConfig

    lif = LayerConfig("LIF", {"max_rates": {"low": 300.0, "high": 400.0}, "amplitude": 0.0025})
    layers = (
        LayerConfig("Flatten"),
        LayerConfig("Dense", {"units": 128}),
        lif,
        LayerConfig("Dense", {"units": 64}),
        lif,
        LayerConfig("Dense", {"units": 10}),
    )
    training = TrainingConfig(epochs=15, batch_size=32, learning_rate=0.003, learning_rate_schedule="cosine")
    return Config("demo", DataConfig("digits"), ModelConfig(layers), 0, training, simulation=SimulationConfig(100))
