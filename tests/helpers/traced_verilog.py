"""Integer arithmetic written down as Verilog: what `IntegerNeuron.step` does, line by line."""

import numpy as np

BITS = 48


class Traced:
    """A signed number of the circuit; what is done with it becomes a line of `lines`."""

    __array_ufunc__ = None  # arrays leave operators to it

    def __init__(self, lines, text):
        self.lines, self.name = lines, f"e{len(lines)}"
        lines.append(f"wire signed [{BITS - 1}:0] {self.name} = {text};")

    def _with(self, operator, other, swap=False):
        a, b = self.name, text_of(other)
        a, b = (b, a) if swap else (a, b)
        return Traced(self.lines, f"{a} {operator} {b}")

    def __add__(self, other):
        return self._with("+", other)

    __radd__ = __add__

    def __sub__(self, other):
        return self._with("-", other)

    def __rsub__(self, other):
        return self._with("-", other, swap=True)

    def __mul__(self, other):
        return self._with("*", other)

    def __gt__(self, other):
        return self._truth(">", other)

    def __ge__(self, other):
        return self._truth(">=", other)

    def __le__(self, other):
        return self._truth("<=", other)

    def _truth(self, operator, other):
        return Traced(self.lines, f"({self.name} {operator} {text_of(other)}) ? {BITS}'sd1 : {BITS}'sd0")


def text_of(value):
    """A number of the circuit, or a constant, as an operand."""
    if isinstance(value, Traced):
        return value.name
    number = int(np.asarray(value).item())
    return f"(-{BITS}'sd{-number})" if number < 0 else f"{BITS}'sd{number}"


class Namespace:
    """The functions that a step calls."""

    def __init__(self, lines):
        self.lines = lines

    def where(self, condition, a, b):
        return Traced(self.lines, f"({condition.name} != 0) ? {text_of(a)} : {text_of(b)}")

    def maximum(self, a, b):
        return Traced(self.lines, f"({text_of(a)} > {text_of(b)}) ? {text_of(a)} : {text_of(b)}")

    def minimum(self, a, b):
        return Traced(self.lines, f"({text_of(a)} < {text_of(b)}) ? {text_of(a)} : {text_of(b)}")

    def right_shift(self, a, n):
        return Traced(self.lines, f"{a.name} >>> {int(n)}")
