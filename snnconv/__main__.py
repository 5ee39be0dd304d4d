"""``python -m snnconv`` is the command ``snnconv``."""

from .cli import main

main()
