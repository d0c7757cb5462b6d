"""What a conversion did, and what the spiking network can do."""

from __future__ import annotations

from dataclasses import dataclass

from neurograph.convert.conversion import Conversion, Recipe
from neurograph.graph import Graph


@dataclass
class ConversionReport:
    """The passes, thresholds and errors of a conversion; `test` adds what the network does on labelled images."""

    recipe: str
    source: Graph
    graph: Graph
    reference: Graph
    fold_error: float | None
    notes: list[str]
    history: list[str]

    @classmethod
    def of(cls, recipe: Recipe, c: Conversion) -> ConversionReport:
        return cls(recipe.name, c.source, c.graph, c.reference or c.source, c.fold_error, c.notes, c.history)
