"""The pairs of a rule, unit by unit: counted per row in one pass, put into their rows in the next.

A row is one source and one part of the targets. Both passes draw the same numbers.
"""

# mypy: ignore-errors
import numba
import numpy as np
from numba import carray

from neurograph.connectivity.native.common import DRAWN, KIND, MANY, TABLE, at, bits, draw_many, entry, fetch_add, row
from neurograph.connectivity.native.stubs import pairs

# work taken, workers arrived, place (else count), groups of units, units of a group, groups taken at a time, sources,
# targets, keys of pairs and delays, the rule's numbers and arrays (address, length), marks (address, length),
# buffers (address, room of one), targets of a part, cursors of the rows (address, length, apart for each of so many
# workers; 0: one for all), words (address, length), bits of a target, shortest delay, delays are (0 one, 1 drawn,
# 2 listed, 3 a matrix), their numbers, array (address, length), table, extremes of the delays, given weights
# (address; 0: none), weights, shared (workers meet in a row), a group is one row
(NEXT, ARRIVED, PLACE, GROUPS, SIZE_OF_GROUP, GRAIN, PRES, POSTS, KEY, DELAY_KEY, NUMBERS, N_NUMBERS, ARRAYS, N_ARRAYS,
 MARKS, N_MARKS, BUFFERS, ROOM, PART, CURSORS, N_CURSORS, APART, WORDS, N_WORDS, BITS, SHORTEST, DELAYED, DELAY_NUMBERS,
 DELAYS, N_DELAYS, LOOKUP, EXTREMES, GIVEN, WEIGHTS, SHARED, ONE_ROW) = range(36)  # fmt: skip
SIZE = 36


@row
def fill_steps(unit, n, pre, post, key, d, numbers, table, delays, raws, values, steps):
    """The delays of a unit's pairs in steps."""
    if DRAWN:
        dt = numbers[4]
        for start in range(0, n, MANY):
            m = min(MANY, n - start)
            for j in range(m):
                raws[j] = bits(key, start + j)
            draw_many(raws[:m], values[:m], numbers, table)
            for j in range(m):
                rounded = np.floor(min(max(values[j] / dt + 0.5, -1.0), 2.0**32))
                steps[start + j] = np.int64(rounded)
    elif d[DELAYED] == 2:
        for j in range(n):
            steps[j] = delays[unit * d[ROOM] + j]
    else:
        for j in range(n):
            steps[j] = delays[np.int64(post[j]) * d[PRES] + pre[j]]


@row
def tally(n, pre, post, d, part_size, address, cursors):
    """Count a unit's pairs in their rows."""
    if d[ONE_ROW] != 0:
        cursors[pre[0]] += n
        return
    for j in range(n):
        r = np.int64(pre[j])
        if part_size < d[POSTS]:
            r += np.int64(np.uint32(post[j]) // np.uint32(part_size)) * d[PRES]
        if d[SHARED] != 0:
            fetch_add(address + 8 * r, 1)
        else:
            cursors[r] += 1


@row
def put(n, pre, post, packed, first, d, part_size, address, cursors, words, weights, given):
    """Put a unit's words, and weights that come with them, where the cursors of their rows stand."""
    if d[ONE_ROW] != 0 and d[GIVEN] == 0:
        place = cursors[pre[0]]
        for j in range(n):
            words[place + j] = packed[j]
        cursors[pre[0]] = place + n
        return
    for j in range(n):
        r = np.int64(pre[j])
        if part_size < d[POSTS]:
            r += np.int64(np.uint32(post[j]) // np.uint32(part_size)) * d[PRES]
        if d[SHARED] != 0:
            place = fetch_add(address + 8 * r, 1)
        else:
            place = cursors[r]
            cursors[r] = place + 1
        words[place] = packed[j]
        if d[GIVEN] != 0:
            weights[place] = given[first + j]


@entry
def run(address):
    d = carray(at(address, numba.int64), SIZE)
    worker = fetch_add(address + 8 * ARRIVED, 1)
    room = d[ROOM]
    buffer = d[BUFFERS] + (16 * room + 16 * MANY) * worker
    steps = carray(at(buffer, numba.int64), room)
    raws = carray(at(buffer + 8 * room, numba.uint64), MANY)
    values = carray(at(buffer + 8 * room + 8 * MANY, numba.float64), MANY)
    pre = carray(at(buffer + 8 * room + 16 * MANY, numba.int32), room)
    post = carray(at(buffer + 12 * room + 16 * MANY, numba.int32), room)
    marks = carray(at(d[MARKS] + 8 * d[N_MARKS] * worker, numba.uint64), d[N_MARKS])
    numbers = carray(at(d[NUMBERS], numba.float64), d[N_NUMBERS])
    arrays = carray(at(d[ARRAYS], numba.int64), d[N_ARRAYS])
    own_cursors = d[CURSORS] + (8 * d[N_CURSORS] * worker if d[APART] != 0 else 0)
    cursors = carray(at(own_cursors, numba.int64), d[N_CURSORS])
    words = carray(at(d[WORDS], numba.uint32), d[N_WORDS])
    weights = carray(at(d[WEIGHTS], KIND), d[N_WORDS])
    given = carray(at(d[GIVEN], KIND), d[N_WORDS])
    delays = carray(at(d[DELAYS], numba.int32), d[N_DELAYS])
    delay_numbers = carray(at(d[DELAY_NUMBERS], numba.float64), 6)
    table = carray(at(d[LOOKUP], numba.float64), TABLE)
    extremes = carray(at(d[EXTREMES] + 64 * worker, numba.int64), 2)
    key, delay_key = np.uint64(d[KEY]), np.uint64(d[DELAY_KEY])
    lowest, highest = extremes[0], extremes[1]
    total = d[GROUPS] * d[SIZE_OF_GROUP]
    while True:
        # with cursors of their own, workers have to do the same units in both passes
        turn = fetch_add(address + 8 * NEXT, 1) if d[APART] == 0 else worker
        first, last = turn * d[GRAIN] * d[SIZE_OF_GROUP], (turn + 1) * d[GRAIN] * d[SIZE_OF_GROUP]
        if d[APART] != 0:
            first, last = total * worker // d[APART], total * (worker + 1) // d[APART]
        if first >= total:
            break
        for unit in range(first, min(last, total)):
            n = pairs(unit, key, d[PRES], d[POSTS], numbers, arrays, marks, pre, post)
            if n == 0:
                continue
            if d[DELAYED] != 0:
                own = bits(delay_key, unit)
                fill_steps(unit, n, pre, post, own, d, delay_numbers, table, delays, raws, values, steps)
            if d[PLACE] == 0:
                tally(n, pre, post, d, d[PART], own_cursors, cursors)
                for j in range(n if d[DELAYED] != 0 else 0):
                    lowest, highest = min(lowest, steps[j]), max(highest, steps[j])
                continue
            for j in range(n):
                delay = steps[j] - d[SHORTEST] if d[DELAYED] != 0 else 0
                steps[j] = np.int64(post[j]) | delay << d[BITS]
            put(n, pre, post, steps, unit * room, d, d[PART], own_cursors, cursors, words, weights, given)
        if d[APART] != 0:
            break
    extremes[0], extremes[1] = lowest, highest
