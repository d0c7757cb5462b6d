"""Events and the files they come in."""

from __future__ import annotations

from neurograph.data.events.events import Events

__all__ = ["Events"]
