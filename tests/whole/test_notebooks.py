"""Every notebook runs from top to bottom, and what it shows is there."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert "01_from_keras_to_spikes.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_messages_of_libraries_are_shown(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [
        output["text"] for cell in cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ]


@pytest.mark.full
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# the messages of Jupyter's own client about its settings and its event loop are no fault of the notebook
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel draws into the notebook
    notebook = nbformat.read(path, as_version=4)
    committed = [kinds(cell) for cell in notebook.cells]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [kinds(cell) for cell in notebook.cells] == committed, "the committed outputs are not those of this code"


def kinds(cell):
    """What a cell shows: pictures, tables, text; without the log messages of libraries."""
    outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    return sorted({kind for output in outputs for kind in output.get("data", {"text/plain": ""})})
