"""What the simulation benchmarks share: the cases, the numbers of the microcircuit, the line that a run prints.

Each program's script runs one case in a process of its own. It may live in an environment without NeuroGraph, so
this file needs nothing but numpy.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

DT = 0.1  # ms, in every case
SEED = 12


@dataclass(frozen=True)
class Case:
    """A network, the bar that NeuroGraph sets itself and the floor of the machine."""

    about: str
    bar: float  # CPU time of NeuroGraph on one thread over the best peer's
    floor: str  # seconds per biological second on one core: scatter, exp and Poisson draws at their measured rates
    rates: tuple[float, float]  # Hz, between which the mean rate of a second lies


CASES = {
    "cuba": Case("4,000 LIF, exponential currents, p = 0.02", 0.9, "0.02", (5.2, 5.8)),
    "coba": Case("4,000 LIF, exponential conductances, p = 0.02", 0.6, "0.12", (14.5, 23.0)),
    "coba40k": Case("40,000 LIF, exponential conductances, p = 0.002", 0.7, "1.2", (17.5, 21.0)),
    "brunel": Case("12,500 LIF, 15.6 M delta synapses, delay 1.5 ms, g = 5, eta = 2", 0.20, "0.9", (36.0, 38.5)),
    "micro": Case("Potjans-Diesmann microcircuit at 0.1: 7,717 LIF, 3 M delayed synapses", 0.55, "0.2", (2.5, 2.9)),
    "stdp": Case("1,000 Poisson trains to 1,000 LIF, 10^6 pair-STDP synapses", 0.25, "0.04-0.1", (30.0, 55.0)),
    "hh": Case("1,000 Hodgkin-Huxley neurons, exponential conductances, p = 0.08", 0.65, "0.4", (30.0, 46.0)),
}


@dataclass(frozen=True)
class Microcircuit:
    """Potjans and Diesmann 2014 (Cereb. Cortex 24:785), scaled down in neurons and in inputs per neuron.

    A row of a matrix is a target population, a column a source. Currents in pA, potentials in mV, rates in Hz.
    """

    sizes: np.ndarray
    synapses: np.ndarray  # total number per pair of populations
    weights: np.ndarray  # mean; the standard deviation is 10 % of it
    currents: np.ndarray  # constant, makes up for the input that scaling takes away
    external_inputs: np.ndarray  # Poisson sources per neuron
    external_weight: float


POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
BACKGROUND_RATE = 8.0
DELAY = {"E": 1.5, "I": 0.75}  # ms, mean by the kind of the source; the standard deviation is half of it
V0_MEAN = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)
V0_SD = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)


def microcircuit(scale: float = 0.1) -> Microcircuit:
    sizes = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
    rates = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
    external = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
    probability = np.array([
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ])  # fmt: skip
    # drawn with replacement: the number of draws that leaves each pair connected with its probability
    synapses = np.log(1 - probability) / np.log1p(-1 / np.outer(sizes, sizes))

    capacity, tau_m, tau_s = 250.0, 10.0, 0.5
    peak = np.log(tau_m / tau_s) * tau_m * tau_s / (tau_m - tau_s)  # ms after the spike
    volts_per_pa = tau_m * tau_s / (tau_m - tau_s) / capacity * (np.exp(-peak / tau_m) - np.exp(-peak / tau_s))
    excitatory = 0.15 / volts_per_pa  # the current that makes 0.15 mV: 87.8 pA
    weights = np.tile(excitatory * np.array([1.0, -4.0] * 4), (8, 1))
    weights[POPULATIONS.index("L23E"), POPULATIONS.index("L4E")] *= 2

    lost = 1 - np.sqrt(scale)
    recurrent = (weights * synapses / sizes[:, None]) @ rates
    return Microcircuit(
        sizes=np.round(sizes * scale).astype(int),
        synapses=np.round(synapses * scale**2).astype(int),
        weights=weights / np.sqrt(scale),
        currents=1e-3 * tau_s * lost * (recurrent + excitatory * external * BACKGROUND_RATE),
        external_inputs=np.round(external * scale).astype(int),
        external_weight=excitatory / np.sqrt(scale),
    )


@dataclass
class Line:
    """What a run prints, as one line of JSON. Times in s, memory in MB."""

    lib: str
    version: str
    case: str
    mode: str
    threads: int
    n_neurons: int
    n_synapses: int
    t_bio_s: float
    import_s: float
    build_s: float  # from the imported library to a network in memory
    compile_s: float
    sim_s: float  # wall, the simulation alone
    cpu_s: float  # of all threads, the simulation alone
    base_rss_mb: float  # before the network is built
    peak_rss_mb: float
    rate_hz: float
    syn_events: float  # spikes times outgoing synapses; with plasticity, also spikes times incoming ones
    extra: dict[str, object] = field(default_factory=dict)

    def show(self) -> None:
        figures = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}
        print(json.dumps(figures), flush=True)


def activity(
    case: str,
    spikes: Sequence[int] | np.ndarray,
    n_neurons: int,
    n_synapses: int,
    seconds: float,
    source_spikes: int = 0,
) -> dict[str, Any]:
    """The part of a line that follows from the spikes of each population.

    An event is a spike at one of its outgoing synapses, counted with the population's mean out-degree; where synapses
    are plastic, a spike of the target is an event at its incoming synapses too. Poisson input is not counted.
    """
    extra: dict[str, object] = {}
    if case == "micro":
        circuit = microcircuit()
        events = float(spikes @ (circuit.synapses.sum(0) / circuit.sizes))
        rates = np.asarray(spikes) / circuit.sizes / seconds
        extra["rates"] = {name: round(float(rate), 3) for name, rate in zip(POPULATIONS, rates, strict=True)}
    else:
        events = (sum(spikes) + source_spikes) * n_synapses / n_neurons
    return {
        "n_neurons": n_neurons,
        "n_synapses": n_synapses,
        "t_bio_s": seconds,
        "rate_hz": sum(spikes) / n_neurons / seconds,
        "syn_events": events,
        "extra": extra,
    }


class Clock:
    """Seconds since the last look."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self) -> float:
        before, self.last = self.last, time.perf_counter()
        return self.last - before


def memory(status: str | None = None) -> tuple[float, float]:
    """Resident MB of this process, now and at its peak (a parent's peak, which getrusage would inherit, left out)."""
    if status is None:
        status = Path("/proc/self/status").read_text()
    rows = dict(row.split(":", 1) for row in status.splitlines() if ":" in row)
    return tuple(int(rows[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def normal(rng: np.random.Generator, mean: float, sd: float, low: float, high: float, n: int) -> np.ndarray:
    """n normal values, those outside of low and high drawn again."""
    values = rng.normal(mean, sd, n)
    while len(bad := np.flatnonzero((values < low) | (values > high))):
        values[bad] = rng.normal(mean, sd, len(bad))
    return values
