"""Each row in ascending order, then its weights: drawn by source, word and how many equal words came before."""

# mypy: ignore-errors
import numba
import numpy as np
from numba import carray

from neurograph.connectivity.native.common import (
    DRAWN,
    KIND,
    MANY,
    TABLE,
    at,
    bits,
    draw_many,
    entry,
    fetch_add,
    ordered,
    sort,
)

# work taken, workers arrived, rows, rows taken at a time, sources, targets, pointers, words (address, length), bits of
# a word, bits of a target, weights (0 none, 1 drawn, 3 a matrix; drawn if DRAWN), weights, key, numbers,
# table, matrix (address, length), scratch (address, length of a row)
(NEXT, ARRIVED, ROWS, GRAIN, PRES, POSTS, POINTERS, WORDS, N_WORDS, WORD_BITS, BITS, WEIGHTED, WEIGHTS, KEY, NUMBERS,
 LOOKUP, MATRIX, N_MATRIX, SCRATCH, LONGEST) = range(20)  # fmt: skip
SIZE = 20


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    worker = fetch_add(address + 8 * ARRIVED, 1)
    longest = d[LONGEST]
    scratch = d[SCRATCH] + worker * (2048 + 16 * MANY + 24 * longest)
    places = carray(at(scratch, numba.int64), 256)
    raws = carray(at(scratch + 2048, numba.uint64), MANY)
    values = carray(at(scratch + 2048 + 8 * MANY, numba.float64), MANY)
    scratch += 2048 + 16 * MANY
    spare = carray(at(scratch, numba.uint32), longest)
    pointers = carray(at(d[POINTERS], numba.int64), d[ROWS] + 1)
    words = carray(at(d[WORDS], numba.uint32), d[N_WORDS])
    weights = carray(at(d[WEIGHTS], KIND), d[N_WORDS])
    matrix = carray(at(d[MATRIX], KIND), d[N_MATRIX])
    numbers = carray(at(d[NUMBERS], numba.float64), 6)
    table = carray(at(d[LOOKUP], numba.float64), TABLE)
    key, mode, mask = np.uint64(d[KEY]), d[WEIGHTED], (1 << d[BITS]) - 1
    while True:
        first = fetch_add(address + 8 * NEXT, 1) * d[GRAIN]
        if first >= d[ROWS]:
            break
        for r in range(first, min(first + d[GRAIN], d[ROWS])):
            low, high = pointers[r], pointers[r + 1]
            mine = words[low:high]
            if not ordered(mine):
                sort(mine, spare[: mine.size], places, 0, d[WORD_BITS])
            if DRAWN:
                row_key = bits(key, r % d[PRES])
                before = 0
                for start in range(low, high, MANY):
                    n = min(MANY, high - start)
                    for j in range(n):
                        i = start + j
                        before = before + 1 if i > low and words[i] == words[i - 1] else 0
                        raws[j] = bits(row_key, np.int64(words[i]) | (before << 32))
                    draw_many(raws[:n], values[:n], numbers, table)
                    for j in range(n):
                        weights[start + j] = values[j]
            elif mode == 3:
                for i in range(low, high):
                    weights[i] = matrix[(np.int64(words[i]) & mask) * d[PRES] + r % d[PRES]]
