"""The folder for an accelerator: its programs, what is expected of them, and code that needs neither package there."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import gpu, works
from tests.benchmarks.gpu import layer as layers
from tests.benchmarks.gpu.layer import LargeLayer

FOLDER = Path(gpu.__file__).parent


@pytest.mark.parametrize("name", ["__main__", "layer", "programs", "peers"])
def test_what_runs_there_imports_neither_snnconv_nor_tensorflow(name):
    imported = set()
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level == 2:
            assert [alias.name for alias in node.names] == ["works"], "which is NumPy alone"
    assert imported & {"snnconv", "tensorflow", "keras"} == set()


def test_the_first_columns_and_samples_are_those_of_the_whole_layer():
    layer = LargeLayer(2 * layers.COLUMNS, n_samples=3, n_steps=4)
    assert np.array_equal(layer.kernel(layers.COLUMNS), layer.kernel()[:, : layers.COLUMNS])
    assert np.array_equal(layer.spikes(2), layer.spikes()[:2])
    assert layer.digest() != LargeLayer(4 * layers.COLUMNS, 3, 4).digest()


@pytest.mark.full
@pytest.mark.compiled
def test_packed_folder_has_programs_without_large_kernels_and_spikes_of_both_precisions(tmp_path, monkeypatch):
    from tests.benchmarks.gpu.pack import pack

    monkeypatch.setattr(works, "NAMES", ("W1",))
    monkeypatch.setattr(layers, "QUICK", ((2 * layers.COLUMNS,), 3, 40))
    pack(tmp_path, quick=True)
    about = json.loads((tmp_path / layers.ABOUT).read_text("utf-8"))
    assert list(about["programs"]) == ["L512", "W1"]
    assert about["programs"]["L512"]["digest"] == LargeLayer(512, 3, 40).digest()
    for form in layers.FORMS:
        signature = json.loads((tmp_path / "L512" / form / "signature.json").read_text("utf-8"))
        assert layers.KERNEL in signature["programs"]["3"]["weights"]
        assert layers.KERNEL not in np.load(tmp_path / "L512" / form / layers.WEIGHTS)
    spikes = np.load(tmp_path / "L512" / layers.EXPECTED)
    assert spikes["float64"].shape == (layers.CHECKED, 40, layers.COLUMNS)
    assert 0.005 < spikes["float64"].mean() < 0.05
    expected = np.load(tmp_path / "W1" / layers.EXPECTED)
    for dtype in ("float32", "float64"):
        for name in ("lif1", "lif2"):
            neurons, samples = expected[f"{dtype}/neurons/{name}"], expected[f"{dtype}/samples/{name}"]
            assert np.array_equal(neurons.sum(1), samples[: len(neurons)])
    assert expected["float64/samples/lif1"].sum() > 0
