"""How many examples a property that is slow to try gets."""

from hypothesis import settings


def at_most(n: int) -> settings:
    """The suite's number of examples, but no more than `n`."""
    return settings(max_examples=min(n, settings.default.max_examples))
