"""Wrong values of options: one line that names the option, never an argument of a function, and no advice in vain."""

import inspect
import re

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import snnconv
from snnconv.cli import app

from ..helpers.distribution import small

COMMANDS = {
    name: command
    for name, command in typer.main.get_command(app).commands.items()
    if name not in ("demo", "train", "finetune", "env")
}
NEEDED = {
    "diagnose": {"--input": "x.npy", "--spikes": "s.npy"},
    "tune": {"--input": "x.npy", "--labels": "y.npy"},
    "export": {"--out": "o.snn.h5"},
    "quantize": {"--out": "o.int.h5"},
    "view": {"--out": "o.html"},
}
WRONG = ("-1", "0", "nan", "text", "99999999999")
FUNCTIONS = (
    *(snnconv.convert, snnconv.Simulator, snnconv.Simulator.run, snnconv.Simulator.predict, snnconv.reference.run),
    *(snnconv.quantize.quantize, snnconv.calibrate, snnconv.tune, snnconv.doctor, snnconv.explain, snnconv.view),
)
ARGUMENTS = {name for each in FUNCTIONS for name in inspect.signature(each).parameters} - {"self"}
SETTINGS = [
    (name, parameter.name)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if parameter.opts[0].startswith("-") and not getattr(parameter, "is_flag", False)
]
SHARED = {one: [name for name, other in SETTINGS if other == one] for _, one in SETTINGS}
MANY = 9  # commands that share an option: one function reads it, and each of them gets two of the values, in turn


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    small().save(folder / "g.snn.h5")
    np.save(folder / "x.npy", np.ones((3, 20), "float32"))
    np.save(folder / "y.npy", np.arange(3))
    np.save(folder / "s.npy", np.zeros((3, 10, 30), "uint8"))
    return folder


def printed(files, name, option, value):
    """What a command says on standard error with one option of a wrong value."""
    given = {**NEEDED.get(name, {}), option: value}
    arguments = [name, "g.snn.h5", *(word for pair in given.items() for word in pair)]
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), arguments
    assert result.exit_code in (0, 1, 2), arguments
    return result.stderr if result.exit_code == 2 else ""


def check(said, arguments):
    assert said.count("\n") <= 1, said
    assert "Traceback" not in said
    message = said.removeprefix("snnconv: error: ")
    assert not re.match(rf"({'|'.join(ARGUMENTS)}) (must|cannot|names|takes|needs|is|are)\b", message), arguments
    told = message.partition("Received ")[0]
    names = {name for name in ARGUMENTS if "_" in name}
    assert not re.search(rf"(?<![-\w'])({'|'.join(names)})\b", told), said
    assert not re.search(rf"\b({'|'.join(ARGUMENTS)})=", told), said


@pytest.mark.parametrize(("name", "value"), [("simulate", "-1"), ("export", "nan"), ("doctor", "0")])
def test_steps_and_dt_are_named_as_typed(files, monkeypatch, name, value):
    monkeypatch.chdir(files)
    for option in ("--steps", "--dt", "--synapse", "--scale-firing-rates"):
        said = printed(files, name, option, value)
        check(said, (name, option, value))
        assert option in said


@pytest.mark.full
@pytest.mark.parametrize(("name", "parameter"), SETTINGS)
def test_every_option_of_every_command_with_wrong_values(files, monkeypatch, name, parameter):
    monkeypatch.chdir(files)
    (option,) = [max(each.opts, key=len) for each in COMMANDS[name].params if each.name == parameter]
    # a scale of 1e11 is not wrong: LIF neurons send 64 spikes in a step, which takes half a minute to compile
    values = WRONG[: -1 if parameter in ("scale_firing_rates", "scales") else None]
    if len(SHARED[parameter]) >= MANY:
        values = [values[(SHARED[parameter].index(name) + i) % len(values)] for i in (0, 2)]
    for value in values:
        check(printed(files, name, option, value), (name, option, value))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("argument", ["max_to_avg_pool", "swap_activations", "synapse", "scale_firing_rates", "spikes"])
def test_options_that_messages_advise_exist(name, argument):
    from snnconv.cli.app import _options_of
    from snnconv.text.advice import argument as advised
    from snnconv.text.advice import as_options

    options = _options_of(COMMANDS[name])
    with as_options(options):
        said = advised(argument)
    holder = COMMANDS["export"] if said.endswith("of `snnconv export`") else COMMANDS[name]
    assert said.split()[0] in _options_of(holder).values()
