"""Errors: every failure a user can cause is one of these, with a message that says what to do."""


class SnnconvError(Exception):
    """Base of all errors raised on purpose by snnconv."""


class ParameterError(SnnconvError, ValueError):
    """A parameter of a neuron, a synapse, a layer or a run is out of its range."""


class InputError(SnnconvError, ValueError):
    """Data passed to a run has the wrong shape, type or values."""


class RecordError(InputError, KeyError):
    """A record that a run did not keep."""

    __str__ = Exception.__str__  # KeyError shows a quoted message


class ConversionError(SnnconvError):
    """A Keras model holds something that has no spiking equivalent, or whose conversion failed its check."""


class ExportError(SnnconvError):
    """A network holds something that an export target cannot hold."""


class ModelFileError(SnnconvError):
    """A file is missing, damaged, or not of the kind that was expected."""


class DistributionError(SnnconvError):
    """Another process of a distributed run stopped, or cannot be reached."""


class ConfigError(SnnconvError):
    """A training config has a key or a value that is not understood."""


class DataError(SnnconvError):
    """A dataset could not be found or read."""


class ConversionWarning(UserWarning):
    """The converted network is usable, but differs from the Keras model in a way the user asked for."""


class HealthWarning(UserWarning):
    """A layer of a converted network is silent, saturated or the like on the data that was given."""


LONGEST_WORD, LONGEST, LAST = 120, 1200, 300  # characters of what is said of a file


def in_short(error: BaseException) -> str:
    """An error's message in one line, without the long numbers and texts that a file can hold."""
    words = (word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…" for word in str(error).split())
    text = " ".join(words)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - LAST]} … {text[-LAST:]}"


def one_line(error: BaseException) -> str:
    """First line of an error's message, or its type where it has none."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
