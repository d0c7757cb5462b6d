"""Events to frames: definitions, borders, and what must hold for any recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.data import (
    ByCount,
    ByDuration,
    ByNumber,
    ByTime,
    Events,
    FrameMaker,
    TimeSurface,
    VoxelGrid,
    frame_maker,
    frame_makers,
)
from neurograph.errors import DataError

EXAMPLES = {
    "by_number": ByNumber(4),
    "by_time": ByTime(4),
    "by_duration": ByDuration(300, 4),
    "by_count": ByCount(5, 4),
    "voxel_grid": VoxelGrid(4),
    "time_surface": TimeSurface(4, 200.0),
}
MAKERS = [pytest.param(maker, id=name) for name, maker in EXAMPLES.items()]
SENSOR = (2, 3, 5)


@st.composite
def recording(draw: st.DrawFn, least: int = 0) -> Events:
    n = draw(st.integers(least, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    t = np.sort(rng.integers(0, draw(st.integers(1, 2000)), n)) + draw(st.integers(0, 10**12))
    x, y, p = (rng.integers(0, high, n) for high in (5, 3, 2))
    return Events(t.astype(np.int64), x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), SENSOR)


def slow_counts(events: Events, frame_of: Callable[[int], int | None], steps: int) -> np.ndarray:
    """The definition, one event after the other."""
    out = np.zeros((steps, *events.sensor), np.uint16)
    for k in range(len(events)):
        j = frame_of(k)
        if j is not None:
            out[j, events.p[k], events.y[k], events.x[k]] += 1
    return out


def test_every_maker_is_tested() -> None:
    assert set(EXAMPLES) <= set(frame_makers())
    ours = {name for name in frame_makers() if FrameMaker.known[name].__module__.startswith("neurograph.")}
    assert ours == set(EXAMPLES)


@pytest.mark.parametrize("maker", MAKERS)
@given(events=recording())
@settings(max_examples=30, deadline=None)
def test_any_recording(maker: FrameMaker, events: Events) -> None:
    frames = maker(events)
    assert frames.shape == (maker.steps, *maker.shape(events.sensor)) and frames.dtype == maker.dtype
    assert np.isfinite(frames.astype(float)).all()
    later = dataclasses.replace(events, t=events.t + 12_345)
    assert np.array_equal(maker(later), frames), "a recording that starts later has the same frames"
    if not len(events):
        assert not frames.any()


@given(events=recording(1), steps=st.integers(1, 12), size=st.integers(1, 400))
@settings(max_examples=100, deadline=None)
def test_counts_are_their_definitions(events: Events, steps: int, size: int) -> None:
    n, t = len(events), [int(v) for v in events.t]
    first, span = t[0], t[-1] - t[0]
    number = ByNumber(steps)(events)
    by_number = [j for k in range(n) for j in range(steps) if j * n // steps <= k < (j + 1) * n // steps]
    assert np.array_equal(number, slow_counts(events, lambda k: by_number[k], steps))
    each = number.sum((1, 2, 3))
    assert int(each.sum()) == n and each.max() - each.min() <= 1
    equal = ByTime(steps)(events)
    assert int(equal.sum()) == n
    by_time = [min(steps - 1, (v - first) * steps // span) if span else 0 for v in t]
    assert np.array_equal(equal, slow_counts(events, lambda k: by_time[k], steps))
    kept = ByDuration(size, steps)(events)
    by_duration = [j if (j := (v - first) // size) < steps else None for v in t]
    assert np.array_equal(kept, slow_counts(events, lambda k: by_duration[k], steps))
    count = ByCount(size, steps)(events)
    assert np.array_equal(count, slow_counts(events, lambda k: k // size if k // size < steps else None, steps))
    assert int(count.sum()) == min(n, size * steps)


@given(events=recording(1), steps=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_values_are_their_definitions(events: Events, steps: int) -> None:
    t = [int(v) - int(events.t[0]) for v in events.t]
    grid = np.zeros((steps, 1, *SENSOR[1:]))
    for k, v in enumerate(t):
        u = (steps - 1) * v / t[-1] if t[-1] else 0.0
        for j in range(steps):
            grid[j, 0, events.y[k], events.x[k]] += (1 if events.p[k] else -1) * max(0.0, 1 - abs(j - u))
    assert np.allclose(VoxelGrid(steps)(events), grid, atol=1e-5)
    tau, surfaces = 300.0, np.zeros((steps, *SENSOR))
    for j in range(steps):
        end = (j + 1) * t[-1] / steps
        for k, v in enumerate(t):
            if (min(steps - 1, v * steps // t[-1]) if t[-1] else 0) <= j:
                surfaces[j, events.p[k], events.y[k], events.x[k]] = np.exp(-(end - v) / tau)
    assert np.allclose(TimeSurface(steps, tau)(events), surfaces, atol=1e-6)


def test_borders(events_at: Callable[..., Events]) -> None:
    def each(maker: FrameMaker, times: list[int]) -> list[int]:
        return [int(v) for v in maker(events_at(times)).sum((1, 2, 3))]

    assert each(ByTime(4), [0, 9, 10, 20, 29, 30, 40]) == [2, 1, 2, 2], (
        "on a border: the later; the last event: the last"
    )
    assert each(ByTime(4), [7]) == [1, 0, 0, 0]
    assert each(ByTime(3), [5, 5, 5]) == [3, 0, 0], "all at one time"
    assert each(ByNumber(4), [1, 2, 3]) == [0, 1, 1, 1], "fewer events than frames"
    assert each(ByNumber(4), list(range(10))) == [2, 3, 2, 3]
    assert each(ByDuration(10, 3), [5, 14, 15, 24, 34, 35]) == [2, 2, 1], "the last is beyond the last frame"
    assert each(ByCount(3, 2), [1, 2, 3, 4]) == [3, 1]
    assert each(ByCount(1, 2), [1, 2, 3, 4]) == [1, 1]


def test_one_channel_takes_both_polarities(events_at: Callable[..., Events]) -> None:
    spikes = events_at([1, 2, 3], (1, 1, 700), x=[699, 0, 699], p=[1, 0, 1])
    frames = ByNumber(1)(spikes)
    assert frames.shape == (1, 1, 1, 700) and frames[0, 0, 0, [0, 699]].tolist() == [1, 2]
    assert VoxelGrid(1)(spikes)[0, 0, 0, 699] == 2


def test_a_count_that_is_too_large(events_at: Callable[..., Events]) -> None:
    many = events_at(np.arange(65_536), (1, 1, 1))
    with pytest.raises(DataError, match="65536 events in one pixel"):
        ByNumber(1)(many)
    assert int(ByNumber(2)(many).max()) == 32_768


@pytest.mark.parametrize("maker", MAKERS)
def test_bad_events(maker: FrameMaker, events_at: Callable[..., Events]) -> None:
    with pytest.raises(DataError, match=r"event 1 has x = 6, but the sensor"):
        maker(events_at([1, 2], x=[0, 6]))
    with pytest.raises(DataError, match=r"event 0 has y = 4"):
        maker(events_at([1, 2], y=[4, 0]))
    with pytest.raises(DataError, match=r"event 1 has p = 3"):
        maker(events_at([1, 2], p=[1, 3]))
    with pytest.raises(DataError, match=r"event 2 is at 5 us, after one at 9 us"):
        maker(events_at([1, 9, 5]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ByTime(0), "ByTime: steps is 0"),
        (lambda: ByNumber(2.0), "steps is 2.0"),  # type: ignore[arg-type]
        (lambda: ByTime(True), "steps is True"),
        (lambda: ByDuration(0, 3), "duration_us is 0"),
        (lambda: ByCount(-1, 3), "count is -1"),
        (lambda: TimeSurface(3, 0.0), "tau_us is 0.0"),
        (lambda: TimeSurface(3, float("nan")), "tau_us is nan"),
        (lambda: frame_maker("by_weight", steps=3), "known are: by_count"),
        (lambda: frame_maker("by_count", steps=3), "its settings are count, steps"),
    ],
)
def test_bad_settings(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()


def test_makers_by_name() -> None:
    assert frame_maker("by_duration", duration_us=5, steps=3) == ByDuration(5, 3)
    with pytest.raises(DataError, match="a name may be taken once"):

        class Other(FrameMaker):
            name = "by_time"

            def __call__(self, events: Events) -> np.ndarray:
                return np.zeros(0)
