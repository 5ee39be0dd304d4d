"""The integer program on a Cortex-M3: the golden sums, and the instructions of a step that docs/hardware.md tells."""

import numpy as np
import pytest

from snnconv.export import export
from snnconv.neurons import LIF

from ..helpers.cortex_m3 import MISSING, measure
from ..helpers.integer_networks import Line

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(MISSING), reason=f"there is no {', '.join(MISSING)}")]


@pytest.mark.parametrize(
    ("sizes", "instructions"), [((16, 8, 4), 161), ((64, 32, 10), 565), ((784, 128, 10), 2301)], ids=str
)
def test_a_cortex_m3_gives_the_golden_sums(tmp_path, sizes, instructions):
    rng = np.random.default_rng(0)
    n_in, n_hidden, n_out = sizes
    line = Line((n_in,)).dense("d0", rng.normal(0, 1.5 / np.sqrt(n_in), (n_in, n_hidden)))
    line = line.neurons("n0", LIF(), np.full(n_hidden, 1.2)).dense("d1", rng.normal(0, 0.02, (n_hidden, n_out)))
    export(line.graph(), tmp_path / "net", "c", n_steps=50)
    found, wrong = measure(tmp_path / "net", tmp_path, "y", n_out)
    assert wrong == 0
    # compilers differ in their instructions, versions of one compiler less so
    assert 0.75 * instructions < found < 1.25 * instructions
