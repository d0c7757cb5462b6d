"""ANN to SNN: a trained network becomes a spiking one by passes over its graph."""

from __future__ import annotations

from neurograph.convert.conversion import Conversion, Pass, Recipe, Site
from neurograph.convert.convert import convert
from neurograph.convert.early_exit import EarlyAnswers, answer_early
from neurograph.convert.measure import Comparison
from neurograph.convert.offset import run_corrected
from neurograph.convert.passes.calibrate import CalibrateBias, CalibratePotential
from neurograph.convert.passes.equilibrium import PlaceBounded, Quantise
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import Observe, Statistic, largest, percentile, squared_error, trained
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import CommutePools, LowerPools
from neurograph.convert.quantise import quantised
from neurograph.convert.recipes import RECIPES, recipe_named
from neurograph.convert.recipes.braincog import braincog
from neurograph.convert.recipes.burst import burst
from neurograph.convert.recipes.calibrated import calibrated
from neurograph.convert.recipes.data_norm import data_norm
from neurograph.convert.recipes.equilibrium import equilibrium
from neurograph.convert.recipes.local_balance import local_threshold_balancing
from neurograph.convert.recipes.qcfs import qcfs
from neurograph.convert.recipes.rate import rate
from neurograph.convert.report import ConversionReport

__all__ = [name for name in dir() if not name.startswith("_")]
