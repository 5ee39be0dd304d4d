"""TensorFlow and Keras without their messages."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; what their C++ code writes to standard error meanwhile is dropped.

    The messages come before TensorFlow has read any setting of its logs, so that no environment variable helps.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _no_stderr():
            import tensorflow  # noqa: F401  (for the effect)
    import keras  # noqa: F401  (which TensorFlow's loggers come with)

    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)


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
