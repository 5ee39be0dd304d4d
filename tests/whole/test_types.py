"""Types of public functions as a user's type checker sees them: wrong arguments are found, results are arrays.

``Simulator(model)`` is not found: classes of Keras have bases that type checkers do not know, so that their instances
pass for anything; it is refused when it is called.
"""

import json
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import snnconv
graph = snnconv.load("graph.snn.h5")
x = np.ones((1, 4))
simulator = snnconv.Simulator(graph)
snnconv.Simulator("graph.snn.h5")  # wrong
snnconv.Simulator(graph, dtype="float16")  # wrong
snnconv.convert("model.keras", calibrate="x")  # wrong
a: np.ndarray = simulator.predict(x, n_steps=3)
b: np.ndarray = simulator.run(x, n_steps=3).output
c: np.ndarray = graph.populations["lif"].kernel
d: int = simulator.predict(x, n_steps=3)  # wrong
e: int = simulator.run(x, n_steps=3).output  # wrong
f: int = graph.populations["lif"].kernel  # wrong
"""


@pytest.mark.full
@pytest.mark.skipif(shutil.which("pyright") is None, reason="needs pyright")
def test_wrong_arguments_are_found_and_results_are_arrays(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ["pyright", "--outputjson", "--pythonpath", sys.executable, str(tmp_path / "program.py")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    lines = {each["range"]["start"]["line"] for each in found["generalDiagnostics"] if each["severity"] == "error"}
    assert lines == {number for number, line in enumerate(PROGRAM.split("\n")) if line.endswith("# wrong")}
