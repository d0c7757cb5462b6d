"""Events and the files they come in."""

from __future__ import annotations

from neurograph.data.events.events import Events
from neurograph.data.events.read import read_events

__all__ = ["Events", "read_events"]
