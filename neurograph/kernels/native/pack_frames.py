"""Frames to bytes: gaps and counts of the cells that are not zero. See neurograph/data/frame_shard.py for the code."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, entry

# frames, cells, bytes out, its length, whole (1: counts; 0: the values themselves are kept, four bytes each)
FRAMES, CELLS, OUT, LENGTH, WHOLE = 0, 1, 2, 3, 4
SIZE = 5
KIND = numba.float64


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    n = d[CELLS]
    frames = carray(at(d[FRAMES], KIND), n)
    out = carray(at(d[OUT], numba.uint8), 5 * n + n // 32 + 16)
    floats = carray(at(d[OUT] + 4, KIND), n)
    stored = 0
    k = 0
    if d[WHOLE] == 0:
        for i in range(n):
            if frames[i] != 0:
                floats[stored] = frames[i]
                stored += 1
        carray(at(d[OUT], numba.uint32), 1)[0] = np.uint32(stored)
        k = 4 + 4 * stored
    i = 0
    done = 0
    while i < n:
        if frames[i] == 0:
            i += 1
            continue
        gap = i - done
        while gap > 31:
            blocks = min(gap // 32, 32)
            out[k] = np.uint8((blocks - 1) << 3)
            k += 1
            gap -= 32 * blocks
        if d[WHOLE] == 0:
            length = 1
            while length < 7 and i + length < n and frames[i + length] != 0:
                length += 1
            out[k] = np.uint8((gap << 3) | length)
            k += 1
            i += length
        else:
            value = np.int64(frames[i])
            out[k] = np.uint8((gap << 3) | min(value, 7))
            k += 1
            if value >= 7:
                value -= 7
                while value > 127:
                    out[k] = np.uint8((value & 127) | 128)
                    k += 1
                    value >>= 7
                out[k] = np.uint8(value)
                k += 1
            i += 1
        done = i
    d[LENGTH] = k
