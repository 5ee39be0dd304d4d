"""The arithmetic in the code of a Lambda layer, read off its bytes; nothing of it is loaded or run.

A file keeps a function as Python's marshal writes code: numbers, texts, tuples and the code of CPython's stack machine.
Loading such bytes can end the process, so they are taken apart here, and of the machine's instructions only those of
arithmetic and slices are followed, for CPython 3.6 to 3.13. Where there is anything else, no arithmetic is read.
"""

from __future__ import annotations

import ast
import base64
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import ModelFileError
from .arithmetic import MAX_EXPRESSION, parsed

MOST_BYTES, MOST_INSTRUCTIONS, DEEPEST = 20_000, 500, 20
REFERABLE = 0x80  # flag of a value that a later one may refer to


class _Code(NamedTuple):
    """A code object as far as it is followed: instructions, constants, number of arguments, and version."""

    instructions: bytes
    constants: tuple[Any, ...]
    n_arguments: int
    is_modern: bool  # of CPython 3.11 on


def arithmetic_of(function: Any) -> str | None:
    """The expression in x that a Lambda's code computes, as `Arithmetic` takes it; None where it is more than that.

    Parameters
    ----------
    function : any value of JSON
        As Keras 2 or Keras 3 writes it, with the code, the default values and the closure.
    """
    if isinstance(function, dict) and isinstance(function.get("config"), dict):
        function = [function["config"].get(key) for key in ("code", "defaults", "closure")]
    if not isinstance(function, list) or len(function) != 3 or function[1] or function[2]:
        return None
    try:
        data = base64.b64decode(function[0])
        code = _Reader(data).code() if len(data) <= MOST_BYTES else None
        tree = None if code is None or code.n_arguments != 1 else _followed(code)
        if tree is None:
            return None
        expression = ast.unparse(ast.fix_missing_locations(tree))
        parsed(expression)
    except (TypeError, ValueError, LookupError, RecursionError, struct.error, ModelFileError):
        return None
    return expression


class _Reader:
    """The values in marshalled bytes."""

    def __init__(self, data: bytes):
        self._data, self._at, self._known, self._depth = data, 0, [], 0

    def code(self) -> _Code | None:
        """The one code object that the bytes are, or None."""
        found = self._value()
        return found if isinstance(found, _Code) and self._at == len(self._data) else None

    def _take(self, n: int) -> bytes:
        if not 0 <= n <= len(self._data) - self._at:
            raise ValueError("shorter than it claims")
        self._at += n
        return self._data[self._at - n : self._at]

    def number(self, form: str) -> Any:
        """A number."""
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _value(self) -> Any:
        kind = self._take(1)[0]
        place, kind = (len(self._known) if kind & REFERABLE else None), chr(kind & ~REFERABLE)
        if place is not None:
            self._known.append(None)
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("nested too deeply")
        if kind == "c" and self._depth == 1:
            found = self._modern_or_older()
        elif kind in "()":
            found = tuple(self._value() for _ in range(self.number("<i") if kind == "(" else self.number("<B")))
        elif kind == "r":
            found = self._known[self.number("<i")]
        elif kind in SCALARS:
            found = SCALARS[kind](self)
        else:
            raise ValueError("of another type")
        self._depth -= 1
        if place is not None:
            self._known[place] = found
        return found

    def text(self, form: str) -> str:
        """A text behind its length."""
        return self._take(self.number(form)).decode("latin1")

    def raw(self) -> bytes:
        """Bytes behind their length."""
        return self._take(self.number("<i"))

    def _modern_or_older(self) -> _Code:
        """A code object in the first of CPython's layouts that fits."""
        start, known, depth = self._at, list(self._known), self._depth
        for is_modern, n_numbers, n_names in ((True, 5, 2), (False, 6, 3), (False, 5, 3)):
            self._at, self._known, self._depth = start, list(known), depth
            try:
                numbers = [self.number("<i") for _ in range(n_numbers)]
                instructions, constants, _ = self._value(), self._value(), self._value()
                names = [self._value() for _ in range(n_names)]
                places = [self._value() for _ in range(3 if is_modern else 2)]
                self.number("<i")  # first line
                tables = [self._value() for _ in range(2 if is_modern else 1)]
            except (ValueError, struct.error, IndexError):
                continue
            tuples = [constants, names[0]] if is_modern else [constants, *names]
            raws = [instructions, *tables, *(names[1:] if is_modern else [])]
            fits = all(isinstance(each, tuple) for each in tuples) and all(isinstance(each, bytes) for each in raws)
            only_positional = not any(numbers[1:3] if n_numbers > 5 or is_modern else numbers[1:2])
            if fits and only_positional and all(isinstance(each, str) for each in places):
                return _Code(instructions, constants, numbers[0], is_modern)
        raise ValueError("of no known layout")


