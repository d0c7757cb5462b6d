"""What every program can do for the one who wants to look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Shown:
    """A program that can be written as a page."""

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        """One HTML page of the network with its weights, written to `path` if given; options: overlay=, title=."""
        from neurograph.view.page import to_html

        return to_html(self, path, **options)
