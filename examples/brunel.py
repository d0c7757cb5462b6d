"""Brunel's network of 12,500 neurons in one of its four regimes, drawn as in figure 8 of Brunel 2000.

python examples/brunel.py --regime C
"""

from __future__ import annotations

import argparse
import sys
import time

import neurograph as ng
from neurograph import plot
from neurograph.models import brunel

REGIMES = {  # what it is, the rate in Hz that Brunel simulated, and the ms to show
    "A": ("synchronous regular", None, 60.0),
    "B": ("synchronous irregular, fast oscillation", 60.7, 150.0),
    "C": ("asynchronous irregular", 37.7, 200.0),
    "D": ("synchronous irregular, slow oscillation", 5.5, 400.0),
}
SETTLE = 100.0  # ms left out of the rates


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--regime", choices=tuple(REGIMES), default="C")
    p.add_argument("--n-exc", type=int, default=10_000, help="excitatory neurons; a quarter as many are inhibitory")
    p.add_argument("--seconds", type=float, default=0.5, help="simulated time, above 0.2")
    p.add_argument("--threads", type=int, help="default: all cores")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--record", metavar="FILE", help="stream the spikes to this HDF5 file, for long runs")
    p.add_argument("--out", default="brunel.png", help="the picture")
    args = p.parse_args(given)
    if args.seconds < 0.2:
        p.error("--seconds: at least 0.2, of which the first 0.1 are for settling")
    return args


def main(given: list[str] | None = None) -> None:
    args = arguments(given)
    figure, (top, bottom) = plot.figure(2, size=(7.0, 5.0), sharex=True, height_ratios=(2, 1))
    kind, published, shown = REGIMES[args.regime]
    # weights as strong as in the full network for any size: a tenth of the neurons are a neuron's inputs
    graph = brunel(args.regime, n_exc=args.n_exc, jump=0.1 * 10_000 / args.n_exc)
    graph.probe("exc", "spike")
    graph.probe("inh", "spike")
    sim = ng.compile(graph, "numba", dt=0.1, seed=args.seed, threads=args.threads)
    memory = sim.memory()
    print(
        f"[BUILD] regime {args.regime} ({kind}): {memory['synapses']:,} synapses in {sim.build_seconds:.2f} s, "
        f"{memory['bytes_per_synapse']:.1f} bytes each"
    )

    sim.run(SETTLE)
    settled, began = sim.spike_counts(), time.perf_counter()
    duration = args.seconds * 1000.0 - SETTLE
    sim.run(duration, record_to=args.record)
    took = time.perf_counter() - began
    print(f"[RUN] {duration:g} ms in {took:.2f} s, {took / duration * 1000.0:.2f} x real time, {sim.threads} threads")
    for name, counts in sim.spike_counts().items():
        hertz = (counts - settled[name]).mean() / duration * 1000.0
        print(f"[RATE] {name}: {hertz:.1f} Hz" + (f" (published: {published} Hz)" if published else ""))

    window = (max(SETTLE, sim.time - shown), sim.time)
    plot.raster(sim, window=window, most=200, ax=top)
    plot.rate(sim, "exc", bin=0.5, window=window, ax=bottom)
    top.set_title(f"Brunel's network, regime {args.regime}: {kind}", fontsize=10)
    top.set_xlabel("")
    figure.align_ylabels()
    figure.savefig(args.out)
    print(f"[OUTPUT] {args.out}")


if __name__ == "__main__":
    try:
        main()
    except (ng.NeuroGraphError, OSError) as error:
        sys.exit(f"error: {error}")
