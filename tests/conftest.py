"""Settings that have to stand before TensorFlow and Matplotlib are imported, and what sets the two suites apart.

The default suite leaves out what is marked `full` or `slow` and, of the cases of a test marked ``sampled(n)``, all but
every n-th. It tries few examples of each property, and runs scans without XLA, which takes longer to compile a small
network than to run it, but where a test is marked `compiled`. ``pytest -m full`` runs what this leaves out, and all
properties again with many examples; it compiles scans as users do, as does any other expression after ``-m``.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # on every processor: channels_first needs it
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import is_hypothesis_test, settings

pytest.register_assert_rewrite("tests.helpers")

# derandomize: the same examples in every run. No deadline: the first example may compile or import something slow.
for _name, _max_examples in {"few": 8, "many": 30}.items():
    settings.register_profile(_name, derandomize=True, deadline=None, database=None, max_examples=_max_examples)


def is_default(config: pytest.Config) -> bool:
    """Whether the default suite runs: the one that leaves out what is marked `full`."""
    return "not full" in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("few" if is_default(config) else "many")


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seen: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("slow"):
            continue
        if sampled := item.get_closest_marker("sampled"):
            name = item.nodeid.partition("[")[0]
            if seen[name] % sampled.args[0]:
                item.add_marker("full")
            seen[name] += 1
        if not is_default(config) and isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker("full")


@pytest.hookimpl(wrapper=True)  # not a fixture: those of a module come before those of a test
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    if not is_default(item.config) or item.get_closest_marker("compiled"):
        return (yield)
    from .helpers.scans import without_xla  # here: only then pytest explains the assertions of helpers

    with without_xla():
        return (yield)
