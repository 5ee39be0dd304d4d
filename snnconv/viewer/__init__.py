"""`snnconv.view`: a network and what it does with a sample as one page for a browser."""

from .view import View, view

__all__ = ["View", "view"]
