"""Simulating an exported circuit, where iverilog is there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ..programs import run
from ..target import Check

NAME = "circuit"


def check_folder(path: Path) -> list[Check]:
    """Simulate the circuit in its test bench; what is compiled lies outside of the folder."""
    compiler, simulator = shutil.which("iverilog"), shutil.which("vvp")
    if compiler is None or simulator is None:
        return [Check(NAME, None, "there is no iverilog here")]
    with tempfile.TemporaryDirectory() as work:
        program = str(Path(work) / "sim.vvp")
        sources = ["tb.v", *sorted(file.relative_to(path).as_posix() for file in path.glob("rtl/*.v"))]
        compiled = run([compiler, "-g2005", "-s", "tb", "-o", program, *sources], path)
        if not compiled.passed:
            return [Check(NAME, compiled.passed, f"iverilog does not read it: {compiled.said}")]
        simulated = run([simulator, "-n", program], path)  # in the folder: it reads mem/ and golden/
    if simulated.passed is None:
        return [Check(NAME, None, f"{simulated.said}; 'make sim' in the folder takes its time")]
    passed = simulated.passed and simulated.said.startswith("PASS")
    return [Check(NAME, passed, f"simulated by iverilog: {simulated.said}")]
