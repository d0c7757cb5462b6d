"""Tensors of zeros and ones as bits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.kernels import bits

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def _spikes(count: int, dtype: torch.dtype) -> torch.Tensor:
    return (torch.rand(count, generator=torch.Generator().manual_seed(count)) > 0.7).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 4095, 4096, 4097, 300_003])
def test_there_and_back(dtype: torch.dtype, count: int) -> None:
    x = _spikes(count, dtype)
    held = bits.packed(x)
    assert held is not None and held.nbytes == -(-count // 8)
    again = bits.unpacked(held)
    assert again.dtype == dtype and torch.equal(again, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [-0.0, 0.5, 2.0, -1.0, float("nan"), float("inf"), 1.0078125, 6e-8])
@pytest.mark.parametrize("place", [0, 4097, 299_999, 300_002])
def test_what_is_no_spike_is_found(dtype: torch.dtype, value: float, place: int) -> None:
    x = _spikes(300_003, dtype)
    x[place] = value
    assert bits.packed(x) is None


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=200), st.sampled_from(DTYPES))
@settings(max_examples=40, deadline=None)
def test_any_pattern(values: list[float], dtype: torch.dtype) -> None:
    x = torch.tensor(values, dtype=dtype)
    held = bits.packed(x)
    assert held is not None and torch.equal(bits.unpacked(held), x)
    flat = bits.packed_by_torch(x)
    assert flat.numel() == -(-len(values) // 8)
    assert torch.equal(bits.unpacked_by_torch(flat, len(values)).to(dtype), x)


def test_memory_order_is_kept() -> None:
    x = _spikes(2 * 8 * 5 * 6, torch.float32).view(2, 8, 5, 6).contiguous(memory_format=torch.channels_last)
    held = bits.packed(x)
    assert held is not None
    assert bits.unpacked(held).stride() == x.stride() and torch.equal(bits.unpacked(held), x)
    for other in (x[:, ::2], x[:1].expand(2, 8, 5, 6), x[:, :, 1:]):
        assert bits.packed(other) is None  # not all of its memory, or some of it twice
    assert bits.packed(x.to(torch.int64)) is None


def test_the_same_for_any_number_of_threads() -> None:
    x = _spikes(2_000_003, torch.float32)
    before = torch.get_num_threads()
    try:
        made = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            held = bits.packed(x)
            assert held is not None and torch.equal(bits.unpacked(held), x)
            made.append(held.bits)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(made[0], made[1]) and torch.equal(made[0], made[2])
