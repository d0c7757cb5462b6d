"""Recording: chosen entries of an array, every so many steps, into a buffer that is emptied between calls."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, part

# parts, workers, bounds (of the chosen entries, by part), array, entries, places in a row, buffer, length of a row,
# every, first step of the buffer, length of the array
PARTS, WORKERS, BOUNDS, ARRAY, ENTRIES, PLACES, BUFFER, ROW, EVERY, FIRST, LENGTH = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
SIZE = 11
F = np.float64
KIND = numba.float64


@part
def run(address, worker, step):
    d = carray(at(address, numba.int64), SIZE)
    if step % d[EVERY] != 0:
        return
    bounds = carray(at(d[BOUNDS], numba.int64), d[PARTS] + 1)
    array = carray(at(d[ARRAY], KIND), d[LENGTH])
    entries = carray(at(d[ENTRIES], numba.int64), d[ROW])
    places = carray(at(d[PLACES], numba.int64), d[ROW])
    line = step // d[EVERY] - (d[FIRST] + d[EVERY] - 1) // d[EVERY]
    buffer = carray(at(d[BUFFER], KIND), (line + 1, d[ROW]))
    for p in range(worker, d[PARTS], d[WORKERS]):
        for j in range(bounds[p], bounds[p + 1]):
            buffer[line, places[j]] = array[entries[j]]
