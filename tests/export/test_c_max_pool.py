"""Max pooling, signed spikes, several outputs and every code, in C and in the folder of numbers."""

import pytest

import snnconv
from snnconv.errors import ExportError
from snnconv.export import verify_folder
from snnconv.export.c.compiling import build

from ..quantize.test_nodes_max_pool import pooled, x


@pytest.mark.parametrize("code", ["analog", "rate", "latency"])
def test_the_program_gives_the_golden_integers(tmp_path, code):
    """The golden vectors are those of the NumPy loop; the self-test compares spikes, voltages and sums of both."""
    verdict = snnconv.export.export(pooled("signed"), tmp_path / "net", "c", x=x, n_steps=12, code=code)
    assert any("its self-test passes (3 samples of 12 steps)" in note for note in verdict.notes)
    if code != "analog":
        return
    # the pool in the program, not only in the numbers: a window that keeps its smallest sum fails
    source = tmp_path / "net" / "network.c"
    text = source.read_text("utf-8")
    assert "value > most ? value : most" in text
    source.write_text(text.replace("value > most ? value : most", "value < most ? value : most"), "utf-8")
    assert not build(tmp_path / "net").passed


def test_the_folder_of_numbers_holds_the_pools(tmp_path):
    snnconv.export.export(pooled("signed"), tmp_path / "net", "params", x=x, n_steps=12)
    assert all(check.passed for check in verify_folder(tmp_path / "net"))
    report = (tmp_path / "net" / "REPORT.md").read_text("utf-8")
    assert "Growth of the largest running sums, S and M from 0, of windows of 3 x 3" in report
    assert "Largest values of windows of 2 x 2 of " in report


@pytest.mark.parametrize("target", ["nir", "lava"])
def test_what_has_no_pool_says_so(tmp_path, target):
    with pytest.raises(ExportError, match=r"cannot hold .*the max pooling of .*Convert with max_to_avg_pool=True"):
        snnconv.export.export(pooled("signed"), tmp_path / "net", target, x=x, n_steps=2)
