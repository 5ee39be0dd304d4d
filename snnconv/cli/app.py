"""The command ``snnconv`` itself: its errors in one line, values for completion, and a silent TensorFlow."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .._version import __version__
from ..errors import ConversionWarning, HealthWarning, SnnconvError
from ..text.advice import as_options, in_options
from .targets import ExportCommand, target_flags

USAGE_ERROR, INTERRUPTED, CLOSED = 2, 130, 141
EXIT_CODES = {
    0: "Done, and what was checked is right.",
    1: "A check failed, something differs, or something was found: verify, diagnose, doctor, tune, demo.",
    USAGE_ERROR: "Nothing was done: wrong usage, or a file, model or value that cannot be used. One line says why.",
    INTERRUPTED: "Interrupted with Ctrl-C.",
    CLOSED: "What reads the output, such as head, read no more of it.",
}


class _OneLineErrors(TyperGroup):
    """A group of commands whose errors are one line on standard error."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except SystemExit as end:  # of typer's completion; with 1, of rich and typer where a pipe was closed
            code = CLOSED if end.code == 1 else end.code
        except Exception as error:
            # typer's errors of usage share no public base class
            if not hasattr(error, "format_message"):
                raise
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "snnconv"
            message = error.format_message().rstrip(".")  # pyright: ignore[reportAttributeAccessIssue]
            if message:  # none where the help was printed for want of a command
                _print_error(f"{message}{'' if message.endswith('?') else '.'} See '{command} --help'.")
            code = USAGE_ERROR
        raise SystemExit(code if isinstance(code, int) else 0)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        found = super().resolve_command(ctx, args)
        ctx.meta.setdefault(_OneLineErrors.__name__, {}).update(_options_of(found[1]))
        return found

    def invoke(self, ctx: Any) -> Any:
        options = ctx.meta.setdefault(_OneLineErrors.__name__, {})
        try:
            with warnings.catch_warnings(), as_options(options):
                warnings.simplefilter("ignore")  # of Keras, about formats and optimizers
                for category in (ConversionWarning, HealthWarning):
                    warnings.simplefilter("always", category)
                warnings.showwarning = _print_warning
                return super().invoke(ctx)
        except SnnconvError as error:
            _print_error(in_options(str(error), options))
        except BrokenPipeError:
            raise
        except OSError as error:  # a name too long, a full disk, …
            _print_error(f"{error.filename or 'output'}: {error.strerror or error}.")
        except MemoryError:
            _print_error("not enough memory. Run fewer samples or steps, or record less.")
        except KeyboardInterrupt as interrupt:
            typer.echo(": ".join(["snnconv: interrupted", *filter(None, [str(interrupt)])]), err=True)
            raise typer.Exit(INTERRUPTED) from None
        raise typer.Exit(USAGE_ERROR)


def _options_of(command: Any) -> dict[str, str]:
    """The options of a command, those of export targets included, each by the name of its argument."""
    given = {each.name: max(each.opts, key=len) for each in command.params}
    of_targets = target_flags() if isinstance(command, ExportCommand) else {}
    return {**of_targets, **{name: option for name, option in given.items() if option.startswith("--")}}


def _print_error(message: str) -> None:
    typer.echo(f"snnconv: error: {' '.join(message.split())}", err=True)


def _print_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    typer.echo(f"snnconv: warning: {' '.join(str(message).split())}", err=True)


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
    max_bytes: Annotated[
        int | None,
        typer.Option(
            "--max-bytes",
            min=1,
            metavar="N",
            help="What a file that you trust may take when unpacked.  [default: 268435456, or 64 times its size]",
        ),
    ] = None,
) -> None:
    """Turn trained Keras models into spiking networks, run them, and export every number.

    Start with `snnconv demo`. A MODEL is a Keras file (.keras, .h5, .hdf5), an exported graph (.snn.h5) or
    a .nir file.
    """
    if max_bytes is not None:
        from ..files.limits import raise_for_good

        raise_for_good(max_bytes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and exit.

    Parameters
    ----------
    arguments : sequence of str or None
        The words behind ``snnconv``. None: the arguments of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × and █ shows ?
    app(None if arguments is None else list(arguments), prog_name="snnconv")


def complete_one_of(*values: str) -> Callable[[str], list[str]]:
    """A completion with these values."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def complete_target(incomplete: str) -> list[str]:
    """Names of export targets."""
    from ..export import TARGETS

    return [name for name in TARGETS if name.startswith(incomplete)]


def complete_device(incomplete: str) -> list[str]:
    """Names of the devices whose energy is known."""
    from ..tuning.energy import DEVICES

    return [name for name in DEVICES if name.startswith(incomplete)]


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; what their C++ code writes to standard error meanwhile is dropped.

    The messages come before TensorFlow has read any setting of its logs, so that no environment variable helps.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _said("loading TensorFlow …"), _no_stderr():
            import tensorflow  # noqa: F401  (for the effect)
    import keras  # noqa: F401  (which TensorFlow's loggers come with)

    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def _said(line: str) -> Iterator[None]:
    """A line on a terminal that is gone afterwards; nothing where standard error is a file."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(line)
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


@contextmanager
def _no_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
