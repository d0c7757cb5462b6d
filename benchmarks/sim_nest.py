"""NEST's side of benchmarks/simulation.py: one case in one process, one line of JSON.

    python benchmarks/sim_nest.py CASE [--threads 1] [--t 1.0]

Import, build and simulation are timed apart; spikes go to recorders in memory.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sim_cases import (
    BACKGROUND_RATE,
    CASES,
    DELAY,
    DT,
    POPULATIONS,
    SEED,
    V0_MEAN,
    V0_SD,
    Clock,
    Line,
    activity,
    memory,
)
from sim_cases import microcircuit as scaled_microcircuit

os.environ.setdefault("PYNEST_QUIET", "1")  # no banner before the line
clock = Clock()
import nest  # noqa: E402

import_s = clock.lap()


@dataclass
class Net:
    """What a case is made of, and what is read from it afterwards."""

    populations: list[Any]
    n_synapses: int  # of the network, without those of its input
    sources: Any = None  # a plastic network's input trains
    top: float = 0.0  # the upper limit of plastic weights


def one_step(weight: Any, **more: object) -> dict[str, Any]:
    return {"weight": weight, "delay": DT} | more


def excitation_and_inhibition(neurons: Any, n_excitatory: int, p: float, excitatory: float, inhibitory: float) -> int:
    rule = {"rule": "pairwise_bernoulli", "p": p}
    nest.Connect(neurons[:n_excitatory], neurons, rule, one_step(excitatory))
    nest.Connect(neurons[n_excitatory:], neurons, rule, one_step(inhibitory))
    return int(nest.num_connections)


def current_based() -> Net:
    """CUBA of Brette et al. 2007 (Vogels and Abbott 2005)."""
    values = {"E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "C_m": 200.0, "tau_m": 20.0}
    neurons = nest.Create("iaf_psc_exp", 4000, params=values | {"tau_syn_ex": 5.0, "tau_syn_in": 10.0})
    neurons.V_m = nest.random.uniform(-60.0, -50.0)
    # C / tau_m = 10 nS: 1.62 mV and -9 mV as currents in pA
    return Net([neurons], excitation_and_inhibition(neurons, 3200, 0.02, 16.2, -90.0))


CONDUCTANCES = {
    "E_L": -60.0,
    "E_ex": 0.0,
    "E_in": -80.0,
    "C_m": 200.0,
    "g_L": 10.0,
    "tau_syn_ex": 5.0,
    "tau_syn_in": 10.0,
}


def conductance_based(n: int) -> Net:
    """COBA of Brette et al. 2007, 80 inputs per neuron whatever the size; 50 ms of forced spikes start it."""
    values = CONDUCTANCES | {"V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0}
    neurons = nest.Create("iaf_cond_exp", n, params=values)
    neurons.V_m = nest.random.normal(-65.0, 5.0)
    n_synapses = excitation_and_inhibition(neurons, n * 4 // 5, 80 / n, 6.0, -67.0)
    kick = nest.Create("poisson_generator", params={"rate": 300.0, "start": 1.0, "stop": 51.0})
    nest.Connect(kick, neurons[: n // 80], syn_spec=one_step(2000.0))
    return Net([neurons], n_synapses)


def brunel() -> Net:
    """Model A of Brunel 2000 with V_r = 10 mV, g = 5, eta = 2: asynchronous irregular."""
    n_excitatory, n_inhibitory, c_excitatory, c_inhibitory = 10000, 2500, 1000, 250
    theta, tau, weight, g, eta, delay = 20.0, 20.0, 0.1, 5.0, 2.0, 1.5
    values = {"V_th": theta, "tau_m": tau, "C_m": 1.0, "t_ref": 2.0, "E_L": 0.0, "V_m": 0.0, "V_reset": 10.0}
    neurons = nest.Create("iaf_psc_delta", n_excitatory + n_inhibitory, params=values)
    for sources, inputs, jump in (
        (neurons[:n_excitatory], c_excitatory, weight),
        (neurons[n_excitatory:], c_inhibitory, -g * weight),
    ):
        nest.Connect(sources, neurons, {"rule": "fixed_indegree", "indegree": inputs}, {"weight": jump, "delay": delay})
    n_synapses = int(nest.num_connections)
    # the rate that would just bring a neuron to its threshold, theta / (J tau), in Hz
    drive = nest.Create("poisson_generator", params={"rate": eta * 1e3 * theta / (weight * tau)})
    nest.Connect(drive, neurons, syn_spec={"weight": weight, "delay": delay})
    return Net([neurons], n_synapses)


def microcircuit() -> Net:
    """The cortical microcircuit, scaled to a tenth."""
    circuit = scaled_microcircuit(0.1)
    values = {"tau_syn_ex": 0.5, "tau_syn_in": 0.5, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0}
    values |= {"C_m": 250.0, "tau_m": 10.0}
    populations = []
    for k, size in enumerate(circuit.sizes):
        made = nest.Create("iaf_psc_exp", int(size), params=values | {"I_e": float(circuit.currents[k])})
        made.V_m = nest.random.normal(V0_MEAN[k], V0_SD[k])
        populations.append(made)

    def normal(mean: float, sd: float, low: float, high: float) -> Any:
        return nest.math.redraw(nest.random.normal(mean, sd), min=low, max=high)

    for target, source in np.ndindex(8, 8):
        n, mean = int(circuit.synapses[target, source]), float(circuit.weights[target, source])
        delay = DELAY[POPULATIONS[source][-1]]
        if n:
            synapse = {
                "weight": normal(mean, 0.1 * abs(mean), *((0.0, np.inf) if mean > 0 else (-np.inf, 0.0))),
                "delay": normal(delay, delay / 2, DT / 2, np.inf),
            }
            rule = {"rule": "fixed_total_number", "N": n}
            nest.Connect(populations[source], populations[target], rule, synapse)
    n_synapses = int(nest.num_connections)
    for made, inputs in zip(populations, circuit.external_inputs, strict=True):
        drive = nest.Create("poisson_generator", params={"rate": float(inputs * BACKGROUND_RATE)})
        nest.Connect(drive, made, syn_spec={"weight": circuit.external_weight, "delay": 1.5})
    return Net(populations, n_synapses)


def stdp() -> Net:
    """Additive pair STDP of Song, Miller and Abbott 2000, all to all.

    NEST delivers the weight after the depression by that very spike, Brian2 before it: some 35 Hz instead of 50.
    """
    top = 0.1  # nS, a hundredth of the leak
    trains = nest.Create("parrot_neuron", 1000)
    values = {"E_L": -74.0, "V_th": -54.0, "V_reset": -60.0, "t_ref": DT, "E_ex": 0.0, "C_m": 100.0, "g_L": 10.0}
    neurons = nest.Create("iaf_cond_exp", 1000, params=values | {"tau_syn_ex": 5.0, "tau_minus": 20.0, "V_m": -74.0})
    rule = {"lambda": 0.01, "alpha": 1.05, "mu_plus": 0.0, "mu_minus": 0.0, "tau_plus": 20.0, "Wmax": top}
    synapse = one_step(nest.random.uniform(0.0, top), synapse_model="stdp_synapse", **rule)
    nest.Connect(trains, neurons, "all_to_all", synapse)
    n_synapses = int(nest.num_connections)
    nest.Connect(nest.Create("poisson_generator", params={"rate": 15.0}), trains)
    return Net([neurons], n_synapses, sources=trains, top=top)


def hodgkin_huxley() -> Net:
    """COBAHH of Brette et al. 2007 with 1,000 neurons and 80 inputs each."""
    values = CONDUCTANCES | {"g_Na": 20000.0, "g_K": 6000.0, "E_Na": 50.0, "E_K": -90.0, "V_T": -63.0, "t_ref": 3.0}
    neurons = nest.Create("hh_cond_exp_traub", 1000, params=values)
    neurons.V_m = nest.random.normal(-65.0, 5.0)
    n_synapses = excitation_and_inhibition(neurons, 800, 0.08, 6.0, -67.0)
    # conductances cannot be set: one spike at the first step brings those that Brian2 starts with
    first = nest.Create("spike_generator", params={"spike_times": [DT]})
    for mean, sd, low, high in ((40.0, 15.0, 0.0, 1e9), (-200.0, 120.0, -1e9, 0.0)):
        weight = nest.math.redraw(nest.random.normal(mean, sd), min=low, max=high)
        nest.Connect(first, neurons, "all_to_all", one_step(weight))
    return Net([neurons], n_synapses)


NETS: dict[str, Callable[[], Net]] = {
    "cuba": current_based,
    "coba": lambda: conductance_based(4000),
    "coba40k": lambda: conductance_based(40000),
    "brunel": brunel,
    "micro": microcircuit,
    "stdp": stdp,
    "hh": hodgkin_huxley,
}


def recorder(population: Any) -> Any:
    made = nest.Create("spike_recorder")
    nest.Connect(population, made)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--t", type=float, default=1.0, help="seconds of biological time")
    args = parser.parse_args()

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = args.threads
    nest.resolution = DT
    nest.rng_seed = SEED
    base, _ = memory()
    clock.lap()
    net = NETS[args.case]()
    recorders = [recorder(population) for population in net.populations]
    sources = [recorder(net.sources)] if net.sources is not None else []
    # connections and buffers are put in order at the first step: part of the build
    nest.Prepare()
    nest.Run(DT)
    build = clock.lap()

    def spikes() -> np.ndarray:
        return np.array([made.n_events for made in recorders + sources])

    before, wall, cpu = spikes(), time.perf_counter(), time.process_time()
    nest.Run(args.t * 1e3)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    nest.Cleanup()
    counts = spikes() - before
    _, peak = memory()

    n = sum(len(population) for population in net.populations)
    found = activity(
        args.case, counts[: len(recorders)], n, net.n_synapses, args.t, int(counts[len(recorders) :].sum())
    )
    if net.sources is not None:
        # of some neurons: asking for all connections would take gigabytes
        weights = nest.GetConnections(target=net.populations[0][:50], synapse_model="stdp_synapse").get("weight")
        found["extra"]["mean_weight"] = round(float(np.mean(weights)) / net.top, 4)
    Line(
        lib="nest",
        version=nest.__version__,
        case=args.case,
        mode="",
        threads=args.threads,
        import_s=import_s,
        build_s=build,
        compile_s=0.0,
        sim_s=wall,
        cpu_s=cpu,
        base_rss_mb=base,
        peak_rss_mb=peak,
        **found,
    ).show()


if __name__ == "__main__":
    main()
