"""ANN to SNN: a trained network becomes a spiking one by passes over its graph."""

from __future__ import annotations

from neurograph.convert.conversion import Conversion, Pass, Recipe, Site
from neurograph.convert.convert import convert
from neurograph.convert.recipes import RECIPES
from neurograph.convert.report import ConversionReport

__all__ = ["RECIPES", "Conversion", "ConversionReport", "Pass", "Recipe", "Site", "convert"]
