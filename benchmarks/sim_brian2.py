"""Brian2's side of benchmarks/simulation.py: one case in one process, one line of JSON.

    python benchmarks/sim_brian2.py CASE MODE [--t 1.0] [--build FOLDER] [--rerun]

MODE is cpp (a C++ program on one thread) or cython. FOLDER keeps what was compiled: an empty one gives the time of the
first start, and with --rerun the program in it is run again without asking Brian2.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
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
    microcircuit,
    normal,
)

b: Any  # brian2, imported where its time is taken; a rerun of a compiled program does without it
clock = Clock()
NOTE = "note.json"


@dataclass
class Net:
    """What a case is made of, and what is read from it afterwards."""

    neurons: Any
    synapses: list[Any]
    others: list[Any] = field(default_factory=list)
    sources: Any = None  # a plastic network's input trains
    weights: tuple[Any, float] | None = None  # the plastic synapses and their upper limit
    spikes: Any = None
    whole: Any = None


def current_based() -> Net:
    """CUBA of Brette et al. 2007 (Vogels and Abbott 2005)."""
    names = {"tau_m": 20 * b.ms, "tau_e": 5 * b.ms, "tau_i": 10 * b.ms, "E_L": -49 * b.mV, "V_th": -50 * b.mV}
    names |= {"V_r": -60 * b.mV, "w_e": 1.62 * b.mV, "w_i": -9 * b.mV}
    equations = """
        dv/dt = (g_e + g_i - (v - E_L)) / tau_m : volt (unless refractory)
        dg_e/dt = -g_e / tau_e : volt
        dg_i/dt = -g_i / tau_i : volt
    """
    rules = {"threshold": "v > V_th", "reset": "v = V_r", "refractory": 5 * b.ms, "method": "exact"}
    neurons = b.NeuronGroup(4000, equations, namespace=names, **rules)
    neurons.v = "V_r + rand() * (V_th - V_r)"
    return Net(neurons, excitation_and_inhibition(neurons, 3200, 0.02, names))


def conductance_names() -> dict[str, Any]:
    names = {"tau_e": 5 * b.ms, "tau_i": 10 * b.ms, "E_e": 0 * b.mV, "E_i": -80 * b.mV, "E_L": -60 * b.mV}
    return names | {"g_L": 10 * b.nS, "C": 200 * b.pF, "w_e": 6 * b.nS, "w_i": 67 * b.nS}


def conductance_based(n: int) -> Net:
    """COBA of Brette et al. 2007, 80 inputs per neuron whatever the size."""
    names = conductance_names() | {"V_th": -50 * b.mV}
    equations = """
        dv/dt = (g_L * (E_L - v) + g_e * (E_e - v) + g_i * (E_i - v)) / C : volt (unless refractory)
        dg_e/dt = -g_e / tau_e : siemens
        dg_i/dt = -g_i / tau_i : siemens
    """
    rules = {"threshold": "v > V_th", "reset": "v = E_L", "refractory": 5 * b.ms, "method": "exponential_euler"}
    neurons = b.NeuronGroup(n, equations, namespace=names, **rules)
    start_with_conductances(neurons)
    return Net(neurons, excitation_and_inhibition(neurons, n * 4 // 5, 80 / n, names))


def start_with_conductances(neurons: Any) -> None:
    # no drive from outside keeps these networks alive: they have to begin in the middle of their activity
    neurons.v = "-65 * mV + 5 * mV * randn()"
    neurons.g_e = "40 * nS + 15 * nS * randn()"
    neurons.g_i = "200 * nS + 120 * nS * randn()"


def excitation_and_inhibition(neurons: Any, n_excitatory: int, p: float, names: dict[str, Any]) -> list[Any]:
    made = []
    for sources, effect in ((neurons[:n_excitatory], "g_e += w_e"), (neurons[n_excitatory:], "g_i += w_i")):
        synapses = b.Synapses(sources, neurons, on_pre=effect, namespace=names)
        synapses.connect(p=p)
        made.append(synapses)
    return made


def brunel() -> Net:
    """Model A of Brunel 2000 with V_r = 10 mV, g = 5, eta = 2: asynchronous irregular."""
    n_excitatory, n_inhibitory, c_excitatory, c_inhibitory = 10000, 2500, 1000, 250
    n = n_excitatory + n_inhibitory
    names = {"tau": 20 * b.ms, "theta": 20 * b.mV, "V_r": 10 * b.mV, "J": 0.1 * b.mV, "g": 5.0}
    rules = {"threshold": "v > theta", "reset": "v = V_r", "refractory": 2 * b.ms, "method": "exact"}
    neurons = b.NeuronGroup(n, "dv/dt = -v / tau : volt (unless refractory)", namespace=names, **rules)
    rng = np.random.default_rng(SEED)
    made = []
    for first, count, inputs, effect in (
        (0, n_excitatory, c_excitatory, "v_post += J"),
        (n_excitatory, n_inhibitory, c_inhibitory, "v_post -= g * J"),
    ):
        synapses = b.Synapses(neurons, neurons, on_pre=effect, delay=1.5 * b.ms, namespace=names)
        i = rng.integers(first, first + count, n * inputs, dtype=np.int32)
        synapses.connect(i=i, j=np.repeat(np.arange(n, dtype=np.int32), inputs))
        made.append(synapses)
    nu_threshold = names["theta"] / (names["J"] * c_excitatory * names["tau"])
    drive = b.PoissonInput(neurons, "v", c_excitatory, 2 * nu_threshold, weight=names["J"])
    return Net(neurons, made, [drive])


def micro() -> Net:
    """The cortical microcircuit: one synapse object, as Brian2 is fastest that way."""
    circuit = microcircuit(0.1)
    rng = np.random.default_rng(SEED)
    edges = np.concatenate([[0], np.cumsum(circuit.sizes)])
    names = {"tau_m": 10 * b.ms, "tau_s": 0.5 * b.ms, "C": 250 * b.pF, "E_L": -65 * b.mV, "V_th": -50 * b.mV}
    equations = """
        dv/dt = (E_L - v) / tau_m + (i_syn + i_const) / C : volt (unless refractory)
        di_syn/dt = -i_syn / tau_s : amp
        i_const : amp (constant)
    """
    rules = {"threshold": "v > V_th", "reset": "v = E_L", "refractory": 2 * b.ms, "method": "exact"}
    neurons = b.NeuronGroup(int(edges[-1]), equations, namespace=names, **rules)
    neurons.v = rng.normal(np.repeat(V0_MEAN, circuit.sizes), np.repeat(V0_SD, circuit.sizes)) * b.mV
    neurons.i_const = np.repeat(circuit.currents, circuit.sizes) * b.pA

    sources, targets, weights, delays = [], [], [], []
    for target, source in np.ndindex(8, 8):
        n = int(circuit.synapses[target, source])
        mean, delay = float(circuit.weights[target, source]), DELAY[POPULATIONS[source][-1]]
        sources.append(rng.integers(edges[source], edges[source + 1], n))
        targets.append(rng.integers(edges[target], edges[target + 1], n))
        low, high = (0.0, np.inf) if mean > 0 else (-np.inf, 0.0)
        weights.append(normal(rng, mean, 0.1 * abs(mean), low, high, n))
        drawn = normal(rng, delay, delay / 2, DT / 2, np.inf, n)
        delays.append(np.maximum(np.round(drawn / DT), 1) * DT)
    synapses = b.Synapses(neurons, neurons, "w : amp", on_pre="i_syn_post += w")
    synapses.connect(i=np.concatenate(sources), j=np.concatenate(targets))
    synapses.w = np.concatenate(weights) * b.pA
    synapses.delay = np.concatenate(delays) * b.ms

    drive = [
        b.PoissonInput(
            neurons[edges[k] : edges[k + 1]], "i_syn", int(circuit.external_inputs[k]), BACKGROUND_RATE * b.Hz,
            weight=circuit.external_weight * b.pA,
        )
        for k in range(8)
    ]  # fmt: skip
    return Net(neurons, [synapses], drive)


def stdp() -> Net:
    """Additive pair STDP of Song, Miller and Abbott 2000, all to all."""
    top = 0.01
    names = {"tau_m": 10 * b.ms, "tau_e": 5 * b.ms, "tau_p": 20 * b.ms, "E_e": 0 * b.mV, "E_L": -74 * b.mV}
    names |= {"V_th": -54 * b.mV, "V_r": -60 * b.mV, "top": top, "up": 0.01 * top, "down": -0.0105 * top}
    trains = b.PoissonGroup(1000, rates=15 * b.Hz)
    equations = """
        dv/dt = (g_e * (E_e - v) + E_L - v) / tau_m : volt
        dg_e/dt = -g_e / tau_e : 1
    """
    rules = {"threshold": "v > V_th", "reset": "v = V_r", "method": "exponential_euler"}
    neurons = b.NeuronGroup(1000, equations, namespace=names, **rules)
    neurons.v = names["E_L"]
    traces = """
        w : 1
        dpre/dt = -pre / tau_p : 1 (event-driven)
        dpost/dt = -post / tau_p : 1 (event-driven)
    """
    on_pre = """
        g_e_post += w
        pre += up
        w = clip(w + post, 0, top)
    """
    on_post = """
        post += down
        w = clip(w + pre, 0, top)
    """
    synapses = b.Synapses(trains, neurons, traces, on_pre=on_pre, on_post=on_post, namespace=names)
    synapses.connect()
    synapses.w = "rand() * top"
    sources = b.SpikeMonitor(trains, record=False)
    return Net(neurons, [synapses], [trains, sources], sources=sources, weights=(synapses, top))


def hodgkin_huxley() -> Net:
    """COBAHH of Brette et al. 2007 with 1,000 neurons and 80 inputs each."""
    names = conductance_names() | {"V_T": -63 * b.mV, "g_Na": 20 * b.uS, "g_K": 6 * b.uS}
    names |= {"E_Na": 50 * b.mV, "E_K": -90 * b.mV, "mV": b.mV, "ms": b.ms}
    equations = """
        dv/dt = (g_L * (E_L - v) + g_e * (E_e - v) + g_i * (E_i - v)
                 - g_Na * m**3 * h * (v - E_Na) - g_K * n**4 * (v - E_K)) / C : volt
        dm/dt = a_m * (1 - m) - b_m * m : 1
        dh/dt = a_h * (1 - h) - b_h * h : 1
        dn/dt = a_n * (1 - n) - b_n * n : 1
        dg_e/dt = -g_e / tau_e : siemens
        dg_i/dt = -g_i / tau_i : siemens
        a_m = 0.32 * 4 / exprel((13*mV - v + V_T) / (4*mV)) / ms : Hz
        b_m = 0.28 * 5 / exprel((v - V_T - 40*mV) / (5*mV)) / ms : Hz
        a_h = 0.128 * exp((17*mV - v + V_T) / (18*mV)) / ms : Hz
        b_h = 4 / (1 + exp((40*mV - v + V_T) / (5*mV))) / ms : Hz
        a_n = 0.032 * 5 / exprel((15*mV - v + V_T) / (5*mV)) / ms : Hz
        b_n = 0.5 * exp((10*mV - v + V_T) / (40*mV)) / ms : Hz
    """
    rules = {"threshold": "v > -20*mV", "refractory": 3 * b.ms, "method": "exponential_euler"}
    neurons = b.NeuronGroup(1000, equations, namespace=names, **rules)
    start_with_conductances(neurons)
    return Net(neurons, excitation_and_inhibition(neurons, 800, 0.08, names))


NETS = {
    "cuba": current_based,
    "coba": lambda: conductance_based(4000),
    "coba40k": lambda: conductance_based(40000),
    "brunel": brunel,
    "micro": micro,
    "stdp": stdp,
    "hh": hodgkin_huxley,
}


# The C++ program writes about itself: seconds of construction, wall and CPU seconds of the simulation, then its memory.
TIMING = {
    "before_start": "timespec begin, ready, done, cpu_ready, cpu_done; clock_gettime(CLOCK_MONOTONIC, &begin);",
    "before_network_run": "clock_gettime(CLOCK_MONOTONIC, &ready); clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_ready);",
    "after_network_run": """
        clock_gettime(CLOCK_MONOTONIC, &done); clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_done);
        {
            auto between = [](timespec a, timespec b) { return b.tv_sec - a.tv_sec + 1e-9 * (b.tv_nsec - a.tv_nsec); };
            std::ofstream out(brian::results_dir + "timing.txt");
            out << between(begin, ready) << " " << between(ready, done) << " " << between(cpu_ready, cpu_done) << "\\n";
            out << std::ifstream("/proc/self/status").rdbuf();
        }
    """,
}


def build_program(args: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Write and compile the C++ program of a case; a note beside it says where its answers will be."""
    b.set_device("cpp_standalone", build_on_run=False, directory=str(folder))
    b.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    for slot, code in TIMING.items():
        b.device.insert_code(slot, code)
    net = make(args.case)
    build = clock.lap()
    net.whole.run(args.t * b.second)
    b.device.build(directory=str(folder), compile=True, run=False)
    made = clock.lap()

    def place(variable: Any) -> list[str]:
        return [b.device.get_array_filename(variable), np.dtype(variable.dtype).name]

    note: dict[str, Any] = {
        "version": b.__version__,
        "counts": place(net.spikes.variables["count"]),
        "synapses": [place(s.variables["N"]) for s in net.synapses],
    }
    if net.weights is not None:
        note["weights"] = place(net.weights[0].variables["w"])
        note["top"] = net.weights[1]
        note["sources"] = place(net.sources.variables["count"])
    (folder / NOTE).write_text(json.dumps(note))
    return {"build_s": build, "compile_s": made}


