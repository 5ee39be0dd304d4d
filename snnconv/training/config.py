"""The config of a training run: a TOML file as frozen data, every key and type checked.

The dataclasses below are the schema. A section is a dataclass, a key is a field, a key without a default must be given.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from ..errors import ConfigError, ParameterError
from ..files.toml import PositiveFloat, PositiveInt, Seed, parse_section, read_toml
from ..tuning.adaptation import Adaptation
from . import datasets
from .unrolled.model import TRAINABLE


@dataclass(frozen=True)
class DataConfig:
    """[data]: the data to train on; `path` is relative to the config file (see `snnconv.datasets.load`)."""

    dataset: datasets.Name
    path: Path | None = None


@dataclass(frozen=True)
class LayerConfig:
    """[[model.layers]]: a layer of keras.layers or snnconv.layers, and its keyword arguments."""

    type: str
    arguments: Mapping[str, Any] = field(default_factory=dict, metadata={"all_other_keys": True})


@dataclass(frozen=True)
class ModelConfig:
    """[model]: the layers from the input to the logits."""

    layers: tuple[LayerConfig, ...]


@dataclass(frozen=True)
class TrainingConfig:
    """[training]: the fit of the model."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 64
    optimizer: str = "adam"
    learning_rate: PositiveFloat = 0.001
    learning_rate_schedule: Literal["constant", "cosine"] = "constant"
    loss: Literal["sparse_categorical_crossentropy", "mean_squared_error"] = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class ConversionConfig:
    """[conversion]: options of `snnconv.convert`; a mapping holds one value per population.

    `calibrate` and `refit` name a file of inputs, (n, …), relative to the config file; true stands for the training
    data of [data]. The first `n_samples` of them are used.
    """

    synapse: PositiveFloat | Mapping[str, PositiveFloat] | None = None
    scale_firing_rates: PositiveFloat | Mapping[str, PositiveFloat] | None = None
    tau_rc: PositiveFloat | None = None
    tau_ref: PositiveFloat | None = None
    refit: bool | Path | None = None
    calibrate: bool | Path | None = None
    calibrate_steps: PositiveInt | None = None
    spikes: Literal["binary", "signed"] | None = None
    n_samples: PositiveInt = 300

    @property
    def adaptation(self) -> Adaptation:
        """The changes to a converted network, with the names of samples in the place of samples."""
        return Adaptation(
            scale=self.scale_firing_rates,
            synapse=self.synapse,
            refit=self.refit or None,
            tau_rc=self.tau_rc,
            tau_ref=self.tau_ref,
            calibrate=self.calibrate or None,
            calibrate_steps=self.calibrate_steps,
            spikes=self.spikes,
        )


@dataclass(frozen=True)
class FinetuneConfig:
    """[finetune]: training in spikes behind the conversion, for the steps that the network will run.

    A share of the training data, `validation`, is kept out of all training, and measured. The other options are those
    of `snnconv.finetune`; `teach` learns the answers in rates beside the labels, `flip` mirrors half of the images.
    """

    n_steps: PositiveInt = 4
    epochs: PositiveInt = 2
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 0.001
    surrogate: str = "rate"
    trainable: tuple[str, ...] = TRAINABLE
    teach: bool = False
    teacher_layers: Annotated[float, "0 or more"] = 0.0
    flip: bool = False
    spike_penalty: Annotated[float, "0 or more"] = 0.0
    validation: PositiveFloat = 0.1

    def arguments(self) -> dict[str, Any]:
        """The arguments of `snnconv.finetune` besides the network and the data."""
        names = {each.name for each in dataclasses.fields(self)} - {"teach", "flip", "validation"}
        given = {name: getattr(self, name) for name in sorted(names)}
        return {**given, "teacher": "rates" if self.teach else None, "augment": "flip" if self.flip else None}


@dataclass(frozen=True)
class SimulationConfig:
    """[simulation]: the run of the spiking network; dt in seconds."""

    n_steps: PositiveInt = 100
    dt: PositiveFloat = 0.001


