"""Potjans & Diesmann's microcircuit: the four layers under one square millimetre of early sensory cortex."""

from __future__ import annotations

import math

import numpy as np

from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.distributions import Normal
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.nodes.psc import PscExpLIF
from neurograph.sources.spikes import Poisson, PoissonPulse

RECIPES = ("microcircuit",)

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])  # inputs of each neuron from elsewhere
RATES = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])  # Hz, of the full network
START_MEAN = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)  # mV
START_SD = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)
PROBABILITY = np.array([  # row: target, column: source
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
    [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
])  # fmt: skip


def microcircuit(
    scale: float = 0.1, in_degrees: float | None = None, *, background: str = "poisson", thalamus: bool = False
) -> Graph:
    """Eight populations, 77,169 neurons and 3 x 10^8 synapses at scale 1, 9 bytes each at most (2.6 GB).

    scale: part of the neurons. in_degrees: part of each neuron's inputs (default: as scale); weights are divided
    by its square root and a constant current makes up for the lost input. background: "poisson" at 8 Hz from each
    external input, or "dc", its mean (at small scales the network is silent with it). thalamus: 902 more neurons
    that fire at 120 Hz from 700 to 710 ms. Use dt = 0.1 ms. Source: Potjans & Diesmann 2014, Cereb Cortex 24:785.
    """
    k_scale = scale if in_degrees is None else in_degrees
    if not 0 < scale <= 1 or not 0 < k_scale <= 1:
        raise SpecError(f"microcircuit(scale={scale!r}, in_degrees={in_degrees!r}): both are above 0 and at most 1")
    if background not in ("poisson", "dc"):
        raise SpecError(f"microcircuit(background={background!r}): choose 'poisson' or 'dc'")
    c_m, tau_m, tau_s, rate = 250.0, 10.0, 0.5, 8.0
    unit = 0.15 * _current_of_potential(c_m, tau_m, tau_s)  # pA that make 0.15 mV
    weights = np.tile([unit, -4.0 * unit], (8, 4))
    weights[0, 2] *= 2.0
    counts = np.log(1.0 - PROBABILITY) / np.log1p(-1.0 / np.outer(SIZES, SIZES))
    lost = tau_s * 1e-3 * (1.0 - math.sqrt(k_scale))
    external = unit * EXTERNAL * rate
    current = lost * (
        (weights * counts / SIZES[:, None] * RATES).sum(1) + (external if background == "poisson" else 0.0)
    )
    if background == "dc":
        current = current + 1e-3 * tau_s * external
    sizes = np.round(SIZES * scale).astype(int)
    if not sizes.all():
        raise SpecError(
            f"microcircuit(scale={scale:g}): {POPULATIONS[int(sizes.argmin())]} would have no neuron; the smallest scale is "
            f"{0.5 / SIZES.min():.2g}"
        )
    graph = Graph(f"microcircuit {scale:g}")
    for k, name in enumerate(POPULATIONS):
        neuron = PscExpLIF(
            c_m=c_m, tau_m=tau_m, tau_exc=tau_s, tau_inh=tau_s, e_l=-65.0, v_th=-50.0, v_reset=-65.0, t_ref=2.0,
            i_e=float(current[k]), v=Normal(START_MEAN[k], START_SD[k]),
        )  # fmt: skip
        target = graph.population(name, neuron, int(sizes[k]))
        if background == "poisson":
            inputs = round(EXTERNAL[k] * k_scale)
            drive = Poisson(rate=rate * inputs, weight=unit / math.sqrt(k_scale))
            graph.connect(graph.population(f"drive.{name}", drive, int(sizes[k])), target["exc"])
    made = np.round(counts * scale * k_scale).astype(int)
    for t, target_name in enumerate(POPULATIONS):
        for s, source_name in enumerate(POPULATIONS):
            if made[t, s]:
                # both kinds of synapse have one time constant, so one current holds the sum
                graph.connect(
                    source_name, f"{target_name}:exc", FixedTotalNumber(int(made[t, s])),
                    weight=_of_one_sign(weights[t, s] / math.sqrt(k_scale)), delay=_delay(s % 2 == 0),
                )  # fmt: skip
    if thalamus:
        _thalamus(graph, sizes, scale * k_scale, unit / math.sqrt(k_scale))
    return graph


def _thalamus(graph: Graph, sizes: np.ndarray, part: float, weight: float) -> None:
    source = graph.population("thalamus", PoissonPulse(rate=120.0, start=700.0, stop=710.0), 902)
    chance = (0.0, 0.0, 0.0983, 0.0619, 0.0, 0.0, 0.0512, 0.0196)
    for name, p, full in zip(POPULATIONS, chance, SIZES, strict=True):
        count = round(part * math.log(1.0 - p) / math.log1p(-1.0 / (902.0 * full))) if p else 0
        if count:
            rule = FixedTotalNumber(count)
            graph.connect(source, f"{name}:exc", rule, weight=_of_one_sign(weight), delay=_delay(True))


def _of_one_sign(mean: float) -> Normal:
    """Weights spread by a tenth, drawn again where they change sign."""
    return Normal(mean, abs(mean) / 10.0, low=0.0) if mean > 0 else Normal(mean, abs(mean) / 10.0, high=0.0)


def _delay(excitatory: bool) -> Normal:
    mean = 1.5 if excitatory else 0.75
    return Normal(mean, mean / 2.0, low=0.1)


def _current_of_potential(c_m: float, tau_m: float, tau_s: float) -> float:
    """pA of an exponential current whose potential peaks at 1 mV."""
    s = 1.0 / (tau_s - tau_m)
    f = (tau_m / tau_s) ** s
    return 1.0 / (tau_m * tau_s / c_m * s * (f**tau_m - f**tau_s))
