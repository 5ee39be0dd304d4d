"""Arguments and options that several commands share: single ones, groups that are one value, and their checks.

A group is a frozen dataclass whose fields are options. A command that has a parameter of that type has these options,
in its place, and is handed one value; `with_groups` sees to it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ..errors import ParameterError
from .app import complete_one_of

if TYPE_CHECKING:
    from ..neurons import Neuron

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A Keras file, an exported .snn.h5, or a .nir file.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Steps = Annotated[int, typer.Option("--steps", metavar="N", help="Time steps to run.")]
Dt = Annotated[
    float | None,
    typer.Option("--dt", metavar="SECONDS", help="Length of a time step.  [default: the file's, or 0.001]"),
]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="TYPE", help="float32 or float64.", autocompletion=complete_one_of("float32", "float64")
    ),
]


def _seconds(value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise ParameterError(f"--synapse must be a number of seconds above 0. Received {value}.")
    return value


Synapse = Annotated[
    float | None,
    typer.Option(
        "--synapse",
        metavar="SECONDS",
        callback=_seconds,
        help="Lowpass behind every population of a Keras model.  [default: none]",
    ),
]


def read_scale(text: str) -> float | dict[str, float]:
    """The factor of --scale-firing-rates, or one for each population that is named."""
    try:
        if "=" not in text:
            return float(text)
        return {name: float(factor) for name, _, factor in (part.rpartition("=") for part in text.split(","))}
    except ValueError:
        raise typer.BadParameter(f"it must be a number, or NAME=NUMBER,… for populations. Received {text!r}") from None


ScaleFiringRates = Annotated[
    Any,
    typer.Option(
        "--scale-firing-rates",
        metavar="FACTOR",
        parser=read_scale,
        help="Fire this many times as fast, for the same output; or NAME=FACTOR,… for populations.  [default: 1]",
    ),
]
Sample = Annotated[int, typer.Option("--sample", min=0, metavar="I", help="Which sample of the inputs.")]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random numbers]"
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", "--input", "-i", metavar="FILE", help="Inputs, (n, …) in an .npy or .npz file.  [default: random]"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that snnconv did not write.")]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", "-l", metavar="FILE", help="Class numbers, .npy or .npz.  [default: y of the inputs]"),
]


OUTPUTS = ("out", "output", "plot")
"""Parameters of commands that name what is written. All other paths are read, and nothing is written over them."""


@dataclass(frozen=True)
class KerasOptions:
    """The group of options for Keras files: reading, converting and running them.

    Parameters
    ----------
    config : Path or None
        Settings in a .toml file, or else the JSON that a file of weights lacks.
    custom_objects : str or None
        The module that defines them.
    unsafe : bool
        Whether code in the file may run.
    input_shape : list of str or None
        Sizes that the model leaves open: "224,224,3", or "NAME=224,224,3" for one of several inputs.
    replace : list of str or None
        What layers that hold code compute: "NAME=x / 255".
    max_to_avg_pool : bool
        Whether max pooling becomes average pooling.
    swap_activation : list of str
        ACTIVATION=NEURON, for each activation that another neuron stands for.
    window : float or None
        Seconds after which functions of means forget.
    """

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A .toml file of `snnconv tune`; or what model.to_json() gave, for weights.",
        ),
    ] = None
    custom_objects: Annotated[
        str | None,
        typer.Option(
            "--custom-objects", metavar="MODULE", help="Import package.module for classes that Keras does not have."
        ),
    ] = None
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Run the code that Lambda layers keep in the file. Only if you trust it."),
    ] = False
    max_to_avg_pool: Annotated[
        bool,
        typer.Option("--max-to-avg-pool", help="Replace max pooling by average pooling, which changes the answers."),
    ] = False
    swap_activation: Annotated[
        list[str] | None,
        typer.Option(
            "--swap-activation",
            metavar="NAME=NEURON",
            help="A neuron for an activation that has none, such as gelu=if; may be given several times.",
        ),
    ] = None
    window: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="For inputs that change: time after which functions of means (silu, memory, …) forget. "
            "[default: never]",
        ),
    ] = None

    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            metavar="SIZE,…",
            help="Shape of a sample, where the model leaves sizes open; NAME=SIZE,… for one of several inputs. "
            "[default: that of the inputs given]",
        ),
    ] = None
    replace: Annotated[
        list[str] | None,
        typer.Option(
            "--replace",
            metavar="NAME=FORMULA",
            help="What a layer computes whose code is not run, such as 'lambda=x / 255'. Repeatable.",
        ),
    ] = None

    @property
    def named(self) -> tuple[str, ...]:
        """The options that were given and are for Keras files alone; --unsafe only allows what may not be there."""
        given = {
            "--max-to-avg-pool": self.max_to_avg_pool,
            "--swap-activation": self.swap_activation,
            "--window": self.window,
            "--input-shape": self.input_shape,
            "--replace": self.replace,
            "--custom-objects": self.custom_objects,
            "--config with a model's JSON": self.model_json,
        }
        return tuple(name for name, value in given.items() if value)

    @property
    def changes(self) -> dict[str, Any]:
        """Arguments of `snnconv.convert` that change the activations, the pooling and the means.

        Raises
        ------
        ParameterError
            If --swap-activation is not an activation, = and a neuron.
        """
        swaps = dict(_swap(text) for text in self.swap_activation or ())
        return {
            "max_to_avg_pool": self.max_to_avg_pool,
            "swap_activations": swaps or None,
            "window": self.window,
        }

    @property
    def model_json(self) -> Path | None:
        """The file of --config, where it is what model.to_json() gave."""
        return None if self.settings is not None else self.config

    @property
    def settings(self) -> Path | None:
        """The file of --config, where it holds how to convert and run the network."""
        return self.config if self.config is not None and self.config.suffix == ".toml" else None

    @property
    def shape(self) -> dict[str, tuple[int, ...]] | tuple[int, ...] | None:
        """The sizes of --input-shape: of all inputs, or by the name of an input.

        Raises
        ------
        ParameterError
            If they are no whole numbers above 0, or only some have a name.
        """
        named, unnamed = {}, []
        for text in self.input_shape or ():
            name, equals, sizes = text.rpartition("=")
            parts = sizes.replace("x", ",").split(",")
            if not all(part.strip().isdecimal() and int(part) for part in parts):
                raise ParameterError(f"--input-shape must be sizes such as 224,224,3. Received {text!r}.")
            shape = tuple(int(part) for part in parts)
            named |= {name: shape} if equals else {}
            unnamed += [] if equals else [shape]
        if len(unnamed) > 1 or (named and unnamed):
            raise ParameterError("--input-shape of several inputs needs a name each: --input-shape NAME=8,8,3.")
        return named or next(iter(unnamed), None)

    @property
    def replacements(self) -> dict[str, str]:
        """The arithmetic of --replace, by layer.

        Raises
        ------
        ParameterError
            If one has no name.
        """
        found = {}
        for text in self.replace or ():
            name, equals, arithmetic = text.partition("=")
            if not equals:
                raise ParameterError(f"--replace must be NAME=FORMULA, such as 'lambda=x / 255'. Received {text!r}.")
            found[name.strip()] = arithmetic
        return found


def _swap(text: str) -> tuple[str, Neuron]:
    """The activation and the neuron that --swap-activation names; an IF is the one that takes a relu's place."""
    from ..neurons import IF, LIF, Sigmoid, Softplus, Softsign, Tanh

    neurons: dict[str, Callable[[], Neuron]] = {
        "if": lambda: IF(min_voltage=-math.inf),
        **{kind.__name__.lower(): kind for kind in (LIF, Sigmoid, Softplus, Softsign, Tanh)},
    }
    activation, _, name = text.partition("=")
    if not activation or name.lower() not in neurons:
        raise ParameterError(
            f"--swap-activation must be an activation, = and one of {', '.join(neurons)}, such as gelu=if. Received "
            f"{text!r}."
        )
    return activation, neurons[name.lower()]()


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the options of its groups in the place of each group, as typer reads it.

    While it runs, the files that its options name for reading cannot be written over.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    parameters: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        if name in groups:
            own = get_type_hints(groups[name], include_extras=True)
            members = [(field.name, own[field.name], field.default) for field in fields(groups[name])]
        else:
            members = [(name, hints[name], parameter.default)]
        parameters += [
            Parameter(each, Parameter.KEYWORD_ONLY, default=default, annotation=hint) for each, hint, default in members
        ]

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        from ..files.output import protecting

        read = [value for name, value in given.items() if isinstance(value, Path) and name not in OUTPUTS]
        values = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        with protecting(read):
            return command(**given, **values)

    run.__signature__ = Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def check_samples(samples: int) -> None:
    """Raise ParameterError unless --samples is above 0."""
    if samples < 1:
        raise ParameterError(f"--samples must be a whole number above 0. Received {samples}.")
