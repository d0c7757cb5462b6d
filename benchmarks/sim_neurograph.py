"""NeuroGraph's side of benchmarks/simulation.py: one case in one process, one line of JSON.

    python benchmarks/sim_neurograph.py CASE [--threads 1] [--t 1.0] [--dtype float64]

The networks are the recipes in models/.
"""

from __future__ import annotations

import argparse
import time

from sim_cases import CASES, DT, POPULATIONS, SEED, Clock, Line, activity, memory

clock = Clock()
import neurograph as ng  # noqa: E402
from neurograph import models  # noqa: E402

import_s = clock.lap()

# recipe, its arguments, and the populations whose spikes count: Poisson drives are left out
RECIPES: dict[str, tuple[str, dict[str, object], tuple[str, ...]]] = {
    "cuba": ("cuba", {"n": 4000}, ("exc", "inh")),
    "coba": ("coba", {"n": 4000}, ("exc", "inh")),
    "coba40k": ("coba", {"n": 40000}, ("exc", "inh")),
    "brunel": ("brunel", {}, ("exc", "inh")),
    "micro": ("microcircuit", {"scale": 0.1}, POPULATIONS),
    "stdp": ("plastic", {}, ("output",)),
    "hh": ("hh_network", {"n": 1000}, ("exc", "inh")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--t", type=float, default=1.0, help="seconds of biological time")
    parser.add_argument("--dtype", default="float64", choices=("float32", "float64"))
    args = parser.parse_args()

    base, _ = memory()
    clock.lap()
    recipe, options, names = RECIPES[args.case]
    graph = models.recipe(recipe)(**options)
    build = clock.lap()
    sim = ng.compile(graph, backend="numba", dt=DT, seed=SEED, threads=args.threads, dtype=args.dtype)
    sim.run(DT)  # kernels are loaded at the first step
    compiled = clock.lap()

    before = sim.spike_counts()
    wall, cpu = time.perf_counter(), time.process_time()
    sim.run(args.t * 1e3)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _, peak = memory()

    fired = {name: after - before[name] for name, after in sim.spike_counts().items()}
    spikes = [int(fired[name].sum()) for name in names]
    n_neurons = sum(len(fired[name]) for name in names)
    sources = int(fired["input"].sum()) if args.case == "stdp" else 0
    held = sim.memory()
    found = activity(args.case, spikes, n_neurons, int(held["synapses"]), args.t, sources)
    found["extra"]["bytes_per_synapse"] = round(held["bytes_per_synapse"], 2)
    if args.case == "stdp":
        found["extra"]["mean_weight"] = round(float(sim.synapses("plastic")[2].mean()) / 0.01, 4)
    Line(
        lib="neurograph",
        version=ng.__version__,
        case=args.case,
        mode=args.dtype,
        threads=args.threads,
        import_s=import_s,
        build_s=build,
        compile_s=compiled,
        sim_s=wall,
        cpu_s=cpu,
        base_rss_mb=base,
        peak_rss_mb=peak,
        **found,
    ).show()


if __name__ == "__main__":
    main()
