"""What a shell offers as values of options, after `snnconv --install-completion`. TensorFlow is not imported for it."""

from __future__ import annotations

from collections.abc import Callable


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
    from ..accounting import DEVICES

    return [name for name in DEVICES if name.startswith(incomplete)]
