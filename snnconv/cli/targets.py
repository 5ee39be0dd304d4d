"""The options of export targets on the command line, and the list of targets."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from ..errors import ParameterError

if TYPE_CHECKING:
    from ..export import Option

WIDTH, INDENT = 80, 8
_GIVEN = "snnconv.export.options"


class ExportCommand(TyperCommand):
    """The command with the options of all targets, such as --bits, which are theirs and not listed here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest: list[str] = []
        given: dict[str, Any] = {}
        waiting = list(args)
        while waiting:
            argument = waiting.pop(0)
            flag, equals, value = argument.partition("=")
            option = _options().get(flag) if flag.startswith("--") else None
            if option is None:
                rest.append(argument)
            elif option.type is bool:
                given[option.name] = True
            elif not equals and not waiting:
                raise ParameterError(f"{flag} needs a value: {option.help}.")
            else:
                given[option.name] = value if equals else waiting.pop(0)
        ctx.meta[_GIVEN] = given
        return super().parse_args(ctx, rest)


def _options() -> dict[str, Option]:
    """The options of all targets, by flag. Targets that share a flag agree on whether it takes a value."""
    from ..export import TARGETS

    return {option.flag: option for target in TARGETS.values() for option in target.options}


def target_flags() -> dict[str, str]:
    """The options of all targets, each by the name of its argument."""
    return {option.name: flag for flag, option in _options().items()}


def given_options(context: Any) -> dict[str, Any]:
    """The options of targets that were given to the command, by name."""
    return context.meta[_GIVEN]


def all_contents() -> dict[str, Any]:
    """The list of targets, as plain data."""
    from ..export import TARGETS

    return {
        "targets": [
            {
                **{key: getattr(target, key) for key in ("name", "suffix", "is_folder", "holds", "lacks")},
                "options": [_option_contents(option) for option in target.options],
            }
            for target in TARGETS.values()
        ]
    }


def _option_contents(option: Option) -> dict[str, Any]:
    return {**vars(option), "flag": option.flag, "type": option.type.__name__, "choices": list(option.choices)}


def list_all() -> None:
    """Print every target with its contents, its limits and its options."""
    from ..export import TARGETS
    from .screen import say

    for target in TARGETS.values():
        kind = "folder" if target.is_folder else "file"
        say(f"{target.name:<{INDENT - 1}} {kind} NAME{target.suffix}", "bold")
        _say_part(f"holds {target.holds}")
        _say_part(f"lacks {target.lacks}")
        for option in target.options:
            _say_part(_described(option))


def _described(option: Option) -> str:
    if option.type is bool:
        return f"{option.flag}  {option.help}"
    values = f" ({', '.join(option.choices)})" if option.choices else ""
    kind = "NAME" if option.choices else option.type.__name__.upper()
    default = "" if option.default == "" else f"  [default: {option.default}]"
    return f"{option.flag} {kind}  {option.help}{values}{default}"


def _say_part(text: str) -> None:
    from .screen import say

    pad = " " * INDENT
    for line in textwrap.wrap(text, WIDTH, initial_indent=pad, subsequent_indent=pad + "  ", break_on_hyphens=False):
        say(line)
