"""The cortical microcircuit of Potjans & Diesmann 2014: eight populations, their rates beside the published ones.

python examples/microcircuit.py --scale 0.1     (scale 1: 77,169 neurons, 3 x 10^8 synapses, 2.6 GB)
"""

from __future__ import annotations

import argparse
import sys
import time

import neurograph as ng
from neurograph import plot
from neurograph.models import microcircuit
from neurograph.models.microcircuit import POPULATIONS, RATES

EXCITATORY, INHIBITORY = plot.COLORS[:2]
SETTLE = 200.0  # ms left out of the rates


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--scale", type=float, default=0.1, help="part of the neurons, and of each neuron's inputs")
    p.add_argument("--seconds", type=float, default=2.0, help="simulated time, above 0.2")
    p.add_argument("--threads", type=int, help="default: all cores")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--record", metavar="FILE", help="stream the spikes to this HDF5 file, for long runs")
    p.add_argument("--out", default="microcircuit.png", help="the picture")
    args = p.parse_args(given)
    if args.seconds < 0.3:
        p.error("--seconds: at least 0.3, of which the first 0.2 are for settling")
    return args


def main(given: list[str] | None = None) -> None:
    args = arguments(given)
    figure, (left, right) = plot.figure(1, 2, size=(9.0, 5.0), width_ratios=(3, 1))
    graph = microcircuit(args.scale)
    for name in POPULATIONS:
        graph.probe(name, "spike")
    sim = ng.compile(graph, "numba", dt=0.1, seed=args.seed, threads=args.threads)
    memory = sim.memory()
    print(
        f"[BUILD] scale {args.scale:g}: {memory['synapses']:,} synapses in {sim.build_seconds:.2f} s, "
        f"{memory['bytes_per_synapse']:.1f} bytes each"
    )

    sim.run(SETTLE)
    settled, began = sim.spike_counts(), time.perf_counter()
    duration = args.seconds * 1000.0 - SETTLE
    sim.run(duration, record_to=args.record)
    took = time.perf_counter() - began
    print(f"[RUN] {duration:g} ms in {took:.2f} s, {took / duration * 1000.0:.2f} x real time, {sim.threads} threads")
    counts = sim.spike_counts()
    rates = [(counts[name] - settled[name]).mean() / duration * 1000.0 for name in POPULATIONS]
    for name, hertz, published in zip(POPULATIONS, rates, RATES, strict=True):
        print(f"[RATE] {name:5} {hertz:5.2f} Hz (published, at scale 1: {published:.2f} Hz)")

    colors = [EXCITATORY, INHIBITORY] * 4
    window = (max(SETTLE, sim.time - 400.0), sim.time)
    plot.raster(sim, POPULATIONS, window=window, most=1900, colors=colors, ax=left)
    left.set_title(f"Microcircuit at scale {args.scale:g}", fontsize=10)
    for first, (kind, color) in enumerate((("excitatory", EXCITATORY), ("inhibitory", INHIBITORY))):
        right.barh(range(first, 8, 2), rates[first::2], color=color, height=0.7, label=kind)
    right.plot(RATES, range(8), "D", color="black", markersize=5, markerfacecolor="white", label="published")
    right.set_yticks(range(8), POPULATIONS)
    right.invert_yaxis()
    right.set_xlabel("Rate (Hz)")
    right.tick_params(axis="y", length=0)
    right.legend(loc="upper right", fontsize=8, frameon=False)
    figure.savefig(args.out)
    print(f"[OUTPUT] {args.out}")


if __name__ == "__main__":
    try:
        main()
    except (ng.NeuroGraphError, OSError) as error:
        sys.exit(f"error: {error}")