SCALARS: dict[str, Callable[[_Reader], Any]] = {
    **{kind: lambda _, value=value: value for kind, value in {"N": None, "T": True, "F": False, ".": ...}.items()},
    "i": lambda reader: reader.number("<i"),
    "g": lambda reader: reader.number("<d"),
    "s": lambda reader: reader.raw(),
    **{kind: lambda reader: reader.text("<i") for kind in "tuaA"},
    **{kind: lambda reader: reader.text("<B") for kind in "zZ"},
}

ADD, SUBTRACT, MULTIPLY, DIVIDE = ast.Add, ast.Sub, ast.Mult, ast.Div
_BEFORE_3_13 = {
    124: "load",
    125: "store",
    100: "constant",
    83: "return",
    11: "negative",
    10: "positive",
    25: "item",
    133: "slice",
    102: "tuple",
}
_OLDER = {9: "skip", **_BEFORE_3_13}
_OLDER_BINARY = {23: ADD, 55: ADD, 24: SUBTRACT, 56: SUBTRACT, 20: MULTIPLY, 57: MULTIPLY, 27: DIVIDE, 29: DIVIDE}
_MODERN = {0: "skip", 9: "skip", 151: "skip", 122: "binary", 26: "cut", **_BEFORE_3_13}
_OF_3_13 = {
    0: "skip",
    30: "skip",
    149: "skip",
    85: "load",
    110: "store",
    83: "constant",
    36: "return",
    42: "negative",
    45: "binary",
    5: "item",
    4: "cut",
    50: "slice",
    52: "tuple",
    88: "load two",
    111: "store and load",
}
_BINARY = {0: ADD, 13: ADD, 5: MULTIPLY, 18: MULTIPLY, 10: SUBTRACT, 23: SUBTRACT, 11: DIVIDE, 24: DIVIDE}


def _followed(code: _Code) -> ast.expr | None:
    """The syntax tree of what the instructions leave on their stack, or None where they do anything else."""
    pairs = list(zip(code.instructions[::2], code.instructions[1::2], strict=True))
    if not 0 < len(pairs) <= MOST_INSTRUCTIONS:
        return None
    meanings = _OLDER
    if code.is_modern:
        meanings = _OF_3_13 if pairs[0][0] == 149 else _MODERN
    stack: list[ast.expr] = []
    variables: dict[int, ast.expr] = {0: ast.Name("x")}
    for number, (instruction, argument) in enumerate(pairs):
        meaning = meanings.get(instruction)
        if meaning == "return":
            return stack.pop() if len(stack) == 1 and number == len(pairs) - 1 else None
        if not code.is_modern and instruction in _OLDER_BINARY:
            meaning, argument = "binary", _OLDER_BINARY[instruction]
        elif meaning == "binary":
            argument = _BINARY[argument]
        if meaning is None:
            return None
        _do(meaning, argument, code.constants, stack, variables)
        if stack and len(ast.unparse(stack[-1])) > MAX_EXPRESSION:  # it doubles where a variable is added to itself
            return None
    return None


def _do(
    meaning: str, argument: Any, constants: tuple[Any, ...], stack: list[ast.expr], variables: dict[int, ast.expr]
) -> None:
    """One instruction."""
    if meaning == "load":
        stack.append(variables[argument])
    elif meaning == "load two":
        stack += [variables[argument >> 4], variables[argument & 15]]
    elif meaning == "store":
        variables[argument] = stack.pop()
    elif meaning == "store and load":
        variables[argument >> 4] = stack.pop()
        stack.append(variables[argument & 15])
    elif meaning == "constant":
        stack.append(_constant(constants[argument]))
    elif meaning in ("negative", "positive"):
        stack.append(ast.UnaryOp(ast.USub() if meaning == "negative" else ast.UAdd(), stack.pop()))
    elif meaning == "binary":
        right = stack.pop()
        stack.append(ast.BinOp(stack.pop(), argument(), right))
    elif meaning == "item":
        key = stack.pop()
        stack.append(ast.Subscript(stack.pop(), key))
    elif meaning in ("slice", "cut"):
        n = 2 if meaning == "cut" else argument
        ends = [_end(stack.pop()) for _ in range(n)][::-1]
        key = ast.Slice(*ends)
        stack.append(ast.Subscript(stack.pop(), key) if meaning == "cut" else key)
    elif meaning == "tuple":
        items = [stack.pop() for _ in range(argument)][::-1]
        stack.append(ast.Tuple(items))


def _constant(value: Any) -> ast.expr:
    if isinstance(value, tuple):
        return ast.Tuple([_constant(item) for item in value])
    if isinstance(value, (int, float)) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _end(node: ast.expr) -> ast.expr | None:
    """One of the numbers of a slice; None where it is left out."""
    return None if isinstance(node, ast.Constant) and node.value is None else node
