"""ANN to SNN: a trained network becomes a spiking one by passes over its graph."""

from __future__ import annotations

from neurograph.convert.conversion import Conversion, Pass, Recipe, Site
from neurograph.convert.convert import convert
from neurograph.convert.early_exit import EarlyAnswers, answer_early
from neurograph.convert.measure import Comparison
from neurograph.convert.recipes import RECIPES
from neurograph.convert.report import ConversionReport

__all__ = [
    "RECIPES", "Comparison", "Conversion", "ConversionReport", "EarlyAnswers", "Pass", "Recipe", "Site", "answer_early",
    "convert",
]  # fmt: skip
