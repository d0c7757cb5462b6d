"""The synapses of a projection: rows of packed words, one row per source and part of the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.connectivity import native
from neurograph.errors import SpecError
from neurograph.kernels import threads

Array = np.ndarray[Any, Any]


def part_bounds(n: int, parts: int) -> Array:
    """Where the parts of n targets begin and end: ranges of equal size, a multiple of 64; the last ones may be smaller or empty."""
    return np.minimum(np.arange(parts + 1, dtype=np.int64) * part_size(n, parts), n)


def part_size(n: int, parts: int) -> int:
    """Targets in a part."""
    return max(64, -(-n // (64 * parts)) * 64)


def bits_of(n_post: int) -> int:
    """Bits of a word that say which target."""
    return max(1, (n_post - 1).bit_length())


def check_word(n_post: int, shortest: int, longest: int, where: str) -> None:
    """Raise SpecError unless target and delay fit a word of 32 bits."""
    bits, room = bits_of(n_post), (longest - shortest).bit_length()
    if bits + room > 32:
        raise SpecError(
            f"{where}: {n_post} targets need {bits} bits and delays from {shortest} to {longest} steps need {room}, "
            f"but a synapse has 32. Bound the delays (high=...) to at most {shortest + (1 << max(0, 32 - bits)) - 1} steps, "
            "use a larger dt, or split the target population"
        )


@dataclass
class Synapses:
    """Synapses sorted by part of the targets, source, delay and target.

    `words[pointers[part * n_pre + pre] : pointers[part * n_pre + pre + 1]]` is one row in ascending order; a
    word is ((delay - shortest) << bits) | target, with delays in steps and targets counted over the whole
    population. `weight` is one number or an array aligned with `words`. `bounds[part]` is a part's first target.
    """

    n_pre: int
    n_post: int
    parts: int
    bounds: Array
    pointers: Array
    words: Array
    bits: int
    shortest: int
    longest: int
    weight: float | Array

    @property
    def count(self) -> int:
        return len(self.words)

    @property
    def nbytes(self) -> int:
        weight = self.weight.nbytes if isinstance(self.weight, np.ndarray) else 8
        return int(self.words.nbytes + self.pointers.nbytes + self.bounds.nbytes + weight)

    def out_degree(self) -> Array:
        """Synapses of each source, int64."""
        return np.asarray(np.diff(self.pointers).reshape(self.parts, self.n_pre).sum(0))

    def in_degree(self) -> Array:
        """Synapses of each target, int64."""
        by_target = np.zeros(self.n_post + 1, np.int64)
        self._run(0, _pieces(), by_target=by_target)
        return by_target[1:]

    def order(self) -> Array:
        """int64 positions in `words` of the canonical order: by source, delay and target, whatever the parts."""
        out = np.arange(self.count, dtype=np.int64)
        if self.parts > 1 and self.count:
            firsts = np.concatenate([[0], np.cumsum(self.out_degree())])
            longest = int(np.diff(firsts).max())
            self._run(2, min(self.n_pre, 16 * _pieces()), firsts=firsts, order=out, longest=longest)
        return out

    def coo(self) -> tuple[Array, Array, Array, Array]:
        """Source, target (int32), weight (float64) and delay in steps (int32) of each synapse, in canonical order."""
        pre = np.repeat(np.arange(self.n_pre, dtype=np.int32), self.out_degree())
        order = self.order() if self.parts > 1 else slice(None)
        words = self.words[order]
        post = (words & np.uint32((1 << self.bits) - 1)).astype(np.int32)
        # for 32 bits of target there is one delay, and a shift by 32 is not defined
        delay = (words.astype(np.uint64) >> np.uint64(self.bits)).astype(np.int32) + np.int32(self.shortest)
        if isinstance(self.weight, np.ndarray):
            return pre, post, self.weight[order].astype(np.float64), delay
        return pre, post, np.full(self.count, self.weight, np.float64), delay

    def by_target(self) -> tuple[Array, Array, Array]:
        """The same synapses by target: pointers int64[n_post + 1], positions in `words`, and sources int32.

        Those of a target are in the order of their sources, then their delays; positions are int32 where they fit.
        """
        pointers = np.zeros(self.n_post + 1, np.int64)
        positions = np.empty(self.count, np.int32 if self.count < 1 << 31 else np.int64)
        pre = np.empty(self.count, np.int32)
        self._run(0, _pieces(), by_target=pointers)
        np.cumsum(pointers, out=pointers)
        self._run(1, _pieces(), by_target=pointers, positions=positions, sources=pre)
        pointers[1:] = pointers[:-1].copy()
        pointers[0] = 0
        return pointers, positions, pre

    def _run(self, what: int, pieces: int, longest: int = 0, **arrays: Array) -> None:
        if not self.count:
            return
        workers = min(pieces, threads.count())
        scratch = np.empty(workers * (256 + 2 * longest), np.int64)
        places = {name: array.ctypes.data for name, array in arrays.items()}
        description = np.array(
            [
                0, 0, what, pieces, self.n_pre, self.n_post, self.parts, self.bounds.ctypes.data,
                self.pointers.ctypes.data, self.words.ctypes.data, self.count, self.bits,
                *(places.get(name, 0) for name in ("by_target", "positions", "sources", "firsts", "order")),
                scratch.ctypes.data, longest,
            ],
            np.int64,
        )  # fmt: skip
        narrow = "positions" not in arrays or arrays["positions"].dtype == np.int32
        native.run(native.address("index", dtype="int32" if narrow else "int64"), description, workers)


def _pieces() -> int:
    """Ranges of targets to share among threads: each is another reading of all words, so no more than threads."""
    return threads.count()
