"""Spike-timing dependent plasticity: weights that start uniform compete and end near 0 or the maximum.

python examples/stdp.py     (Song, Miller & Abbott 2000, figure 2)
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

import neurograph as ng
from neurograph import plot
from neurograph.models import plastic

LARGEST = 0.01  # the weights' upper bound, in units of the leak conductance


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--inputs", type=int, default=1000, help="Poisson inputs of each neuron")
    p.add_argument("--neurons", type=int, default=10, help="neurons that learn, apart from each other")
    p.add_argument("--rate", type=float, default=15.0, help="of each input, in Hz")
    p.add_argument("--seconds", type=float, default=200.0, help="simulated time")
    p.add_argument("--threads", type=int, help="default: all cores")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--record", metavar="FILE", help="stream the spikes to this HDF5 file, for long runs")
    p.add_argument("--out", default="stdp.png", help="the picture")
    return p.parse_args(given)


def main(given: list[str] | None = None) -> None:
    args = arguments(given)
    figure, (left, middle, right) = plot.figure(1, 3, size=(11.0, 3.2))
    graph = plastic(args.inputs, args.neurons, args.rate)
    graph.probe("output", "spike")
    shown = range(0, args.inputs * args.neurons, max(1, args.inputs * args.neurons // 25))
    graph.probe("plastic", "w", neurons=shown, every=max(1, round(args.seconds * 10_000 / 400)))
    sim = ng.compile(graph, "numba", dt=0.1, seed=args.seed, threads=args.threads)
    memory = sim.memory()
    print(
        f"[BUILD] {memory['synapses']:,} plastic synapses in {sim.build_seconds:.2f} s, "
        f"{memory['bytes_per_synapse']:.1f} bytes each"
    )
    before, began = sim.synapses("plastic")[2], time.perf_counter()

    duration = args.seconds * 1000.0
    sim.run(duration, record_to=args.record)
    took = time.perf_counter() - began
    print(f"[RUN] {args.seconds:g} s in {took:.2f} s, {took / args.seconds:.3f} x real time, {sim.threads} threads")
    after = sim.synapses("plastic")[2]
    for name, w in (("before", before), ("after", after)):
        low, high = (w < 0.1 * LARGEST).mean(), (w > 0.9 * LARGEST).mean()
        print(f"[WEIGHTS] {name}: mean {w.mean():.4f}, {low:.0%} in the lowest tenth, {high:.0%} in the highest")
    print(f"[RATE] output: {sim.rate('output'):.1f} Hz on average")

    bins = np.linspace(0.0, LARGEST, 41)
    plot.weight_histogram(before, bins=bins, label="before", color=plot.COLORS[-1], ax=left)
    plot.weight_histogram(after, bins=bins, label=f"after {args.seconds:g} s", color=plot.COLORS[0], ax=left)
    left.set_xlabel("Weight (leak conductance)")
    left.set_title("Weights before and after learning", fontsize=10)
    plot.trace(sim, "plastic", "w", shown, ax=middle)
    middle.set_ylabel("Weight (leak conductance)")
    middle.set_title(f"{len(shown)} of {memory['synapses']:,} weights", fontsize=10)
    plot.rate(sim, "output", bin=duration / 200.0, colors=plot.COLORS, ax=right)
    right.set_title("Mean rate of the neurons that learn", fontsize=10)
    figure.savefig(args.out)
    print(f"[OUTPUT] {args.out}")


if __name__ == "__main__":
    try:
        main()
    except (ng.NeuroGraphError, OSError) as error:
        sys.exit(f"error: {error}")
