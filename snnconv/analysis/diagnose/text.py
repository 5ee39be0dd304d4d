"""A diagnosis as text of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...text.plain import number, paragraph, plural
from ...text.table import Table
from .report import Diagnosis, LayerDiagnosis
from .search import Finding

N_SHOWN = 6  # findings that fit equally well


def diagnosis_text(found: Diagnosis) -> str:
    """The whole report."""
    run = f"{plural(found.n_samples, 'sample')}, {plural(found.n_steps, 'step')} of {number(found.dt * 1e3)} ms"
    lines = [f"Your spikes and the reference's: {run}", *_layer_table(found)]
    for layer in found.layers:
        lines += [line for note in layer.notes for line in paragraph(f"{layer.name}: {note}.", 2, 2)]
    for layer in found.layers:
        if not layer.is_equal:
            lines += ["", *_layer(layer, found, layer is found.first)]
    return "\n".join([*lines, "", verdict(found)])


def verdict(found: Diagnosis) -> str:
    """One line that says whether the spikes are equal, and what makes the difference."""
    if found.equal:
        total = sum(layer.comparison.n_expected for layer in found.layers)
        if not total:
            return "Equal: but no neuron spiked, so nothing was compared. Give inputs that make spikes."
        return f"Equal: all {total:,} spikes are the reference's."
    first, matches = found.first, found.matches
    where = "" if first is None else f" in '{first.name}'"
    if not matches:
        nearly = found.nearly
        if nearly is None:
            return f"Different{where}: by no mistake that is known, nor by two of them."
        return f"Different{where}: {_name(nearly)}, up to {1 - nearly.comparison.agreement:.2%} of the spikes."
    others = len(matches) - 1
    more = "" if not others else ", or one other that fits" if others == 1 else f", or {others} others that fit"
    return f"Different{where}: {matches[0].name}{more}."


def _layer_table(found: Diagnosis) -> list[str]:
    rows = []
    for layer in found.layers:
        comparison = layer.comparison
        rows.append(
            (
                layer.name,
                f"{comparison.n_received:,}",
                f"{comparison.n_expected:,}",
                _share(comparison.n_differing, comparison.n_entries),
                _share(comparison.n_counts_differing, comparison.n_counts),
                _from(layer),
            )
        )
    headings = ("layer", "your spikes", "reference", "entries differ", "counts differ", "from")
    return Table(headings, rows, left=(0, 5), wrap=(0,)).lines()


def _from(layer: LayerDiagnosis) -> str:
    first = layer.comparison.first
    if first is not None:
        return f"step {first.step}"
    return "equal" if layer.is_equal else "axes"


def _share(count: int, total: int) -> str:
    return f"{count:,} = {count / total:.2%}" if count else "0"


def _layer(layer: LayerDiagnosis, found: Diagnosis, is_first: bool) -> Iterator[str]:
    difference = layer.comparison.first
    if is_first and difference is not None:
        unit = ", ".join(map(str, difference.unit))
        at = f"First difference: '{layer.name}', sample {difference.sample}, step {difference.step}, unit {unit}: "
        at += f"{plural(difference.received, 'spike')} instead of {difference.expected}."
        if layer.current is not None and layer.voltage is not None:
            at += f" The reference has J = {number(layer.current, 6)} there, and v = {number(layer.voltage, 6)} before."
        yield from paragraph(at, 0, 2)
    if layer.is_right:
        yield from paragraph(f"'{layer.name}' is right with the spikes that you gave of the layers before it.", 0, 2)
        return
    results = layer.found
    if results is None:
        return
    if not results.exact:
        yield from paragraph(
            f"Nothing known makes exactly your spikes of '{layer.name}': no single mistake, and no two. Closest:", 0, 2
        )
        rows = [
            (
                _share(each.comparison.n_differing, each.comparison.n_entries),
                f"{each.comparison.agreement:.1%}",
                _name(each),
            )
            for each in results.closest
        ]
        rows.append(("", f"{layer.agreement:.1%}", "no mistake"))
        yield from Table(("entries differ", "spikes coincide", "with"), rows, left=(2,), wrap=(2,)).lines()
        if any(each.comparison.n_counts_differing == 0 for each in results.closest[:1]):
            yield from paragraph("Its counts are yours: what is left moves spikes by a step, as rounding does.", 2, 2)
        return
    many = len(results.exact) > 1
    lead = (
        "Each of these makes exactly your spikes; these data cannot tell them apart" if many else "Exactly your spikes"
    )
    yield f"{lead}, of '{layer.name}':"
    for each in results.exact[:N_SHOWN]:
        yield from paragraph(_name(each), 2, 2)
        for mistake in each.mistakes:
            yield from paragraph(f"right: {mistake.instead}", 4, 2)
    if len(results.exact) > N_SHOWN:
        yield f"  and {len(results.exact) - N_SHOWN} more; more samples, steps or spikes tell them apart"


def _name(finding: Finding) -> str:
    text = finding.name
    if finding.everywhere:
        text += ", in every layer up to this one"
    if isinstance(finding.voltage, np.ndarray):
        first = ", ".join(number(value, 3) for value in finding.voltage[:4])
        more = ", …" if len(finding.voltage) > 4 else ""
        text += f" (about {first}{more})"
    elif finding.voltage is not None:
        text += f" (about {number(finding.voltage, 3)})"
    return text
