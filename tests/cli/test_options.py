"""Groups of options: a command has the options of each group in its place, and is handed one value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from snnconv.cli import COMMANDS, app
from snnconv.cli.options import KerasOptions, with_groups

GROUP = ("config", "custom_objects", "unsafe")


@dataclass(frozen=True)
class Size:
    """A group for these tests."""

    height: Annotated[int, typer.Option("--height", "-h")] = 2
    width: Annotated[int, typer.Option("--width")] = 3


def parsed(*arguments: str):
    """A command with a group in the middle, and the values that it got."""
    values = []

    def draw(name: str, colour: Annotated[str, typer.Option()] = "red", *, size: Size, keras: KerasOptions) -> None:
        """Draw it."""
        values.append((name, colour, size, keras))

    draw.__annotations__ |= {"size": Size, "keras": KerasOptions}
    application = typer.Typer()
    application.command()(with_groups(draw))
    done = CliRunner().invoke(application, list(arguments))
    assert done.exit_code == 0, done.output
    return values[0]


def test_a_group_is_one_value():
    assert parsed("box") == ("box", "red", Size(), KerasOptions())
    found = parsed("box", "--width", "7", "-h", "1", "--unsafe", "--colour", "blue", "--config", "a.toml")
    assert found == ("box", "blue", Size(1, 7), KerasOptions(Path("a.toml"), None, True))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("demo", "train", "env")])
def test_the_options_of_keras_files_stand_together_in_every_command(name):
    names = [each.name for each in typer.main.get_command(app).commands[name].params]
    first = names.index(GROUP[0])
    assert tuple(names[first : first + 3]) == GROUP
    assert names[first - 1] == "json"


def test_a_toml_file_is_settings_and_another_is_the_json_of_a_model():
    assert KerasOptions(Path("a.toml")).settings == Path("a.toml")
    assert KerasOptions(Path("a.toml")).model_json is None
    assert KerasOptions(Path("a.json")).model_json == Path("a.json")
    assert KerasOptions(Path("a.json")).settings is None
