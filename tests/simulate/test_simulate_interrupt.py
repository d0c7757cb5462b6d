"""Ctrl-C ends a run between two windows; what was recorded is there, and the run can go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

AGAIN = """
import os, signal, sys, threading
import neurograph as ng
from networks import compiled, differences, mixed
how, steps = sys.argv[1], 60_000
graph = mixed(plastic=False)
sim, stops = compiled(graph, threads=2 if how == "threads" else 1, share_above=0), 0
parts = []
while sim.step < steps:
    timer = threading.Timer(0.02 + 0.013 * stops, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        sim.run((steps - sim.step) * 0.1)
        timer.cancel()
        timer.join()
    except KeyboardInterrupt:
        pass  # before or after the run
    stops += sim.interrupted
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(stops, differences(compiled(graph).run(steps * 0.1), sim))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["one", "threads"])
def test_interrupted_over_and_over_it_computes_the_same(how: str, finish: Callable[..., list[str]]) -> None:
    stops, differences = finish(AGAIN, how)[-1].split(maxsplit=1)
    assert int(stops) >= 2 and differences == "[]"


SESSION = """
import sys
import neurograph as ng
from networks import compiled, differences, mixed
sim = compiled(mixed())
sim.run(1)
print("go", flush=True)
sim.run(1e8, record_to="r.h5" if sys.argv[1] == "file" else None)
print(sim.interrupted, sim.step, flush=True)
more = 200
sim.run(more * 0.1)
print(sim.interrupted, sim.step)
if sys.argv[1] != "file":
    print(differences(compiled(mixed()).run(sim.step * 0.1), sim) if sim.step < 400_000 else [])
"""


@pytest.mark.parametrize("where", ["memory", "file"])
def test_ctrl_c_in_a_long_run(where: str, start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = start(SESSION, where)
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0 and "stopped at" in err and "what was recorded is kept" in err, err
    (stopped, step), (again, later), *rest = [line.split(maxsplit=1) for line in out.splitlines()]
    assert stopped == "True" and again == "False" and int(later) == int(step) + 200 and 10 < int(step) < 10**9
    assert rest in ([], [["[]"]])
    if where == "file":
        at, values = ng.read_record(tmp_path / "r.h5", "exc.v")
        assert np.array_equal(at, np.arange(10, int(step))) and len(values) == len(at)


class Slow:
    def __init__(self, asks: int):
        self.calls, self.asks = 0, asks

    def step(self, counts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
        self.calls += 1
        if self.calls == 3:
            for _ in range(self.asks):
                os.kill(os.getpid(), signal.SIGINT)
        return {}, {}


def test_in_a_closed_loop_the_environment_finishes_its_step(networks: Any, tmp_path: Path) -> None:
    sim, slow = networks.compiled(networks.plain()), Slow(1)
    # a checkpoint in the middle of a stretch is not the end of it
    sim.run(10, environment=slow, every=1, save_to=tmp_path / "at.h5", save_every=0.3)
    assert sim.interrupted and slow.calls == 3 and sim.step == 30
    saved = networks.compiled(networks.plain())
    saved.load(tmp_path / "at.h5")
    assert saved.step == 30
    sim.run(7, environment=slow, every=1)
    assert not sim.interrupted and slow.calls == 10
    assert networks.differences(sim, networks.compiled(networks.plain()).run(10)) == []


def test_a_second_ctrl_c_leaves_an_environment_that_hangs(networks: Any) -> None:
    sim, slow = networks.compiled(networks.plain()), Slow(2)
    sim.run(10, environment=slow, every=1)
    assert sim.interrupted and sim.step == 30
    assert networks.differences(sim.run(7), networks.compiled(networks.plain()).run(10)) == []


def test_a_handler_of_the_callers_stays(networks: Any) -> None:
    before, calls = signal.getsignal(signal.SIGINT), []
    try:
        signal.signal(signal.SIGINT, lambda *a: calls.append(a))
        threading.Timer(0.01, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        sim = networks.compiled(networks.plain(20))
        while not calls:
            sim.run(50)
        assert not sim.interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_in_another_thread_leaves_signals_alone(networks: Any) -> None:
    sim = networks.compiled(networks.plain(20))
    thread = threading.Thread(target=lambda: sim.run(10))
    thread.start(), thread.join()
    assert sim.step == 100


def test_an_error_of_the_environment_is_the_callers(networks: Any) -> None:
    class Broken:
        def step(self, counts: dict[str, Any]) -> Any:
            raise ZeroDivisionError("mine")

    sim = networks.compiled(networks.plain())
    with pytest.raises(ZeroDivisionError, match="mine"):
        sim.run(10, environment=Broken(), every=2.5)
    assert sim.step == 25 and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert networks.differences(sim.run(7.5), networks.compiled(networks.plain()).run(10)) == []
