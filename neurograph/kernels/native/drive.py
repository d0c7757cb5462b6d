"""The driver: takes steps, meeting the other workers once per period, the shortest delay of the network."""

import numba
import numpy as np
from numba import carray

from neurograph.kernels.runtime import at, call_part, call_plain, entry, fetch_add, load, row, store

# of the call: who comes next, workers, first step, step after the last, period, updates and their table,
# deliveries and their table, steps done, arrived at the meeting, meetings, sched_yield, checks and their table
NEXT, WORKERS, FIRST, LAST, PERIOD = 0, 1, 2, 3, 4
UPDATES, UPDATE_TABLE, DELIVERIES, DELIVERY_TABLE, DONE = 5, 6, 7, 8, 9
ARRIVED, MEETINGS, YIELD, CHECKS, CHECK_TABLE = 10, 18, 12, 13, 14
SIZE = 32
F = np.float64


@row
def meet(address, workers, give_way):
    """Wait for the other workers; whoever waits long lets others have the core."""
    if workers == 1:
        return
    meeting = load(address + 8 * MEETINGS)
    if fetch_add(address + 8 * ARRIVED, 1) == workers - 1:
        store(address + 8 * ARRIVED, 0)
        store(address + 8 * MEETINGS, meeting + 1)
        return
    waited = 0
    while load(address + 8 * MEETINGS) == meeting:
        waited += 1
        if waited > 20000:
            call_plain(give_way)
            waited = 19900


@row
def room_left(checks, table, step):
    """Whether every list of spikes can take all neurons firing in each step of a period."""
    for c in range(checks):
        # the rows: address of offsets, length of a row of them, parts, room of a part, needed at most, first step
        check = carray(at(table + 48 * c, numba.int64), 6)
        offsets = carray(at(check[0], numba.int64), check[1] * check[2])
        for p in range(check[2]):
            if check[3] - offsets[p * check[1] + step - check[5]] < check[4]:
                return False
    return True


@entry
def run(address):
    call = carray(at(address, numba.int64), SIZE)
    worker = fetch_add(address, 1)
    workers, last, period = call[WORKERS], call[LAST], call[PERIOD]
    updates = carray(at(call[UPDATE_TABLE], numba.int64), (call[UPDATES], 2))
    deliveries = carray(at(call[DELIVERY_TABLE], numba.int64), (call[DELIVERIES], 2))
    step = call[FIRST]
    while step < last and room_left(call[CHECKS], call[CHECK_TABLE], step):
        end = min(step + period, last)
        for s in range(step, end):
            for k in range(call[UPDATES]):
                call_part(updates[k, 0], updates[k, 1], worker, s)
        meet(address, workers, call[YIELD])
        for s in range(step, end):
            for k in range(call[DELIVERIES]):
                call_part(deliveries[k, 0], deliveries[k, 1], worker, s)
        meet(address, workers, call[YIELD])
        step = end
    if worker == 0:
        call[DONE] = step
