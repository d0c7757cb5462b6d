"""Bytes to frames, for a whole batch: what pack_frames wrote. Bytes that cannot be right are counted, never followed."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, entry

# addresses of the bytes of each row, their lengths, rows, cells of a row, frames out (zeros), whole (1: counts), the
# number of the first row that is damaged, counted from 1
BYTES, LENGTHS, ROWS, CELLS, OUT, WHOLE, FAILED = 0, 1, 2, 3, 4, 5, 6
SIZE = 7
KIND = numba.float64


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    starts = carray(at(d[BYTES], numba.int64), d[ROWS])
    lengths = carray(at(d[LENGTHS], numba.int64), d[ROWS])
    n = d[CELLS]
    frames = carray(at(d[OUT], KIND), d[ROWS] * n)
    for row in range(d[ROWS]):
        length = lengths[row]
        data = carray(at(starts[row], numba.uint8), length)
        floats = carray(at(starts[row] + 4, KIND), 1)
        base = row * n
        place = 0
        k = 0
        stored = 0
        taken = 0
        if d[WHOLE] == 0:
            stored = np.int64(carray(at(starts[row], numba.uint32), 1)[0]) if length >= 4 else 0
            k = 4 + 4 * stored
            floats = carray(at(starts[row] + 4, KIND), stored)
        right = k <= length
        while right and k < length:
            code = np.int64(data[k])
            k += 1
            low = code & 7
            if low == 0:
                place += 32 * ((code >> 3) + 1)
                continue
            place += code >> 3
            if d[WHOLE] == 0:
                if place + low > n or taken + low > stored:
                    right = False
                    break
                for j in range(low):
                    frames[base + place + j] = floats[taken + j]
                place += low
                taken += low
                continue
            if place >= n:
                right = False
                break
            value = low
            if low == 7:
                shift = 0
                more = True
                while more and k < length and shift < 21:
                    byte = np.int64(data[k])
                    k += 1
                    value += (byte & 127) << shift
                    shift += 7
                    more = byte > 127
                if more:
                    right = False
                    break
            frames[base + place] = value
            place += 1
        if not right or place > n or taken != stored:
            d[FAILED] = row + 1
            return
