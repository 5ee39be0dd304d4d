"""The command itself: its errors in one line, and its silence about everything that TensorFlow says."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import SnnconvError

USAGE_ERROR, INTERRUPTED = 2, 130
EXIT_CODES = {
    0: "Done, and what was checked is right.",
    1: "A check failed, something differs, or something was found: verify, diagnose, doctor, tune, demo.",
    USAGE_ERROR: "Nothing was done: wrong usage, or a file, model or value that cannot be used. One line says why.",
    INTERRUPTED: "Interrupted with Ctrl-C.",
}


class _OneLineErrors(TyperGroup):
    """A group of commands whose errors are one line on standard error."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except Exception as error:
            # typer's errors of usage share no public base class
            if not hasattr(error, "format_message"):
                raise
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "snnconv"
            message = error.format_message().rstrip(".")  # pyright: ignore[reportAttributeAccessIssue]
            if message:  # none where the help was printed for want of a command
                _print_error(f"{message}. See '{command} --help'.")
            code = USAGE_ERROR
        raise SystemExit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Keras, about formats and optimizers
                return super().invoke(ctx)
        except SnnconvError as error:
            _print_error(str(error))
        except OSError as error:  # a name too long, a full disk, …
            _print_error(f"{error.filename or 'output'}: {error.strerror or error}.")
        except MemoryError:
            _print_error("not enough memory. Run fewer samples or steps, or record less.")
        except KeyboardInterrupt as interrupt:
            typer.echo(": ".join(["snnconv: interrupted", *filter(None, [str(interrupt)])]), err=True)
            raise typer.Exit(INTERRUPTED) from None
        raise typer.Exit(USAGE_ERROR)


def _print_error(message: str) -> None:
    typer.echo(f"snnconv: error: {' '.join(message.split())}", err=True)


app = typer.Typer(
    name="snnconv",
    cls=_OneLineErrors,
    no_args_is_help=True,
    epilog="**Exit codes**\n\n" + "\n\n".join(f"- `{code}` {meaning}" for code, meaning in EXIT_CODES.items()),
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"snnconv {__version__}")
        raise typer.Exit


@app.callback()
def snnconv(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turn trained Keras models into spiking networks, run them, and export every number.

    Start with `snnconv demo`. A MODEL is a Keras file (.keras, .h5, .hdf5) or an exported graph (.snn.h5).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and exit.

    Parameters
    ----------
    arguments : sequence of str or None
        What stands behind ``snnconv``. None: the arguments of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × and █ shows ?
    app(None if arguments is None else list(arguments), prog_name="snnconv")
