"""The account of a run: rates of the populations and the number of right answers, added up over its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

Arrays = Mapping[str, np.ndarray]
PREFIX = "account/"


@dataclass(frozen=True, eq=False)
class Account:
    """Numbers of some samples; those of several parts are added with `+`.

    Parameters
    ----------
    n : int
        Samples.
    spikes : mapping of population name to float
        Of all samples together.
    highest : mapping of population name to float
        Most spikes of a neuron at a sample.
    fired : mapping of population name to (*units) array of bool
        Which neurons spiked at any sample.
    right : (n_steps,) array, or None
        Samples whose output, summed up to a step or read in another way, is largest at the right class.
    """

    n: int
    spikes: Mapping[str, float]
    highest: Mapping[str, float]
    fired: Mapping[str, np.ndarray]
    right: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        counts: Arrays,
        output: np.ndarray,
        classes: np.ndarray | None,
        read: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> Account:
        """The account of some samples.

        Parameters
        ----------
        counts : by population, (n, *units) spikes over the whole run
        output : (n, n_steps, n_classes) array
        classes : (n,) array of the right ones, or None
        read : function or None
            Makes of the output what is read after each step, without NaN. None: the sum so far.
        """
        right = None
        if classes is not None:
            readout = np.cumsum(output, 1, "float64") if read is None else read(output)
            right = (readout.argmax(-1) == classes[:, None]).sum(0)
        return cls(
            n=len(output),
            spikes={name: float(count.sum()) for name, count in counts.items()},
            highest={name: float(count.max()) for name, count in counts.items()},
            fired={name: (count != 0).any(0) for name, count in counts.items()},
            right=right,
        )

    def __add__(self, other: Account) -> Account:
        return Account(
            n=self.n + other.n,
            spikes={name: self.spikes[name] + other.spikes[name] for name in self.spikes},
            highest={name: max(self.highest[name], other.highest[name]) for name in self.highest},
            fired={name: self.fired[name] | other.fired[name] for name in self.fired},
            right=None if self.right is None or other.right is None else self.right + other.right,
        )

    def as_arrays(self) -> dict[str, np.ndarray]:
        """The account as arrays for a file; `from_arrays` reads them."""
        arrays = {f"{PREFIX}n": np.array(self.n)}
        if self.right is not None:
            arrays[f"{PREFIX}right"] = self.right
        for name in self.spikes:
            arrays[f"{PREFIX}spikes/{name}"] = np.array([self.spikes[name], self.highest[name]])
            arrays[f"{PREFIX}fired/{name}"] = self.fired[name]
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Account:
        """The account among the arrays of a file."""
        begin = f"{PREFIX}spikes/"
        names = [name.removeprefix(begin) for name in arrays if name.startswith(begin)]
        return cls(
            n=int(arrays[f"{PREFIX}n"]),
            spikes={name: float(arrays[begin + name][0]) for name in names},
            highest={name: float(arrays[begin + name][1]) for name in names},
            fired={name: arrays[f"{PREFIX}fired/{name}"] for name in names},
            right=arrays.get(f"{PREFIX}right"),
        )


def total(accounts: Iterable[Account]) -> Account:
    """Add up accounts, at least one."""
    first, *others = accounts
    for each in others:
        first = first + each
    return first
