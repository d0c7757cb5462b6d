"""NeuroGraph's side of benchmarks/simulation.py: one case in one process, one line of JSON.

python benchmarks/sim_neurograph.py CASE [--threads 1] [--t 1.0] [--dtype float64]
"""

from __future__ import annotations

import argparse
import time

from sim_cases import CASES, DT, POPULATIONS, SEED, Clock, Line, activity, memory

clock = Clock()
import neurograph as ng  # noqa: E402
from neurograph import models  # noqa: E402

import_s = clock.lap()

# the recipe and its arguments; the populations whose spikes count, where those are not all
RECIPES: dict[str, tuple[str, dict[str, object], tuple[str, ...]]] = {
    "cuba": ("cuba", {"n": 4000}, ()),
    "coba": ("coba", {"n": 4000}, ()),
    "coba40k": ("coba", {"n": 40000}, ()),
    "brunel": ("brunel", {}, ()),
    "micro": ("microcircuit", {"scale": 0.1}, POPULATIONS),
    "stdp": ("plastic", {}, ()),
    "hh": ("hh_network", {"n": 1000}, ()),
}
SOURCES = "trains"  # the Poisson population of the plastic network


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

    counts = {name: after - before[name] for name, after in sim.spike_counts().items()}
    sources = counts.pop(SOURCES).sum() if SOURCES in counts else 0
    spikes = [int(counts[name].sum()) for name in (names or counts)]
    n_neurons = sum(len(count) for count in counts.values())
    n_synapses = sim.n_synapses
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
        **activity(args.case, spikes, n_neurons, n_synapses, args.t, int(sources)),
    ).show()


if __name__ == "__main__":
    main()
