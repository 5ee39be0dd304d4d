"""Sections of TOML files as dataclasses: every key and type checked."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError, one_line

PositiveInt = Annotated[int, "above 0"]
PositiveFloat = Annotated[float, "above 0"]
Seed = Annotated[int, "from 0 to 4294967295"]
MAX_BYTES = 1 << 20
_BOUNDS = {
    "above 0": lambda value: value > 0,
    "0 or more": lambda value: value >= 0,
    "from 0 to 4294967295": lambda value: 0 <= value < 2**32,
}


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing or is not TOML.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"cannot read '{path}': it is no ordinary file.")
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"cannot read '{path}': it is larger than any settings, {MAX_BYTES:,} bytes.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file '{path}'.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read '{path}': {one_line(error)}.") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not valid TOML: it is nested too deeply.") from error
    except ValueError as error:  # a tomllib.TOMLDecodeError, or a number or a date that Python does not take
        raise ConfigError(f"{path}: not valid TOML: {one_line(error)}.") from error


def unknown(source: str, where: str, what: str, given: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that is not known, with the one that was probably meant."""
    known = sorted(known)
    near = difflib.get_close_matches(given[:200].lower(), [name.lower() for name in known], n=1)
    near = [name for name in known if [name.lower()] == near]
    hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(known)}." if len(known) <= 20 else ""
    shown = given if len(given) <= 60 else f"{given[:59]}…"
    return ConfigError(f"{source}: {where} has no {what} '{shown}'. {hint}".rstrip())


def parse_section(kind: Any, table: Mapping[str, Any], source: str, where: str) -> Any:
    """An instance of the dataclass `kind` from a TOML table, every key and type checked.

    Raises
    ------
    ConfigError
        If the table holds a key or a value that is not understood, or lacks one; `source` and `where` say which.
    """
    hints = get_type_hints(kind, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(kind) if "not_a_key" not in f.metadata}
    others = next((name for name, f in fields.items() if "all_other_keys" in f.metadata), None)
    keys = {name: f for name, f in fields.items() if name != others}
    for key in table:
        if key not in keys and others is None:
            raise unknown(source, where, "key", key, keys)
    for name, f in keys.items():
        if name not in table and f.default is dataclasses.MISSING:
            raise ConfigError(f"{source}: {where} lacks {_label(name, hints[name])}.")
    values = {
        name: _value(hints[name], table[name], source, _place(where, name, hints[name]))
        for name in keys
        if name in table
    }
    if others is not None:
        values[others] = {key: value for key, value in table.items() if key not in keys}
    return kind(**values)


def _value(hint: Any, value: Any, source: str, where: str) -> Any:
    """`value` as the type `hint`."""
    for option in _options(hint):
        kind, _ = _bounded(option)
        if _fits(option, value):
            return kind(value)
        origin, arguments = get_origin(kind), get_args(kind)
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            return parse_section(kind, value, source, where)
        if origin is tuple and isinstance(value, list) and value:
            return tuple(_value(arguments[0], item, source, f"{where} {n}") for n, item in enumerate(value, 1))
        if origin is Mapping and isinstance(value, dict):
            return {key: _value(arguments[1], item, source, f"{where}.{key}") for key, item in value.items()}
        if origin is Literal and isinstance(value, str):
            if value not in arguments:
                raise unknown(source, where, "choice", value, arguments)
            return value
    raise ConfigError(f"{source}: {where} must be {_described(hint)}. Received {_shown(value)}.")


def _fits(option: Any, value: Any) -> bool:
    """Whether a string, a truth value or a number may stand where the type `option` is wanted."""
    kind, bound = _bounded(option)
    if kind is int or kind is float:
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        is_number = is_number and (abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value))
        return is_number and (bound is None or _BOUNDS[bound](value))
    return isinstance(value, {str: str, Path: str, bool: bool}.get(kind, ()))


def _options(hint: Any) -> tuple[Any, ...]:
    """The types of a union, without None: TOML has no null, and a key may be left out."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return tuple(option for option in options if option is not types.NoneType)


def _bounded(option: Any) -> tuple[Any, str | None]:
    """The type and the bound of an Annotated type."""
    return get_args(option) if get_origin(option) is Annotated else (option, None)


def _described(hint: Any) -> str:
    """A type as the user of a config knows it."""
    words = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", Path: "a path"}
    words |= {tuple: "a list of tables, one or more", Mapping: "a table", Literal: "a string"}
    found = []
    for option in _options(hint):
        kind, bound = _bounded(option)
        found.append(words.get(get_origin(kind) or kind, "a table") + (f" {bound}" if bound else ""))
    return " or ".join(found)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # of more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _label(name: str, hint: Any) -> str:
    return f"the section [{name}]" if dataclasses.is_dataclass(hint) else f"the key '{name}'"


def _place(where: str, name: str, hint: Any) -> str:
    """The name that messages give the key `name` of the section `where`."""
    if dataclasses.is_dataclass(hint):
        return f"[{name}]"
    if get_origin(hint) is tuple:
        return f"[[{where.strip('[]')}.{name}]]"
    return f"'{name}'" if where == "the top level" else f"{where} {name}"
