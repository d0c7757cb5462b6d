"""What exports tell of a graph, and how they place it: facts, a layered layout, rings, and the SVG made of them."""

from __future__ import annotations
