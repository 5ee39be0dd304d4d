"""A neuron's step in C, written from its step in Python.

The step runs once, on values that stand for numbers of a C program in place of arrays. They take part in NumPy's
operations by its own protocols, and each operation becomes a line of C that rounds once, in the order of Python. So the
program gives the numbers of the NumPy loop to the last bit, as long as they are numbers: a maximum with what is not a
number is not NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...errors import ExportError
from .loops import indented
from .program import Numbers

_ARITHMETIC = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "negative": "-{}",
    "absolute": "{0} > 0 ? {0} : 0 - {0}",
    "square": "{0} * {0}",
    "maximum": "{0} > {1} ? {0} : {1}",
    "minimum": "{0} < {1} ? {0} : {1}",
}
_OWN_ARITHMETIC = {
    "double": {"divide": "{} / {}", "floor": "round_down({})", "ceil": "-round_down(-{})"},
    "int32_t": {"right_shift": "shift_down({}, {})"},
}
_COMPARISONS = {
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
}
_LOGIC = {
    "logical_and": "{} && {}",
    "logical_or": "{} || {}",
    "logical_not": "!{}",
    "bitwise_and": "{} && {}",
    "bitwise_or": "{} || {}",
    "invert": "!{}",
}
_CHOICE = "{} ? {} : {}"

Store = Callable[[str], list[str]]
Scope = tuple[tuple[int, int], ...]  # the branches of choices around a line: each a choice, and 0 or 1


@dataclass(eq=False, repr=False)
class Value(NDArrayOperatorsMixin):
    """A number of each neuron in a C program, in the place of an array.

    Parameters
    ----------
    trace : Trace
    form : str
        Its expression in C, with a "{}" for each argument.
    arguments : tuple of Value or str
        Values, and numbers as they stand in C.
    is_condition : bool
        Whether it is a condition rather than a number.
    is_natural : bool
        Whether it is known to be 0 or more.
    name : str
        Name in the program; none: one that is given when the program is written.
    """

    trace: Trace
    form: str
    arguments: tuple[Any, ...] = ()
    is_condition: bool = False
    is_natural: bool = False
    name: str = ""

    @property
    def dtype(self) -> np.dtype:
        """Type of the arrays that it stands for."""
        return np.dtype(self.trace.numbers.dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self.trace.apply(name, inputs, options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return self.trace.apply(function.__name__, inputs, options)

    def __bool__(self) -> bool:
        raise self.trace.refusal("if")


class Trace:
    """The operations of one step, in the order in which Python makes them.

    Parameters
    ----------
    what : str
        What takes the step, for messages: "LIF neurons".
    numbers : Numbers
        Type of the numbers in the program.
    array : callable
        Gives the expression of an array of constants at the index of a neuron.
    """

    def __init__(self, what: str, numbers: Numbers, array: Callable[[np.ndarray], str]) -> None:
        self.what = what
        self.numbers = numbers
        self.array = array
        self.arithmetic = _ARITHMETIC | _OWN_ARITHMETIC[numbers.kind]
        self.values: dict[tuple[Any, ...], Value] = {}

    def given(self, form: str, name: str = "", is_natural: bool = False) -> Value:
        """A number that the program has: its expression, and the name under which it is read first, if any."""
        return self._value(form, (), name=name or form, is_natural=is_natural)

    def apply(self, name: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The value of one of NumPy's functions.

        Raises
        ------
        ExportError
            If it is more than arithmetic, comparisons and choices.
        """
        if options:
            raise self.refusal(f"{name} with {', '.join(options)}")
        are_conditions = all(map(_is_condition, inputs))
        match name:
            case "zeros_like":
                return self.numbers.zero
            case "ones_like":
                return self.numbers.zero + 1
            case "clip" if len(inputs) == 3:
                return np.minimum(np.maximum(inputs[0], inputs[1]), inputs[2])
            case "power" if np.isscalar(inputs[1]) and inputs[1] == 2:
                return self.apply("square", inputs[:1], options)
            case "maximum" | "minimum" if (bounded := self._bounded(name, *inputs)) is not None:
                return bounded
            case "where" if len(inputs) == 3:
                condition, *both = inputs
                if not isinstance(condition, Value):
                    return both[0] if condition else both[1]
                is_condition = all(map(_is_condition, both))
                return self._value(
                    _CHOICE, (condition, *self._arguments(both, is_condition)), is_condition=is_condition
                )
        if name in _LOGIC and are_conditions:
            return self._value(_LOGIC[name], self._arguments(inputs, True), is_condition=True)
        if name in _COMPARISONS:
            return self._value(_COMPARISONS[name], self._arguments(inputs), is_condition=True)
        if name in self.arithmetic and not are_conditions:  # NumPy's sums of conditions are conditions
            arguments = self._arguments(inputs)
            are_natural = all(map(_is_natural, arguments))
            is_plain = are_natural and name == "right_shift"
            form = "{} >> {}" if is_plain else self.arithmetic[name]
            return self._value(form, arguments, is_natural=are_natural and name in ("add", "multiply"))
        raise self.refusal(name)

    def code(
        self, results: Mapping[str, Any], stores: Mapping[str, tuple[Any, Store]] | None = None
    ) -> tuple[list[str], dict[str, str]]:
        """Lines that compute results under their names in the program, and the expression of each result.

        Parameters
        ----------
        results : mapping of name to value
        stores : mapping of name to (value, function)
            What a result was before, and the lines that keep it, for its expression. A result that is a choice is kept
            in the branches, but not where it stays what it was, and is not among the expressions that are returned.
        """
        found = dict(zip(results, self._arguments(results.values()), strict=True))
        for name, value in found.items():
            if isinstance(value, Value):
                value.name = value.name or name
        made = _Lines(self, [value for value in found.values() if isinstance(value, Value)], stores or {})
        return made.block(()), {name: _text(value) for name, value in found.items() if name not in made.stores}

    def refusal(self, operation: str) -> ExportError:
        """The error for what C without a library does not have."""
        return ExportError(
            f"{self.what} compute '{operation}' in their step. C without a library has arithmetic, comparisons, floor, "
            f"and choices by where, maximum and minimum."
        )

    def _value(self, form: str, arguments: tuple[Any, ...], **kinds: Any) -> Value:
        """The value of an expression, the same for the same expression."""
        key = (form, *((id(argument) if isinstance(argument, Value) else argument) for argument in arguments))
        return self.values.setdefault(key, Value(self, form, arguments, **kinds))

    def _arguments(self, inputs: Iterable[Any], are_conditions: bool = False) -> tuple[Any, ...]:
        """Inputs as arguments: values, and numbers and arrays as they stand in C."""
        found: list[Any] = []
        for given in inputs:
            if isinstance(given, Value):
                is_cast = given.is_condition and not are_conditions
                found.append(self._value(f"({self.numbers.kind}){{}}", (given,)) if is_cast else given)
            elif np.size(given) == 1:
                number = np.asarray(given).item()
                if not np.isfinite(number):
                    raise self.refusal(str(number))
                found.append(str(int(number)) if are_conditions else self.numbers.literal(number))
            else:
                found.append(self.array(np.asarray(given)))
        return tuple(found)

    @staticmethod
    def _bounded(name: str, this: Any, other: Any) -> Any:
        """The input that an infinite one does not bound."""
        end = -np.inf if name == "maximum" else np.inf
        for bound, bounded in ((this, other), (other, this)):
            if not isinstance(bound, Value) and np.all(np.equal(bound, end)):
                return bounded
        return None


