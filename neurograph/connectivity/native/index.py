"""What is found by target: how many synapses each has, and where they are; and the order that forgets the parts."""

# mypy: ignore-errors
import numba
import numpy as np
from numba import carray

from neurograph.connectivity.native.common import at, entry, fetch_add, row, sort

# work taken, workers arrived, what (0 count, 1 index, 2 order), pieces of work, sources, targets, parts, bounds,
# pointers, words (address, length), bits of a target, pointers by target, positions, sources, canonical pointers,
# order, scratch, length of a source's row
(NEXT, ARRIVED, WHAT, PIECES, PRES, POSTS, PARTS, BOUNDS, POINTERS, WORDS, N_WORDS, BITS, BY_TARGET, POSITIONS, SOURCES,
 FIRSTS, ORDER, SCRATCH, LONGEST) = range(19)  # fmt: skip
SIZE = 19
KIND = numba.float64


@row
def of_targets(d, piece, bounds, pointers, words):
    """Count or place the synapses of one range of targets; it reads the rows of every part that has some."""
    first, last = d[POSTS] * piece // d[PIECES], d[POSTS] * (piece + 1) // d[PIECES]
    by_target = carray(at(d[BY_TARGET], numba.int64), d[POSTS] + 1)
    positions = carray(at(d[POSITIONS], KIND), d[N_WORDS])
    sources = carray(at(d[SOURCES], numba.int32), d[N_WORDS])
    mask, count = (1 << d[BITS]) - 1, d[WHAT] == 0
    for p in range(d[PARTS]):
        if bounds[p + 1] <= first or bounds[p] >= last:
            continue
        for pre in range(d[PRES]):
            for i in range(pointers[p * d[PRES] + pre], pointers[p * d[PRES] + pre + 1]):
                target = np.int64(words[i]) & mask
                if first <= target < last:
                    if count:
                        by_target[target + 1] += 1
                    else:
                        place = by_target[target]
                        by_target[target] = place + 1
                        positions[place] = i
                        sources[place] = pre


@row
def order_of(d, pre, pointers, words, keys, spare, places):
    """Positions of one source's synapses by word, from all parts."""
    firsts = carray(at(d[FIRSTS], numba.int64), d[PRES] + 1)
    order = carray(at(d[ORDER], numba.int64), d[N_WORDS])
    n = 0
    for p in range(d[PARTS]):
        for i in range(pointers[p * d[PRES] + pre], pointers[p * d[PRES] + pre + 1]):
            order[firsts[pre] + n] = i
            keys[n] = (np.int64(words[i]) << 32) | n
            n += 1
    sort(keys[:n], spare[:n], places, 32, 64)
    for j in range(n):
        spare[j] = order[firsts[pre] + (keys[j] & 0xFFFFFFFF)]
    for j in range(n):
        order[firsts[pre] + j] = spare[j]


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    worker = fetch_add(address + 8 * ARRIVED, 1)
    bounds = carray(at(d[BOUNDS], numba.int64), d[PARTS] + 1)
    pointers = carray(at(d[POINTERS], numba.int64), d[PARTS] * d[PRES] + 1)
    words = carray(at(d[WORDS], numba.uint32), d[N_WORDS])
    scratch = d[SCRATCH] + worker * (2048 + 16 * d[LONGEST])
    places = carray(at(scratch, numba.int64), 256)
    keys = carray(at(scratch + 2048, numba.int64), d[LONGEST])
    spare = carray(at(scratch + 2048 + 8 * d[LONGEST], numba.int64), d[LONGEST])
    while True:
        piece = fetch_add(address + 8 * NEXT, 1)
        if piece >= d[PIECES]:
            break
        if d[WHAT] < 2:
            of_targets(d, piece, bounds, pointers, words)
        else:
            for pre in range(d[PRES] * piece // d[PIECES], d[PRES] * (piece + 1) // d[PIECES]):
                order_of(d, pre, pointers, words, keys, spare, places)
