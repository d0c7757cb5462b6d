"""NeuroGraph: declare a spiking network once, train it with torch, simulate it with numba."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from neurograph.activations import ACTIVATIONS
from neurograph.activations.activation import Activation
from neurograph.activations.quantised import QCFS
from neurograph.activations.rectifier import Clamp, ReLU, ReLU6
from neurograph.activations.relay import Relay
from neurograph.backends import BACKENDS
from neurograph.compiler import compile, lower
from neurograph.connectivity import RULES
from neurograph.connectivity.all_to_all import AllToAll
from neurograph.connectivity.distance_dependent import DistanceDependent
from neurograph.connectivity.explicit import Explicit
from neurograph.connectivity.fixed_in_degree import FixedInDegree
from neurograph.connectivity.fixed_out_degree import FixedOutDegree
from neurograph.connectivity.fixed_probability import FixedProbability
from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.connectivity.region_mean import connect_regions
from neurograph.connectivity.rule import Rule
from neurograph.connectivity.synapses import Synapses
from neurograph.distributions import Distribution, LogNormal, Normal, Uniform
from neurograph.encode import Direct, Encoder, Latency, Phase, PopulationCode, Rate
from neurograph.errors import (
    BackendError,
    DataError,
    FormatError,
    GraphError,
    NeuroGraphError,
    ShapeError,
    SpecError,
)
from neurograph.expr import (
    clip,
    custom_gradient,
    detach,
    exp,
    floor,
    hard_reset,
    maximum,
    minimum,
    relu,
    sigmoid,
    sign,
    soft_reset,
    spike,
    sqrt,
    tanh,
    where,
)
from neurograph.graph import Graph
from neurograph.io.files import Model, load, load_model, save
from neurograph.nodes import NEURONS, SURROGATES, neuron_named, surrogate_named
from neurograph.nodes.adaptive import ALIF, GIF
from neurograph.nodes.adex import AdEx, BrainCogAEIF
from neurograph.nodes.bounded import BoundedIF
from neurograph.nodes.burst import BurstIF
from neurograph.nodes.compartment import MCN, ThreeComp
from neurograph.nodes.cond import CondAlphaLIF, CondExpLIF
from neurograph.nodes.cuba import CubaLI, CubaLIF
from neurograph.nodes.dendrites import ThreeCompCond
from neurograph.nodes.hh import HH, HHClassic
from neurograph.nodes.izhikevich import Izhikevich
from neurograph.nodes.point import IF, LIF, PLIF, LeakyIntegrator
from neurograph.nodes.population_rate import PopulationRate
from neurograph.nodes.psc import PscAlphaLIF, PscDeltaLIF, PscExpLIF
from neurograph.nodes.resistive import Integrator, ResistiveIF, ResistiveLI, ResistiveLIF
from neurograph.nodes.spike_calibration import SpikeCalibration
from neurograph.nodes.surrogate import (
    Atan,
    FastSigmoid,
    Gate,
    QGate,
    Sigmoid,
    Surrogate,
    Triangle,
    custom_surrogate,
)
from neurograph.plasticity import PLASTICITY
from neurograph.plasticity.bcm import BCM
from neurograph.plasticity.braincog import BrainCogBCM, BrainCogFullSTDP, BrainCogHebb, BrainCogLTD, BrainCogSTDP
from neurograph.plasticity.hebb import Hebb
from neurograph.plasticity.multiplicative import MultiplicativeSTDP
from neurograph.plasticity.oja import Oja
from neurograph.plasticity.pair import PairSTDP
from neurograph.plasticity.reward import RewardSTDP
from neurograph.plasticity.rule import Plasticity
from neurograph.plasticity.scaling import SynapticScaling
from neurograph.plasticity.triplet import TripletSTDP
from neurograph.plasticity.vogels import VogelsSprekeler
from neurograph.projections.accumulate import Accumulate
from neurograph.projections.arrange import Broadcast, Pad, Permute, Reshape, Select
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.combine import Combine, MatMul, Product
from neurograph.projections.conv import Conv2d
from neurograph.projections.conv1d import Conv1d
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.dense import Dense
from neurograph.projections.dropout import Dropout
from neurograph.projections.gelu import Gelu
from neurograph.projections.iand import IAnd
from neurograph.projections.lateral_inhibition import LateralInhibition
from neurograph.projections.layer_norm import LayerNorm
from neurograph.projections.mean_over import MeanOver
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.projections.scale import Scale
from neurograph.projections.shift import Shift
from neurograph.projections.softmax import Softmax
from neurograph.projections.sparse import Sparse
from neurograph.projections.spike_pool import LIPool2d, SMaxPool2d
from neurograph.projections.sum_pool import SumPool2d
from neurograph.projections.voting import Voting
from neurograph.readout import Last, Max, Mean, MeanFrom, Readout, SpikeCount, Steps, Sum
from neurograph.simulate.records import read_record
from neurograph.simulate.simulation import Simulation
from neurograph.sources import SOURCES
from neurograph.sources.current import NoiseCurrent, RampCurrent, StepCurrent
from neurograph.sources.spikes import Poisson, PoissonPulse, SpikeList
from neurograph.sources.timed import TimedCurrent, TimedPoisson
from neurograph.spec import Learnable, Neuron, Option, Param, State, SurrogateOption, learnable
from neurograph.synapses import SYNAPSES
from neurograph.synapses.exponential import Alpha, Biexponential, Exponential
from neurograph.synapses.nmda import NMDA
from neurograph.synapses.region import RegionSynapse
from neurograph.synapses.short_term import TsodyksMarkram
from neurograph.synapses.synapse import Synapse
from neurograph.tape import Tape
from neurograph.version import __version__
from neurograph.weights_file import load_weights, save_weights

__all__ = [name for name in dir() if not name.startswith("_")]

_ROOMS = ("convert", "data", "job", "models", "plot", "train")

if _TYPE_CHECKING:
    from neurograph import convert, data, job, models, plot, train
else:

    def __getattr__(name: str) -> object:
        """The rooms that take longer to load, torch among them, when they are first named."""
        if name in _ROOMS:
            return _importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
