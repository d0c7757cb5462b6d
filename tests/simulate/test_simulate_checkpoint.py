"""A saved simulation goes on to the last bit, and a file that is not whole is refused."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@DTYPES
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 3), (3, 2)])
def test_a_loaded_simulation_goes_on(dtype: str, before: int, after: int, networks: Any, tmp_path: Path) -> None:
    whole = networks.compiled(networks.mixed(), dtype).run(60)
    first = networks.compiled(networks.mixed(), dtype, threads=before, share_above=0).run(23.3)
    first.save(tmp_path / "at.h5")
    second = networks.compiled(networks.mixed(), dtype, threads=after, share_above=0)
    second.run(3.1)  # what it was at before does not matter
    second.load(tmp_path / "at.h5")
    assert second.step == 233
    second.run(36.7), first.run(36.7)
    ours, theirs = networks.state_of(whole), networks.state_of(second)
    assert [n for n in ours if not np.array_equal(ours[n], theirs[n])] == []
    assert networks.differences(whole, first) == []  # saving changes nothing
    for key, record in whole.records.items():
        steps, values = record.result()
        late, found = second.records[key].result()
        count = int(np.sum(steps >= 233))
        assert count and np.array_equal(steps[steps >= 233], late[len(late) - count :])
        assert np.array_equal(values[steps >= 233], found[len(found) - count :])


def test_checkpoints_of_a_run(networks: Any, tmp_path: Path, monkeypatch: Any) -> None:
    sim, steps = networks.compiled(networks.mixed()), []
    whole = networks.compiled(networks.mixed()).run(20)
    save = type(sim).save
    monkeypatch.setattr(type(sim), "save", lambda s, p: (steps.append(s.step), save(s, p)))
    sim.run(10, save_to=tmp_path / "x.h5", save_every=3).run(10, save_to=tmp_path / "y.h5")
    assert steps == [30, 60, 90, 100, 200] and networks.differences(sim, whole) == []
    for name in ("x.h5", "y.h5"):
        other = networks.compiled(networks.mixed())
        other.load(tmp_path / name)
        other.run(20.1 - other.time)
        ours, theirs = networks.state_of(networks.compiled(networks.mixed()).run(20.1)), networks.state_of(other)
        assert all(np.array_equal(ours[n], theirs[n]) for n in ours)
    with pytest.raises(ng.DataError, match="saving to"):
        sim.run(5, save_to=tmp_path / "no" / "x.h5", save_every=1)
    assert sim.step == 210


def test_before_the_first_step_and_at_once(networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(networks.mixed())
    sim.save(tmp_path / "start.h5")
    sim.run(5).save(tmp_path / "now.h5")
    other = networks.compiled(networks.mixed())
    other.load(tmp_path / "now.h5")
    ours, theirs = networks.state_of(sim), networks.state_of(other)
    assert all(np.array_equal(ours[n], theirs[n]) for n in ours) and other.step == sim.step
    other.load(tmp_path / "start.h5")
    fresh = networks.compiled(networks.mixed())
    ours, theirs = networks.state_of(fresh), networks.state_of(other)
    assert all(np.array_equal(ours[n], theirs[n]) for n in ours) and other.step == 0


def test_signals_and_parameters_that_were_set_come_along(networks: Any, tmp_path: Path) -> None:
    def changed(sim: Any) -> Any:
        sim.signal("reward", 0.75)
        sim.set("taught.a_plus", 0.3)
        sim.set("target.v_th", np.linspace(-60.0, -55.0, 10))
        sim.set("source.rate", 700)
        return sim

    whole = changed(networks.compiled(networks.reward()).run(10)).run(40)
    half = changed(networks.compiled(networks.reward()).run(10)).run(13)
    half.save(tmp_path / "half.h5")
    for other in (networks.compiled(networks.reward()), half):
        other.load(tmp_path / "half.h5")
        assert other.signals == {"reward": 0.75} and other.get("source.rate") == 700
        assert other.get("taught.a_plus") == 0.3
        other.run(27)
        ours, theirs = networks.state_of(whole), networks.state_of(other)
        assert all(np.array_equal(ours[n], theirs[n]) for n in ours)


def test_parameters_set_after_the_checkpoint_are_taken_back(networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(networks.reward()).run(10)
    sim.set("target.tau_m", 15.0)
    sim.save(tmp_path / "before.h5")
    expected = networks.state_of(sim.run(20))
    sim.set("target.v_th", -50.0), sim.set("target.t_ref", 0.0), sim.set("taught.a_plus", 0.5)
    sim.set("target.tau_m", np.full(10, 3.0))
    sim.load(tmp_path / "before.h5")
    assert sim.get("target.v_th") == -55.0 and sim.get("target.tau_m") == 15.0
    found = networks.state_of(sim.run(20))
    assert all(np.array_equal(expected[n], found[n]) for n in expected)


def test_a_population_may_have_any_name(tmp_path: Path) -> None:
    for name in ("changed", "state", "parameters", "history", "a.changed.state", "step"):
        graph = ng.Graph()
        graph.population(name, ng.LIF(v_rest=1.0), 3)
        sim = ng.compile(graph, "numba").run(3)
        sim.set(f"{name}.tau", 7.0)
        sim.save(tmp_path / "x.h5")
        other = ng.compile(graph, "numba")
        other.load(tmp_path / "x.h5")
        assert other.step == 3 and other.get(f"{name}.tau") == 7.0


def chain(weight: Any = 2.0, v_rest: Any = 1.0, times: Any = (1.0, 2.0), size: int = 5, **options: Any) -> Any:
    graph = ng.Graph("chain")
    source = graph.population("source", ng.SpikeList(times, [0] * len(times)), size)
    cells = graph.population("cells", ng.LIF(v_rest=v_rest), size)
    graph.connect(source, cells, ng.Explicit(np.arange(5), np.arange(5)), weight=weight, delay=1.0)
    graph.connect(source, cells, weight=np.linspace(0, 1, size) * np.mean(weight), delay=2.0)
    return ng.compile(graph, "numba", **{"dt": 0.1, "dtype": "float64", **options})


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1}, {"dtype": "float32"}, {"dt": 0.2}, {"weight": np.arange(5.0)}, {"v_rest": np.ones(5)},
        {"v_rest": 1.5}, {"times": (1.0, 2.5)}, {"size": 6},
    ],
    ids=lambda o: next(iter(o)),
)  # fmt: skip
def test_the_checkpoint_of_another_network_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    chain().run(1).save(tmp_path / "x.h5")
    chain().load(tmp_path / "x.h5")
    sim = chain(**other)
    with pytest.raises(ng.FormatError, match=r"another network|this network needs"):
        sim.load(tmp_path / "x.h5")
    assert sim.step == 0


def test_weights_are_part_of_a_network(tmp_path: Path) -> None:
    weights = [np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0, 5.0, 4.5])]
    chain(weights[0]).save(tmp_path / "x.h5")
    with pytest.raises(ng.FormatError, match="another network"):
        chain(weights[1]).load(tmp_path / "x.h5")


def test_what_is_no_checkpoint_is_refused(networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(networks.mixed()).run(5)
    sim.save(tmp_path / "good.h5")
    good = (tmp_path / "good.h5").read_bytes()
    before, rng, bad = networks.state_of(sim), np.random.default_rng(0), tmp_path / "bad.h5"
    for content in (b"", b"no", rng.bytes(5000), good[:8] + rng.bytes(len(good) - 8)):
        bad.write_bytes(content)
        with pytest.raises(ng.FormatError, match=r"bad\.h5: cannot be read as a simulation checkpoint"):
            sim.load(bad)
    accepted = 0
    damaged = [good[: int(n)] for n in np.linspace(0, len(good) - 1, 25)]
    for k in range(60):
        touched = bytearray(good)
        for place in rng.integers(0, len(good) if k % 2 else 20_000, 8):
            touched[place] = rng.integers(256)
        damaged.append(bytes(touched))
    for content in damaged:
        bad.write_bytes(content)
        try:
            sim.load(bad)
            accepted += 1  # what was damaged is not read, or was cut off zeros that HDF5 fills in
        except ng.FormatError as error:
            assert "bad.h5" in str(error)
        after = networks.state_of(sim)
        assert all(np.array_equal(before[n], after[n]) for n in before) and sim.step == 50
    assert accepted < 40
    with pytest.raises(ng.DataError, match=r"none\.h5: there is no such file"):
        sim.load(tmp_path / "none.h5")
    with pytest.raises(ng.FormatError, match="cannot be read"):
        sim.load(tmp_path)
    import h5py

    with h5py.File(bad, "w") as file:
        file["x"] = 1.0
    with pytest.raises(ng.FormatError, match="is no simulation checkpoint"):
        sim.load(bad)


def test_where_nothing_can_be_saved(networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(networks.plain(20))
    for path in (tmp_path / "no" / "x.h5", tmp_path):
        with pytest.raises(ng.DataError, match=r"saving to .*"):
            sim.save(path)
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, signal, sys
from pathlib import Path
import neurograph as ng
from networks import compiled, mixed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sim = compiled(mixed()).run(5)
sim.save("x.h5")
before = Path("x.h5").read_bytes()
sim.run(5)
for limit in (0, 1000, 50_000, len(before) - 1000, len(before) + 5000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        sim.save("x.h5")
    except ng.DataError as error:
        print(error)
    assert Path("x.h5").read_bytes() == before and len(list(Path(".").iterdir())) == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sim.save("x.h5")
other = compiled(mixed())
other.load("x.h5")
print(other.step)
"""


def test_a_full_disk_leaves_the_old_checkpoint(finish: Callable[..., list[str]]) -> None:
    *errors, step = finish(FULL)
    assert step == "100" and len(errors) == 5
    assert all("File too large" in e and "What was there before is unchanged" in e for e in errors)


FOREVER = """
import sys, time
from networks import compiled, mixed
sim = compiled(mixed(), threads=2, share_above=0)
while True:
    sim.run(1.7)
    sim.save("at.h5")
    print(sim.step, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_from_the_last_checkpoint(
    start: Callable[..., subprocess.Popen[str]], networks: Any, tmp_path: Path
) -> None:
    for wait in (0.0, 0.021):
        process = start(FOREVER)
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        resumed = networks.compiled(networks.mixed())
        resumed.load(tmp_path / "at.h5")
        assert resumed.step >= 51 and resumed.step % 17 == 0
        whole = networks.compiled(networks.mixed()).run((resumed.step + 100) * 0.1)
        resumed.run(10)
        ours, theirs = networks.state_of(whole), networks.state_of(resumed)
        assert all(np.array_equal(ours[n], theirs[n]) for n in ours)
