"""One to one: what a population puts out in a step is added, weighted, to what another receives in a later one."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, part, row

# parts, workers, bounds of the parts, output, weight (address; 0: per neuron), weights, ring, its last step, length of
# a step, delay
PARTS, WORKERS, BOUNDS, OUTPUT, WEIGHT, WEIGHTS, RING, LAST, ROW, DELAY = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
SIZE = 10
F = np.float64
KIND = numba.float64


@row
def add_one(out, x, weight):
    for i in range(out.size):
        out[i] += weight * x[i]


@row
def add(out, x, weights):
    for i in range(out.size):
        out[i] += weights[i] * x[i]


@part
def run(address, worker, step):
    d = carray(at(address, numba.int64), SIZE)
    bounds = carray(at(d[BOUNDS], numba.int64), d[PARTS] + 1)
    n = bounds[d[PARTS]]
    output = carray(at(d[OUTPUT], KIND), n)
    ring = carray(at(d[RING], KIND), ((d[LAST] + 1), d[ROW]))
    slot = (step + d[DELAY]) & d[LAST]
    for p in range(worker, d[PARTS], d[WORKERS]):
        low, high = bounds[p], bounds[p + 1]
        if d[WEIGHTS] == 0:
            add_one(ring[slot, low:high], output[low:high], carray(at(d[WEIGHT], KIND), 1)[0])
        else:
            add(ring[slot, low:high], output[low:high], carray(at(d[WEIGHTS], KIND), n)[low:high])
