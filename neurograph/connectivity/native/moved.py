"""Each row in ascending order, and the weights that came with its words; equal words stay in the order listed."""

# mypy: ignore-errors
import numba
import numpy as np
from numba import carray

from neurograph.connectivity.native.common import KIND, MANY, at, copy, entry, fetch_add, ordered, row, sort

# the same description as in rows.py, of which this needs less
NEXT, ARRIVED, ROWS, GRAIN, POINTERS, WORDS, N_WORDS, WORD_BITS, WEIGHTS, SCRATCH, LONGEST = (
    0,
    1,
    2,
    3,
    6,
    7,
    8,
    9,
    12,
    18,
    19,
)
SIZE = 20


@row
def sort_both(words, weights, spare, more, places, top):
    """Sort words and move weights with them, equal words staying in order."""
    n = words.size
    keys = spare[:n]
    for i in range(n):
        keys[i] = (np.int64(words[i]) << 32) | i
    sort(keys, spare[n : 2 * n], places, 32, 32 + top)
    copy(weights, more[:n])
    for i in range(n):
        words[i] = keys[i] >> 32
        weights[i] = more[keys[i] & 0xFFFFFFFF]


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    worker = fetch_add(address + 8 * ARRIVED, 1)
    longest = d[LONGEST]
    scratch = d[SCRATCH] + worker * (2048 + 16 * MANY + 24 * longest)
    places = carray(at(scratch, numba.int64), 256)
    spare = carray(at(scratch + 2048, numba.int64), 2 * longest)
    more = carray(at(scratch + 2048 + 16 * longest, KIND), longest)
    pointers = carray(at(d[POINTERS], numba.int64), d[ROWS] + 1)
    words = carray(at(d[WORDS], numba.uint32), d[N_WORDS])
    weights = carray(at(d[WEIGHTS], KIND), d[N_WORDS])
    while True:
        first = fetch_add(address + 8 * NEXT, 1) * d[GRAIN]
        if first >= d[ROWS]:
            break
        for r in range(first, min(first + d[GRAIN], d[ROWS])):
            mine = words[pointers[r] : pointers[r + 1]]
            if not ordered(mine):
                sort_both(mine, weights[pointers[r] : pointers[r + 1]], spare, more, places, d[WORD_BITS])
