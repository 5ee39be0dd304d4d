"""The result of fine-tuning: the network, and its accuracies on its way, by the number of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..graph import SpikingGraph
from ..text.table import Report, Section, Table

STEPS = (1, 2, 4, 8, 16)
"""Numbers of steps that are reported, besides the one that is trained for."""

Column = Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Measured:
    """Accuracies of a network on its way, on the same samples.

    Attributes
    ----------
    n_samples : int
    metric : {"accuracy", "mse"}
        Share of right answers, 0…1; mean squared error where targets are values.
    columns : mapping of "converted", "calibrated" and "fine-tuned" to dict of int to float
        By the number of steps.
    """

    n_samples: int
    metric: str
    columns: Mapping[str, Column]

    def table(self, title: str) -> Table:
        """A row for each number of steps."""
        show = "{:.2%}".format if self.metric == "accuracy" else "{:.4g}".format
        steps = next(iter(self.columns.values()))
        rows = [(str(n), *(show(column[n]) for column in self.columns.values())) for n in steps]
        return Table(("steps", *self.columns), rows, left=(), title=f"{title}, {self.n_samples:,} samples")

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON can hold."""
        columns = {name: {str(n): value for n, value in column.items()} for name, column in self.columns.items()}
        return {"n_samples": self.n_samples, "metric": self.metric, **columns}


@dataclass(frozen=True, eq=False)
class FineTuning:
    """A network that was trained in spikes, with its accuracy before and after; it prints as text.

    Attributes
    ----------
    graph : SpikingGraph
        The trained network.
    n_steps : int
        Number of steps that it was trained for.
    validation : Measured
        On the samples that were held back from training.
    test : Measured or None
        On test samples, which decided nothing.
    history : dict of str to list of float
        Losses of Keras, one value per epoch.
    seconds : float
        Time that training took.
    """

    graph: SpikingGraph
    n_steps: int
    validation: Measured
    test: Measured | None
    history: Mapping[str, list[float]]
    seconds: float

    def __str__(self) -> str:
        return str(self.report)

    @property
    def report(self) -> Report:
        """Accuracies by the number of steps, as tables."""
        found = [self.validation.table(f"{self.validation.metric} on what was held back from training")]
        if self.test is not None:
            found.append(self.test.table(f"{self.test.metric} on test data"))
        return Report([Section(table.title, [table]) for table in found])

    def to_dict(self) -> dict[str, Any]:
        """All of it but the graph, in types that JSON can hold."""
        test = None if self.test is None else self.test.to_dict()
        found = {"n_steps": self.n_steps, "validation": self.validation.to_dict(), "test": test}
        return {**found, "history": dict(self.history), "seconds": self.seconds}


def measured(graphs: Mapping[str, SpikingGraph], x: Any, y: Any, n_steps: int, dt: float) -> Measured:
    """Measure networks on the same samples at `STEPS` and `n_steps` steps."""
    from ..runtime.simulator import Simulator

    steps, metric, columns = sorted({*STEPS, n_steps}), "accuracy", {}
    for name, graph in graphs.items():
        found = Simulator(graph, dt).evaluate(x, y, n_steps=steps[-1], verbose=False)
        metric = "accuracy" if "accuracy" in found else "mse"
        columns[name] = {n: float(found[f"{metric}_over_time"][n - 1]) for n in steps}
    return Measured(len(y), metric, columns)
