"""What the kernels share: whole numbers from bits, bounded draws and the sorting of a row."""

# mypy: ignore-errors
# ruff: noqa: F401, SIM110
import numba
import numpy as np
from numba import carray

from neurograph.connectivity.native.stubs import draw
from neurograph.kernels.runtime import GOLDEN, at, bits, entry, fetch_add, mixed, row

KIND = numba.float64
DRAWN = True  # whether a distribution is pasted in
TABLE = 2 * 2049
TRIES = 64
MANY = 512  # draws at once
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@numba.njit(error_model="numpy", inline="always")
def below(raw, n):
    """A whole number in [0, n), n < 2**32, from 64 random bits; what they leave over is raw * n."""
    size = np.uint64(n)
    return np.int64(((raw >> _HALF) * size + (((raw & _LOW) * size) >> _HALF)) >> _HALF)


@row
def distinct(key, k, n, marks, out):
    """k different numbers below n into `out`; marks are n bits, all 0 before and after."""
    taken = k if 2 * k <= n else n - k
    count, i = 0, 0
    while count < taken:
        c = below(bits(key, i), n)
        i += 1
        bit = np.uint64(1) << np.uint64(c & 63)
        if marks[c >> 6] & bit == 0:
            marks[c >> 6] |= bit
            if taken == k:
                out[count] = c
            count += 1
    if taken == k:
        for j in range(k):
            marks[out[j] >> 6] = 0
        return
    # of more than half, it is quicker to draw those left out
    count = 0
    for c in range(n):
        if marks[c >> 6] & (np.uint64(1) << np.uint64(c & 63)) == 0:
            out[count] = c
            count += 1
    marks[:] = 0


@row
def bounded(raw, numbers, table):
    """A draw within numbers[0] .. numbers[1]; see Distribution.sample."""
    value = draw(raw, numbers, table)
    tries = 0
    while (value < numbers[0] or value > numbers[1]) and tries < TRIES:
        raw = mixed(raw + GOLDEN)
        value = draw(raw, numbers, table)
        tries += 1
    return min(max(value, numbers[0]), numbers[1])


@numba.njit(error_model="numpy", inline="always")
def int32s(address, n):
    """The int32 array at an address."""
    return carray(at(address, numba.int32), n)


@numba.njit(error_model="numpy", inline="always")
def int64s(address, n):
    """The int64 array at an address."""
    return carray(at(address, numba.int64), n)


@numba.njit(error_model="numpy", inline="always")
def float64s(address, n):
    """The float64 array at an address."""
    return carray(at(address, numba.float64), n)


@row
def draw_many(raws, values, numbers, table):
    """Bounded draws, vectorised; few are out of bounds."""
    for j in range(raws.size):
        values[j] = draw(raws[j], numbers, table)
    for j in range(raws.size):
        if values[j] < numbers[0] or values[j] > numbers[1]:
            values[j] = bounded(raws[j], numbers, table)


@row
def ordered(words):
    for i in range(1, words.size):
        if words[i] < words[i - 1]:
            return False
    return True


@row
def insert(words):
    for i in range(1, words.size):
        word = words[i]
        j = i
        while j > 0 and words[j - 1] > word:
            words[j] = words[j - 1]
            j -= 1
        words[j] = word


@row
def by_digit(words, out, shift, places):
    """One pass of a radix sort; False, with nothing moved, where all have the same digit."""
    places[:] = 0
    for i in range(words.size):
        places[(np.int64(words[i]) >> shift) & 255] += 1
    if places[(np.int64(words[0]) >> shift) & 255] == words.size:
        return False
    first = 0
    for k in range(256):
        held = places[k]
        places[k] = first
        first += held
    for i in range(words.size):
        digit = (np.int64(words[i]) >> shift) & 255
        out[places[digit]] = words[i]
        places[digit] += 1
    return True


@row
def copy(words, out):
    for i in range(words.size):
        out[i] = words[i]


@row
def sort(words, spare, places, low, high):
    """Sort by bits low .. high; stable."""
    if words.size < 48 and low == 0:
        insert(words)
        return
    there = False
    for shift in range(low, high, 8):
        if there:
            if by_digit(spare, words, shift, places):
                there = False
        elif by_digit(words, spare, shift, places):
            there = True
    if there:
        copy(spare, words)
