"""A whole brain as BrainCog simulates it: regions of spiking neurons wired by a connectome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurograph.connectivity.explicit import Explicit
from neurograph.errors import DataError, SpecError
from neurograph.graph import Graph
from neurograph.nodes.adex import BrainCogAEIF
from neurograph.nodes.hh import HHClassic
from neurograph.random import stream
from neurograph.sources.current import NoiseCurrent
from neurograph.spec import Neuron
from neurograph.synapses.region import RegionSynapse

RECIPES = ("brain_regions",)

# excitatory, first and second kind of inhibitory neurons: their shares by position in a region, then the aEIF's
# threshold, v_reset, c_m, tau_w, a, b in cortical regions (the first 177) and in the others
SHARES = (0.7, 0.2, 0.1)
CORTICAL = ((-50.0, -44.0, -45.0), (-110.0, -110.0, -66.0), (10.0, 10.0, 8.5), (1.0, 2.0, 2.0), (0.0, -0.2, -0.2),
            (0.0, 0.45, 0.45))  # fmt: skip
OTHER = ((-50.0, -50.0, -45.0), (-60.0, -60.0, -65.0), (20.0, 2.0, 4.0), *CORTICAL[3:])


def brain_regions(
    connectome: Any,
    *,
    neurons_per_region: int = 500,
    neuron: str = "aEIF",
    synapses_per_neuron: int = 10,
    scale: float = 1.0,
    cortical: int = 177,
    seed: int = 0,
) -> Graph:
    """Regions of excitatory and two kinds of inhibitory neurons (70, 20, 10 %), random pairs within and between them.

    connectome: [source, target] numbers of synapses between regions, times `scale`; entries that give less than
    10 are left out. A file name is read: .npy, .npz or .csv. Within a region each neuron has
    `synapses_per_neuron` outputs on average. Synapses of excitatory neurons weigh 1.5, of inhibitory ones -1. Every
    neuron receives noise of mean 10 and standard deviation 12. neuron: "aEIF" (use dt = 1) or "HH" (dt = 0.01).
    Population "brain" of shape (regions, neurons), its noise "noise". BrainCog's noise, an Euler scheme, has a
    variance larger by 1 / (1 - dt / 6). Source: BrainCog's mouse, macaque and human brain scripts; Liu et al. 2016.
    """
    counts = read_connectome(connectome) if isinstance(connectome, str | Path) else np.asarray(connectome, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or np.any(counts < 0) or not np.all(np.isfinite(counts)):
        raise DataError(f"brain_regions: a connectome is a square matrix of counts >= 0, got shape {counts.shape}")
    if neurons_per_region < 10:
        raise SpecError(
            f"brain_regions(neurons_per_region={neurons_per_region}): at least 10, so that each kind is there"
        )
    regions, shape = len(counts), (len(counts), neurons_per_region)
    kind = np.searchsorted(np.cumsum(SHARES)[:-1] * neurons_per_region, np.arange(neurons_per_region), side="right")
    pre, post = _pairs(counts * scale, neurons_per_region, synapses_per_neuron, stream(seed, "brain_regions"))
    graph = Graph("brain regions")
    brain = graph.population("brain", _neurons(neuron, kind, regions, cortical), shape)
    noise = graph.population("noise", NoiseCurrent(mean_current=10.0, sigma=12.0, tau=3.0), shape)
    graph.connect(noise, brain["current"])
    excitatory = kind[pre % neurons_per_region] == 0
    for name, chosen, weight in (("excitatory", excitatory, 1.5), ("inhibitory", ~excitatory, -1.0)):
        graph.connect(
            brain, brain["current"], Explicit(pre[chosen], post[chosen]), weight=weight, delay=1.0 if neuron == "aEIF" else 0.01,
            synapse=RegionSynapse(tau_rise=6.0, tau_decay=3.0), name=name,
        )  # fmt: skip
    return graph


def read_connectome(path: str | Path) -> np.ndarray[Any, Any]:
    """The matrix in a .npy, .npz (its first square array) or .csv file."""
    file = Path(path)
    try:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as held:
                square = [held[k] for k in held.files if held[k].ndim == 2 and len(set(held[k].shape)) == 1]
            if not square:
                raise DataError(f"{file}: holds no square matrix")
            return np.asarray(square[0], np.float64)
        if file.suffix == ".npy":
            return np.asarray(np.load(file, allow_pickle=False), np.float64)
        if file.suffix == ".csv":
            return np.loadtxt(file, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: no connectome can be read ({error})") from None
    raise DataError(f"{file}: give a .npy, .npz or .csv file")


def _neurons(name: str, kind: np.ndarray[Any, Any], regions: int, cortical: int) -> Neuron:
    if name == "HH":
        threshold = np.broadcast_to(np.where(kind == 0, 50.0, 60.0), (regions, len(kind)))
        return HHClassic(v_th=threshold, g_na=120.0, g_k=36.0, g_l=0.3, e_na=115.0, e_k=-12.0, e_l=10.6, c=1.0)
    if name != "aEIF":
        raise SpecError(f"brain_regions(neuron={name!r}): choose 'aEIF' or 'HH'")
    rows = [np.where(np.arange(regions)[:, None] < cortical, np.take(a, kind), np.take(b, kind))
            for a, b in zip(CORTICAL, OTHER, strict=True)]  # fmt: skip
    return BrainCogAEIF(v_th=rows[0], v_reset=rows[1], c_m=rows[2], tau_w=rows[3], a=rows[4], b=rows[5])


def _pairs(
    counts: np.ndarray[Any, Any], size: int, each: int, key: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Sources and targets of all synapses: random pairs within each region, then between regions."""
    rng = np.random.Generator(np.random.Philox(key=key))
    made = np.where(counts >= 10.0, np.round(counts), 0.0).astype(np.int64)
    np.fill_diagonal(made, 0)
    made += np.diag(np.full(len(counts), size * each))
    source, target = np.divmod(np.repeat(np.arange(made.size), made.reshape(-1)), len(counts))
    pre = source * size + rng.integers(0, size, len(source))
    return pre.astype(np.int32), (target * size + rng.integers(0, size, len(target))).astype(np.int32)
