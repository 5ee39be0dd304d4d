"""Types of public functions as a user's type checker sees them: wrong arguments are found, results are arrays.

Type checkers do not know the bases of Keras' classes, so that a model passes for anything. ``Simulator(model)`` has a
type of its own for that: what is called of it is an error, and the call itself is marked as deprecated.
"""

import json
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import keras
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
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
of_model = snnconv.Simulator(model)  # deprecated
of_model.predict(x, n_steps=3)  # wrong
snnconv.Simulator(keras.Model(model.inputs, model.outputs)).run(x, n_steps=3)  # wrong, deprecated
snnconv.Simulator(keras.models.load_model("model.keras"))  # wrong
snnconv.Simulator(model=model)  # wrong
g: snnconv.Simulator = snnconv.Simulator(snnconv.convert(model), 0.001, seed=3)
"""


@pytest.mark.full
@pytest.mark.skipif(shutil.which("pyright") is None, reason="needs pyright")
def test_wrong_arguments_are_found_and_results_are_arrays(tmp_path):
    (tmp_path / "program.py").write_text("# pyright: reportDeprecated=warning" + PROGRAM)
    command = ["pyright", "--outputjson", "--pythonpath", sys.executable, str(tmp_path / "program.py")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    lines = {"error": set(), "warning": set()}
    for each in found["generalDiagnostics"]:
        lines[each["severity"]].add(each["range"]["start"]["line"])
    program = PROGRAM.split("\n")
    assert lines["error"] == {number for number, line in enumerate(program) if "# wrong" in line}
    assert lines["warning"] == {number for number, line in enumerate(program) if line.endswith("deprecated")}
    messages = [each["message"] for each in found["generalDiagnostics"] if each["severity"] == "warning"]
    assert all("Convert the Keras model first: Simulator(snnconv.convert(model))" in each for each in messages)