class _Lines:
    """The lines of a step: each value once, in the innermost branch of choices that has all its uses.

    So the branch not taken costs nothing, and integers need not hold what would be in it. Choices by one condition that
    follow each other are one: a group, called like its last choice.
    """

    def __init__(self, trace: Trace, results: list[Value], stores: Mapping[str, tuple[Any, Store]]) -> None:
        self.kind = trace.numbers.kind
        self.number = count(1)
        self.conditions = {id(each): each.arguments[0] for each in trace.values.values() if each.form == _CHOICE}
        self.groups: dict[int, list[Value]] = {}
        self.is_new: dict[int, bool] = {}
        self.numbers = {id(value): number for number, value in enumerate(trace.values.values())}
        self.uses: dict[int, list[tuple[Scope, int | None]]] = {}
        open_groups: dict[tuple[Scope, int], int] = {}
        places: dict[int, Scope] = {id(value): () for value in results}
        for value in reversed(trace.values.values()):
            if id(value) in places:
                own, group = places[id(value)], id(value)
                if group in self.conditions:
                    key = (own, id(self.conditions[group]))
                    last = open_groups.get(key, group)
                    group = last if self._follows(value, own, self.numbers[last]) else group
                    open_groups[key] = group
                    self.groups.setdefault(group, []).insert(0, value)
                for position, argument in enumerate(value.arguments):
                    is_chosen = id(value) in self.conditions and position > 0
                    stays = is_chosen and value.name in stores and _is_same(argument, stores[value.name][0])
                    if isinstance(argument, Value) and not (stays and id(value) not in self.uses):
                        use = (*own, (group, position - 1)) if is_chosen else own
                        places[id(argument)] = _common(places.get(id(argument), use), use)
                        at = None if is_chosen else self.numbers[id(value)]
                        self.uses.setdefault(id(argument), []).append((use, at))
        self.scopes: dict[Scope, list[Value]] = {}
        for value in trace.values.values():
            if id(value) in places and value.name != value.form:
                # what is read in every branch can be read while a pointer moves on
                self.scopes.setdefault(places[id(value)] if value.arguments else (), []).append(value)
        chosen = {value.name for value in results if id(value) in self.conditions and id(value) not in self.uses}
        self.stores = {name: store for name, (_, store) in stores.items() if name in chosen}
        self.old = {name: old for name, (old, _) in stores.items() if name in chosen}

    def _follows(self, value: Value, own: Scope, number: int) -> bool:
        """Whether nothing in the scope of a value uses it before the line of a later choice."""
        for scope, at in self.uses.get(id(value), ()):
            if len(scope) > len(own):
                at = self.numbers[scope[len(own)][0]]  # where the branch with the use is
            if at is not None and at <= number:
                return False
        return True

    def block(self, scope: Scope, results: Sequence[tuple[Any, str]] = ()) -> list[str]:
        """Lines of a scope; where it is a branch, with each of its results and the variable that gets it."""
        lines, own = [], self.scopes.get(scope, [])
        names = {id(result): to for result, to in reversed(results) if isinstance(result, Value)}
        for value in own:
            to = names.get(id(value))
            if to in self.stores and len(self.uses[id(value)]) > 1:  # it gets a variable for all its uses
                del names[id(value)]
                to = None
            if to is not None:
                value.name = to
            lines += self._lines(value, scope, is_new=to is None)
        there = {names[id(value)] for value in own if id(value) in names}
        left = [(result, to) for result, to in results if to not in there and not self._stays(to, result)]
        return [*lines, *(line for result, to in left for line in self._put(to, _text(result)))]

    def _stays(self, name: str, result: Any) -> bool:
        """Whether a result is what it was before."""
        return name in self.stores and _is_same(result, self.old[name])

    def _put(self, name: str, text: str) -> list[str]:
        """Lines that give a value to a result or a variable that there is."""
        return self.stores[name](text) if name in self.stores else [f"{name} = {text};"]

    def _lines(self, value: Value, scope: Scope, is_new: bool) -> list[str]:
        if id(value) in self.conditions:
            self.is_new[id(value)] = is_new
            return self._choice(id(value), scope) if id(value) in self.groups else []
        value.name = value.name or f"t{next(self.number)}"
        return self._assigned(value, _expression(value), is_new)

    def _choice(self, group: int, scope: Scope) -> list[str]:
        members = self.groups[group]
        condition, branches = self.conditions[group], [(*scope, (group, side)) for side in (0, 1)]
        for choice, side in scope:
            if self.conditions[choice] is condition:  # which is known in all of this branch
                old = [value for value in members if not self.is_new[id(value)]]
                lines = self.block(branches[side], [(value.arguments[1 + side], value.name) for value in old])
                for value in members:
                    value.name = value.name if value in old else _text(value.arguments[1 + side])
                return lines
        for value in members:
            value.name = value.name or f"t{next(self.number)}"
        if len(members) == 1 and not any(self._stays(members[0].name, each) for each in members[0].arguments[1:]):
            (value,) = members
            short = [self._inline(branch, value.arguments[1 + side]) for side, branch in enumerate(branches)]
            if all(short):
                text = _CHOICE.format(_text(condition), *short)
                return self._assigned(value, text, self.is_new[group])
        this, other = (
            indented(self.block(branch, [(value.arguments[1 + side], value.name) for value in members]))
            for side, branch in enumerate(branches)
        )
        new = [value for value in members if self.is_new[id(value)] and value.name not in self.stores]
        declared = [f"{self._kind(value)} {value.name};" for value in new]
        if not other:
            return [*declared, f"if ({_text(condition)}) {{", *this, "}"]
        # conditions are events, such as a spike: without one first, as compilers take that for the usual case
        return [*declared, f"if (!{_text(condition)}) {{", *other, *(["} else {", *this] if this else []), "}"]

    def _inline(self, branch: Scope, result: Any) -> str:
        """The result of a branch where it is at most one operation; nothing where there is more in the branch."""
        own = self.scopes.get(branch, [])
        if not own:
            return _text(result)
        is_choice = id(result) in self.conditions
        has_more = is_choice and any((*branch, (id(result), side)) in self.scopes for side in (0, 1))
        return f"({_expression(result)})" if len(own) == 1 and own[0] is result and not has_more else ""

    def _assigned(self, value: Value, expression: str, is_new: bool) -> list[str]:
        if is_new and value.name not in self.stores:
            return [f"const {self._kind(value)} {value.name} = {expression};"]
        return self._put(value.name, expression)

    def _kind(self, value: Value) -> str:
        return "int" if value.is_condition else self.kind


def _expression(value: Value) -> str:
    return value.form.format(*map(_text, value.arguments))


def _common(one: Scope, other: Scope) -> Scope:
    n = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:n]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two arguments are the same: one value, or one text."""
    return one is other or (isinstance(one, str) and isinstance(other, str) and one == other)


def _is_condition(value: Any) -> bool:
    return value.is_condition if isinstance(value, Value) else isinstance(value, (bool, np.bool_))


def _is_natural(argument: Any) -> bool:
    return argument.is_natural if isinstance(argument, Value) else argument.isdigit()


def _text(argument: Any) -> str:
    return argument.name if isinstance(argument, Value) else argument
