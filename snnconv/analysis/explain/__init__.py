"""What a graph computes, in equations with its numbers in them."""

from .explanation import Explanation, Section, explain, one_sample
from .trace import Trace
from .variables import Source, Variable

__all__ = ["Explanation", "Section", "Source", "Trace", "Variable", "explain", "one_sample"]
