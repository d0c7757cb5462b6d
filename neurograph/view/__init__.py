"""Looking at a network: one self-contained HTML page. Importing this room loads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurograph.view.overlay import Overlay, overlay_of
    from neurograph.view.page import to_html

__all__ = ["Overlay", "overlay_of", "to_html"]


def __getattr__(name: str) -> Any:
    if name == "to_html":
        from neurograph.view.page import to_html

        return to_html
    if name in ("Overlay", "overlay_of"):
        from neurograph.view import overlay

        return getattr(overlay, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