def run_program(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the compiled program and read its answers."""
    note = json.loads((folder / NOTE).read_text())
    subprocess.run(["./main"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    results = folder / "results"

    def read(place: list[str]) -> np.ndarray:
        return np.fromfile(results / place[0], dtype=place[1])

    timing, status = (results / "timing.txt").read_text().split("\n", 1)
    construction, wall, cpu = map(float, timing.split())
    found = {"version": note["version"], "build_s": construction, "sim_s": wall, "cpu_s": cpu}
    found |= {"base_rss_mb": 0.0, "peak_rss_mb": memory(status)[1]}
    n_synapses = sum(int(read(place)[0]) for place in note["synapses"])
    sources = int(read(note["sources"]).sum()) if "sources" in note else 0
    found |= summary(args, read(note["counts"]), n_synapses, sources)
    if "weights" in note:
        found["extra"]["mean_weight"] = round(float(read(note["weights"]).mean()) / note["top"], 4)
    return found


def run_cython(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run a case in this process, with the code objects compiled by Cython."""
    b.prefs.codegen.target = "cython"
    b.prefs.codegen.runtime.cython.cache_dir = str(folder)
    base, _ = memory()
    net = make(args.case)
    build = clock.lap()
    net.whole.run(DT * b.ms)
    compiled = clock.lap()
    counts = np.array(net.spikes.count)
    sources = net.sources.num_spikes if net.sources is not None else 0
    times: list[tuple[float, float]] = []

    def look(*_: object) -> None:
        """Called at the start and at the end of the loop over steps, when all code is loaded."""
        times.append((time.perf_counter(), time.process_time()))

    net.whole.run(args.t * b.second, report=look, report_period=1e6 * b.second)
    (wall, cpu), (wall_end, cpu_end) = times
    found: dict[str, Any] = {"version": b.__version__, "build_s": build, "compile_s": compiled}
    found |= {"sim_s": wall_end - wall, "cpu_s": cpu_end - cpu, "base_rss_mb": base, "peak_rss_mb": memory()[1]}
    sources = net.sources.num_spikes - sources if net.sources is not None else 0
    found |= summary(args, np.array(net.spikes.count) - counts, sum(len(s) for s in net.synapses), sources)
    if net.weights is not None:
        found["extra"]["mean_weight"] = round(float(np.mean(net.weights[0].w[:])) / net.weights[1], 4)
    return found


def make(case: str) -> Net:
    b.defaultclock.dt = DT * b.ms
    b.seed(SEED)
    net = NETS[case]()
    net.spikes = b.SpikeMonitor(net.neurons, record=False)
    net.whole = b.Network(net.neurons, *net.synapses, *net.others, net.spikes)
    return net


def summary(args: argparse.Namespace, counts: np.ndarray, n_synapses: int, source_spikes: int) -> dict[str, Any]:
    first = np.concatenate([[0], np.cumsum(microcircuit().sizes)[:-1]]) if args.case == "micro" else [0]
    return activity(args.case, np.add.reduceat(counts, first), len(counts), n_synapses, args.t, source_spikes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("mode", choices=("cpp", "cython"))
    parser.add_argument("--t", type=float, default=1.0, help="seconds of biological time")
    parser.add_argument("--build", type=Path, help="folder of what was compiled; a temporary one by default")
    parser.add_argument("--rerun", action="store_true", help="run the C++ program that is in the folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.build or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        head = {"lib": "brian2", "case": args.case, "mode": args.mode, "threads": 1}
        spent = {"import_s": 0.0, "build_s": 0.0, "compile_s": 0.0}
        if not args.rerun:
            global b
            clock.lap()
            import brian2 as b

            b.prefs.logging.file_log = False
            b.prefs.logging.console_log_level = "ERROR"
            spent["import_s"] = clock.lap()
        if args.mode == "cython":
            found = run_cython(args, folder)
        else:
            if not args.rerun:
                spent |= build_program(args, folder)
            found = run_program(args, folder)
            found["build_s"] += spent["build_s"]
        Line(**head | spent | found).show()


if __name__ == "__main__":
    main()
