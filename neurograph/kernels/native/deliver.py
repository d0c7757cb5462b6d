"""Spikes walk their rows of synapses into the ring of what arrives in later steps."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, part, prefetch, row

# parts of the target, workers, sources, pointers, words, weights (0: one for all), their dtype is float64, the one
# weight (address of a float64), ring, its last index, bits of a target, shortest delay, then the list of spikes:
# parts, indices, room of a part, offsets, length of their rows, its first step, values (0: all are 1)
PARTS, WORKERS, SOURCES, POINTERS, WORDS, WEIGHTS, DOUBLE, WEIGHT = 0, 1, 2, 3, 4, 5, 6, 7
RING, LAST, BITS, DELAY = 8, 9, 10, 11
SPIKE_PARTS, SPIKES, ROOM, OFFSETS, ROW, FIRST, VALUES = 12, 13, 14, 15, 16, 17, 18
SIZE = 24
F = np.float64
KIND = numba.float64


@row
def spread_one(words, weight, ring, base, last):
    for k in range(words.size):
        ring[(np.uint64(words[k]) + base) & last] += weight


@row
def spread(words, weights, value, ring, base, last):
    for k in range(words.size):
        ring[(np.uint64(words[k]) + base) & last] += F(weights[k]) * value


@part
def run(address, worker, step):
    d = carray(at(address, numba.int64), SIZE)
    last = np.uint64(d[LAST])
    base = np.uint64((step + d[DELAY]) << d[BITS]) & last
    ring = carray(at(d[RING], KIND), d[LAST] + 1)
    one = carray(at(d[WEIGHT], numba.float64), 1)[0]
    offsets = carray(at(d[OFFSETS], numba.int64), d[SPIKE_PARTS] * d[ROW])
    k = step - d[FIRST]
    for p in range(worker, d[PARTS], d[WORKERS]):
        pointers = carray(at(d[POINTERS] + 8 * p * d[SOURCES], numba.int64), d[SOURCES] + 1)
        for q in range(d[SPIKE_PARTS]):
            begin, end = offsets[q * d[ROW] + k], offsets[q * d[ROW] + k + 1]
            spikes = carray(at(d[SPIKES] + 4 * q * d[ROOM], numba.int32), end)
            for e in range(begin, end):
                low, high = pointers[spikes[e]], pointers[spikes[e] + 1]
                if e + 1 < end:
                    following = pointers[spikes[e + 1]]
                    for line in range(4):
                        prefetch(d[WORDS] + 4 * following + 64 * line)
                words = carray(at(d[WORDS] + 4 * low, numba.uint32), high - low)
                value = F(1.0)
                if d[VALUES] != 0:
                    value = carray(at(d[VALUES], KIND), q * d[ROOM] + e + 1)[q * d[ROOM] + e]
                if d[WEIGHTS] == 0:
                    spread_one(words, F(one) * value, ring, base, last)
                elif d[DOUBLE] != 0:
                    spread(words, carray(at(d[WEIGHTS] + 8 * low, numba.float64), high - low), value, ring, base, last)
                else:
                    spread(words, carray(at(d[WEIGHTS] + 4 * low, numba.float32), high - low), value, ring, base, last)
