"""The command run in this process: what it printed, or the one line with which it failed."""

import re

from typer.testing import CliRunner

from snnconv.cli import app


def run(*arguments, code=0):
    """Run the command in this process and return what it printed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, f"{result.stdout}\n{result.stderr}"
    return result.stdout if code in (0, 1) else result.stderr


def fails(pattern, *arguments):
    """The command must fail with one line that matches."""
    error = run(*arguments, code=2)
    assert error.startswith("snnconv: error: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    assert re.search(pattern, error), error
