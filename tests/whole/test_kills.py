"""Processes that are killed at any moment leave no torn output, and nothing that the next run does not clear up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..helpers.kills import NAMES


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork")
@pytest.mark.parametrize("name", NAMES)
def test_killed_commands_leave_nothing_torn(name):
    arguments = [sys.executable, "-m", "tests.helpers.kills", "--kills", "3", "--only", name]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 kills: " in done.stdout