@dataclass(frozen=True)
class ReadoutConfig:
    """[readout]: the class read out of the outputs; see `snnconv.tuning.Readout`."""

    kind: Literal["mean", "last", "lowpass"] = "mean"
    skip: Annotated[int, "0 or more"] = 0
    fall: Annotated[float, "0 or more"] = 0.0
    tau: PositiveFloat | None = None


@dataclass(frozen=True)
class EarlyStoppingConfig:
    """[early_stopping]: the margin at which to stop; see `snnconv.tuning.early_stopping`."""

    margin: PositiveFloat


@dataclass(frozen=True)
class Settings:
    """Settings to convert and run a network with, as `snnconv tune` chooses them."""

    conversion: ConversionConfig = ConversionConfig()
    simulation: SimulationConfig = SimulationConfig()
    readout: ReadoutConfig = ReadoutConfig()
    early_stopping: EarlyStoppingConfig | None = None
    data: DataConfig | None = None


@dataclass(frozen=True)
class OutputConfig:
    """[output]: the folder that results go to."""

    folder: Path = Path("runs")


@dataclass(frozen=True)
class Config:
    """A training run: data, model, training, conversion and simulation."""

    name: str
    data: DataConfig
    model: ModelConfig
    seed: Seed = 0
    training: TrainingConfig = TrainingConfig()
    conversion: ConversionConfig = ConversionConfig()
    simulation: SimulationConfig = SimulationConfig()
    finetune: FinetuneConfig | None = None
    output: OutputConfig = OutputConfig()
    source: str = field(default="config", metadata={"not_a_key": True})


def load(path: str | os.PathLike[str]) -> Config:
    """Read a config from a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or holds a key or a value that is not understood.
    """
    path = Path(path)
    table = read_toml(path)
    config = dataclasses.replace(parse_section(Config, table, str(path), "the top level"), source=str(path))
    if not config.name.strip(".") or config.name != Path(config.name).name:
        raise ConfigError(
            f"{path}: name must be that of a folder, which is made in that of [output]. Received {config.name!r}."
        )
    config = _beside(config, path)
    for key in ("calibrate", "refit"):  # they are read after minutes of training
        samples = getattr(config.conversion, key)
        if isinstance(samples, Path) and not samples.is_file():
            raise ConfigError(f"{path}: [conversion] {key} names a file that is not there: '{samples}'.")
    return config


def load_settings(path: str | os.PathLike[str]) -> Settings:
    """Read how to convert and run a network: from a file of `snnconv tune`, or out of a training config.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or holds a key or a value that is not understood.
    """
    table = read_toml(path)
    own = {f.name for f in dataclasses.fields(Settings)}
    others = {f.name for f in dataclasses.fields(Config)} - own
    given = {key: value for key, value in table.items() if key not in others}
    return _beside(parse_section(Settings, given, str(path), "the top level"), Path(path))


def _beside(config: Any, path: Path) -> Any:
    """The config with its paths relative to its file, after checking what conversion needs to be there."""
    conversion, data = config.conversion, config.data
    for key in ("calibrate", "refit"):
        value = getattr(conversion, key)
        if value is True and data is None:
            raise ConfigError(f"{path}: [conversion] {key} = true stands for training data, and there is no [data].")
        if isinstance(value, Path):
            conversion = dataclasses.replace(conversion, **{key: path.parent / value.expanduser()})
    if data is not None and data.path is not None:
        data = dataclasses.replace(data, path=path.parent / data.path.expanduser())
    tuning = getattr(config, "finetune", None)
    if tuning is not None and tuning.teacher_layers and not tuning.teach:
        raise ConfigError(f"{path}: [finetune] teacher_layers needs teach = true.")
    adaptation = conversion.adaptation
    if tuning is not None:  # fine-tuning calibrates, too
        adaptation = dataclasses.replace(adaptation, spikes=None)
    try:
        adaptation.check("keys")
    except ParameterError as error:
        raise ConfigError(f"{path}: [conversion] {error}") from None
    return dataclasses.replace(config, conversion=conversion, data=data)
