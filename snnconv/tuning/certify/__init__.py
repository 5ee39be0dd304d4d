"""Proofs about a network's answers, from the books that integrate-and-fire neurons keep.

- `certificate`: the class that no later step changes, and bounds on values
- `account`: bounds on every node's sum, from the residual voltages of a run
"""

from .certificate import Certificate, certify, settled_steps

__all__ = ["Certificate", "certify", "settled_steps"]
