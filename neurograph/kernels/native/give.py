"""What a step is given: random numbers of the seed, the population and the step, and listed events."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, bits, mixed, part, row

# parts, workers, bounds, values, kind (0 uniform, 1 normal, 2 poisson, 3 events, 4 table), key, then for normal the table; for
# poisson: how many draws a count is the sum of, groups, their ends, ends of their thresholds, thresholds; for events:
# steps, neurons, how many; for a table: itself, steps of a row, columns (1: all neurons alike), rows
PARTS, WORKERS, BOUNDS, VALUES, WHAT, KEY, TABLE, DRAWS = 0, 1, 2, 3, 4, 5, 6, 7
GROUPS, ENDS, CUTS, THRESHOLDS, STEPS, NEURONS, EVENTS, SCRATCH = 8, 9, 10, 11, 12, 13, 14, 15
SIZE = 16
F = np.float64
KIND = numba.float64
STEP_BITS = np.uint64(0x9E3779B97F4A7C15)
BLOCK = 1024


@row
def uniform(out, key, first):
    for i in range(out.size):
        raw = bits(key, first + i)
        if F is np.float32:
            out[i] = F(raw >> np.uint64(40)) * F(2.0**-24)
        else:
            out[i] = F(raw >> np.uint64(11)) * F(2.0**-53)


@row
def normal(out, key, first, table):
    for i in range(out.size):
        raw = bits(key, first + i)
        step = (raw >> np.uint64(52)) & np.uint64(2047)
        column = step
        if step == np.uint64(2047):
            column = np.uint64(2049) + ((raw >> np.uint64(41)) & np.uint64(2047))
        inside = np.float64(raw & np.uint64((1 << 41) - 1)) * 2.0**-41
        low = table[column]
        value = low + (table[column + np.uint64(1)] - low) * inside
        out[i] = F(value if raw >> np.uint64(63) == np.uint64(0) else -value)


@row
def raw_words(out, key, first):
    for i in range(out.size):
        out[i] = bits(key, first + i)


@row
def reach(counts, words, cut):
    for i in range(counts.size):
        counts[i] += np.int32(1) if words[i] >= cut else np.int32(0)


@row
def clear(counts):
    for i in range(counts.size):
        counts[i] = np.int32(0)


@row
def to_values(out, counts):
    for i in range(out.size):
        out[i] = F(counts[i])


@row
def poisson(out, key, first, position, words, doubles, counts, cuts, draws, size):
    """Counts of neurons first .. first + n of one mean; draw `part` of neuron i is 32-bit word part * size + i."""
    n = out.size
    clear(counts[:n])
    for draw in range(draws):
        begin = draw * size + first
        even = begin & ~1
        raw_words(doubles[: (n + 3) // 2], key, even // 2)
        shifted = words[begin - even : begin - even + n]
        for k in range(cuts.size):
            reach(counts[:n], shifted, cuts[k])
    to_values(out, counts[:n])


@part
def run(address, worker, step):
    d = carray(at(address, numba.int64), SIZE)
    bounds = carray(at(d[BOUNDS], numba.int64), d[PARTS] + 1)
    n = bounds[d[PARTS]]
    values = carray(at(d[VALUES], KIND), n)
    key = mixed(np.uint64(d[KEY]) + (np.uint64(step) + np.uint64(1)) * STEP_BITS)
    # 12 KiB of scratch a worker: words, and counts
    scratch = d[SCRATCH] + worker * 16384
    doubles = carray(at(scratch, numba.uint64), BLOCK // 2 + 2)
    words = carray(at(scratch, numba.uint32), BLOCK + 4)
    counts = carray(at(scratch + 8192, numba.int32), BLOCK)
    for p in range(worker, d[PARTS], d[WORKERS]):
        low, high = bounds[p], bounds[p + 1]
        if d[WHAT] == 0:
            uniform(values[low:high], key, low)
        elif d[WHAT] == 1:
            normal(values[low:high], key, low, carray(at(d[TABLE], numba.float64), 2 * 2049))
        elif d[WHAT] == 2:
            ends = carray(at(d[ENDS], numba.int64), d[GROUPS])
            cuts = carray(at(d[CUTS], numba.int64), d[GROUPS])
            begin = 0
            for g in range(d[GROUPS]):
                first_cut = cuts[g - 1] if g > 0 else 0
                thresholds = carray(at(d[THRESHOLDS] + 4 * first_cut, numba.uint32), cuts[g] - first_cut)
                b = max(begin, low)
                while b < min(ends[g], high):
                    e = min(b + BLOCK, ends[g], high)
                    poisson(values[b:e], key, b, 0, words, doubles, counts, thresholds, d[DRAWS], n)
                    b = e
                begin = ends[g]
        elif d[WHAT] == 4:
            columns, now = d[GROUPS], min(step // d[DRAWS], d[EVENTS] - 1)
            table = carray(at(d[TABLE] + now * columns * values.itemsize, KIND), columns)
            for i in range(low, high):
                values[i] = table[i if columns > 1 else 0]
        else:
            for i in range(low, high):
                values[i] = F(0.0)
            steps = carray(at(d[STEPS], numba.int64), d[EVENTS])
            neurons = carray(at(d[NEURONS], numba.int64), d[EVENTS])
            e = np.searchsorted(steps, step)
            while e < d[EVENTS] and steps[e] == step:
                if low <= neurons[e] < high:
                    values[neurons[e]] += F(1.0)
                e += 1
